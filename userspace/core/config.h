/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator may set. Every key is a line of the configuration file and
 * a long option of the same name: app/options.c holds the one table. */
#ifndef EP_CORE_CONFIG_H
#define EP_CORE_CONFIG_H

#include "base/log.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum config_hierarchy {
	CONFIG_HIERARCHY_AUTO,
	CONFIG_HIERARCHY_UNIFIED,
	CONFIG_HIERARCHY_MEMORY,
	CONFIG_HIERARCHY_CPUACCT
};
enum config_door { CONFIG_DOOR_AUTO, CONFIG_DOOR_TP_BTF, CONFIG_DOOR_RAW_TP };
enum config_metering { CONFIG_METERING_SAMPLED, CONFIG_METERING_ALWAYS, CONFIG_METERING_OFF };

struct config {
	uint64_t interval_ns;            /* interval: 100 ms to 60 s */
	char publish[512];               /* publish: one or more addresses, comma-separated; "" = none */
	char root[256];                  /* root: where /proc and /sys are read */
	char run_dir[256];               /* run-dir: the lock lives here */
	char group[64];                  /* group: owner of ipc sockets when it exists */
	mode_t socket_mode;              /* socket-mode: 0660 */
	enum config_hierarchy hierarchy; /* hierarchy: auto, unified, memory, cpuacct */
	uint32_t slots; /* slots: cgroups counted apart at once; 0 = as many as 4 MiB allow, at most 1024 */
	bool cpu, mem, io;     /* families: cpu,mem,io or none */
	bool run_queue;        /* run-queue: waits, sleeps and the matrix; off halves the cost of a switch */
	enum config_door door; /* door: auto, tp_btf, raw_tp */
	char btf[256];         /* btf: a file, or a folder of files, of which this kernel's is taken */
	enum config_metering metering; /* self-metering: sampled, always, off */
	enum log_level log_level;      /* log-level */
	char docker_roots[512], containerd_states[512], podman_roots[512], crio_roots[512];
};

extern const struct config config_defaults;

#endif
