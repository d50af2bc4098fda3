/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads every program of the BPF objects alone and prints how many instructions
 * the verifier of this kernel went through: PROGRAM COUNT, or PROGRAM -ERRNO.
 *
 *	bpf_verify OBJECT...
 */
#include "base/text.h"
#include "source/bpf_kernel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define LOG_LEVEL_STATS 4
#define LOG_BYTES (64 * 1024)

static int write_config(struct bpf_object *object, const struct ep_config *config)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (text_ends_with(bpf_map__name(map), ".rodata"))
			return bpf_map__set_initial_value(map, config, sizeof(*config));
	return -ENOENT;
}

static long processed(const char *log)
{
	const char *line = strstr(log, "processed ");

	return line ? strtol(line + strlen("processed "), NULL, 10) : -ENODATA;
}

/* The count for program number `index`; -ENOENT when there are fewer. */
static long verify(const char *path, const struct ep_config *config, int index, char *ret_name, size_t size)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	_cleanup_free_ char *log = calloc(1, LOG_BYTES);
	struct bpf_program *program;
	long r = -ENOENT, load = 0;
	int i = 0;

	if (libbpf_get_error(object) || !log)
		return -EINVAL;
	bpf_object__for_each_program(program, object) {
		bool chosen = i++ == index;

		bpf_program__set_autoload(program, chosen);
		if (!chosen)
			continue;
		r = 0;
		text_copy(ret_name, size, bpf_program__name(program));
		bpf_program__set_log_level(program, LOG_LEVEL_STATS);
		bpf_program__set_log_buf(program, log, LOG_BYTES);
	}
	if (r == 0)
		r = write_config(object, config);
	if (r == 0)
		load = bpf_object__load(object);
	if (r == 0)
		r = load < 0 ? load : processed(log);
	bpf_object__close(object);
	return r;
}

int main(int argc, char **argv)
{
	struct bpf_kernel kernel;
	char name[64];

	bpf_kernel_probe(&kernel);
	if (!kernel.usable) {
		fprintf(stderr, "bpf_verify: %s\n", kernel.reason);
		return 1;
	}
	/* Fixed, so that the counts are of the programs and not of the machine. */
	kernel.config.slots = 1024;
	kernel.config.cpus = 8;
	kernel.config.hierarchy = EP_HIERARCHY_MEMORY;
	kernel.config.hierarchy_id = 1;
	for (int i = 1; i < argc; i++)
		for (int index = 0;; index++) {
			long r = verify(argv[i], &kernel.config, index, name, sizeof(name));

			if (r == -ENOENT)
				break;
			printf("%s %ld\n", name, r);
		}
	bpf_kernel_clear(&kernel);
	return 0;
}
