/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/self_check.h"

#include "base/clock.h"
#include "base/root.h"
#include "base/text.h"
#include "source/bpf_family.h"
#include "source/objects.h"
#include "source/process.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

/* Where switches of some processes are kept out of tracing a look may see
 * nothing: sleeps get longer. */
#define LOOKS_MAX 8
#define SLEEP_FIRST_NS 200000
#define SLEEP_MAX_NS 3000000
#define PROCS_BYTES_MAX (1u << 20)
#define BALLAST_BYTES_MAX (8u << 20) /* where a page has 64 KiB, a unit's limit of memory is near */
#define TASK_STATE_MASK 3            /* interruptible, uninterruptible */

/* --- comparing ----------------------------------------------------------------------- */

static bool within(uint64_t value, const uint64_t range[2])
{
	return value >= range[0] && value <= range[1];
}

static bool near(int64_t value, const int64_t range[2], int64_t tolerance)
{
	int64_t low = range[0] < range[1] ? range[0] : range[1],
		high = range[0] < range[1] ? range[1] : range[0];

	return value >= low - tolerance && value <= high + tolerance;
}

static const char *differ(char *into, size_t size, uint64_t wrong, uint64_t right)
{
	snprintf(into, size, "%" PRIu64 " instead of %" PRIu64, wrong, right);
	return into;
}

static const char *compare_task(const struct ep_check *seen, const struct self_facts *facts, char *into,
				size_t size)
{
	char comm[sizeof(seen->comm) + 1] = "";

	memcpy(comm, seen->comm, sizeof(seen->comm));
	if (seen->tgid != seen->helper_tgid)
		return differ(into, size, seen->tgid, seen->helper_tgid), "process id";
	if (seen->task_pid != seen->helper_pid)
		return differ(into, size, seen->task_pid, seen->helper_pid), "thread id";
	if (strcmp(comm, facts->comm)) {
		snprintf(into, size, "'%s' instead of '%s'", comm, facts->comm);
		text_clean(into);
		return "command name";
	}
	if (seen->cpu != seen->helper_cpu)
		return differ(into, size, seen->cpu, seen->helper_cpu), "CPU";
	if ((seen->state & TASK_STATE_MASK) != 1 || (seen->argument_state & TASK_STATE_MASK) != 1) {
		snprintf(into, size, "%u, as argument %u, instead of 1", seen->state, seen->argument_state);
		return "task state";
	}
	return NULL;
}

static const char *compare_cgroup(const struct ep_check *seen, const struct self_facts *facts, char *into,
				  size_t size)
{
	if (seen->unified_id != seen->helper_unified_id)
		return differ(into, size, seen->unified_id, seen->helper_unified_id), "unified cgroup id";
	if ((uint32_t)seen->hierarchy_id != facts->hierarchy_id)
		return differ(into, size, (uint32_t)seen->hierarchy_id, facts->hierarchy_id),
		       "cgroup hierarchy's number";
	if (facts->has_cgroup_id && seen->cgroup_id != facts->cgroup_id)
		return differ(into, size, seen->cgroup_id, facts->cgroup_id), "cgroup id";
	return NULL;
}

static const char *compare_times(const struct ep_check *seen, const struct self_facts *facts, char *into,
				 size_t size)
{
	if (!within(seen->exec_ns, facts->exec_ns))
		return differ(into, size, seen->exec_ns, facts->exec_ns[0]), "run time in ns";
	if (!within(seen->faults_minor, facts->faults_minor))
		return differ(into, size, seen->faults_minor, facts->faults_minor[0]), "minor page faults";
	if (!within(seen->faults_major, facts->faults_major))
		return differ(into, size, seen->faults_major, facts->faults_major[0]), "major page faults";
	return NULL;
}

static const char *compare_memory(const struct ep_check *seen, const struct self_facts *facts, char *into,
				  size_t size)
{
	/* Of wrong types these may be any numbers, whose signed sum need not exist. */
	int64_t file =
		(int64_t)((uint64_t)seen->rss_pages[EP_RSS_FILE] + (uint64_t)seen->rss_pages[EP_RSS_SHMEM]);

	if (!seen->mm_users || seen->mm_users > 1u << 20)
		return differ(into, size, seen->mm_users, 1), "users of the address space";
	if (!near(seen->rss_pages[EP_RSS_ANON], facts->anon_pages, facts->tolerance_pages))
		return differ(into, size, (uint64_t)seen->rss_pages[EP_RSS_ANON],
			      (uint64_t)facts->anon_pages[0]),
		       "resident anonymous pages";
	if (!near(file, facts->file_pages, 2 * facts->tolerance_pages))
		return differ(into, size, (uint64_t)file, (uint64_t)facts->file_pages[0]),
		       "resident file pages";
	return NULL;
}

const char *self_check_compare(const struct ep_check *seen, const struct self_facts *facts, char *into,
			       size_t size)
{
	const char *wrong = compare_task(seen, facts, into, size);

	if (!wrong)
		wrong = compare_cgroup(seen, facts, into, size);
	if (!wrong)
		wrong = compare_times(seen, facts, into, size);
	return wrong ? wrong : compare_memory(seen, facts, into, size);
}

/* --- what is true ------------------------------------------------------------------------ */

/* The kernel's percpu_counter_batch, on every CPU; 64 events per thread before 6.2. */
static int64_t tolerance_pages(uint32_t cpus)
{
	int64_t batch = cpus * 2 > 32 ? cpus * 2 : 32, all = batch * cpus;

	return all > 64 ? all : 64;
}

static int read_pages(int64_t *ret_anon, int64_t *ret_file)
{
	unsigned long long size, resident, shared;
	char text[256];
	int r = root_read_text("/", "/proc/self/statm", text, sizeof(text));

	if (r < 0)
		return r;
	if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3)
		return -EBADMSG;
	*ret_anon = (int64_t)(resident - shared);
	*ret_file = (int64_t)shared;
	return 0;
}

/* The run time is the innermost reading: nothing else tolerates as little. */
static int read_before(struct self_facts *f)
{
	struct rusage usage;
	int r = read_pages(&f->anon_pages[0], &f->file_pages[0]);

	if (r < 0)
		return r;
	if (prctl(PR_GET_NAME, f->comm) || getrusage(RUSAGE_THREAD, &usage))
		return -errno;
	f->faults_minor[0] = (uint64_t)usage.ru_minflt;
	f->faults_major[0] = (uint64_t)usage.ru_majflt;
	f->exec_ns[0] = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return 0;
}

static int read_after(struct self_facts *f)
{
	struct rusage usage;

	f->exec_ns[1] = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if (getrusage(RUSAGE_THREAD, &usage))
		return -errno;
	f->faults_minor[1] = (uint64_t)usage.ru_minflt;
	f->faults_major[1] = (uint64_t)usage.ru_majflt;
	return read_pages(&f->anon_pages[1], &f->file_pages[1]);
}

static bool lists_this_process(const char *procs)
{
	long own = getpid();

	for (const char *p = procs; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strtol(p, NULL, 10) == own)
			return true;
	return false;
}

/* In a cgroup namespace with a mount from outside the path leads to another
 * cgroup: only one that lists this process is its own. */
static void find_cgroup(const struct self_check_place *place, struct self_facts *f)
{
	_cleanup_free_ char *procs = NULL;
	char path[EP_PATH_MAX], folder[EP_PATH_MAX + 512], full[sizeof(folder) + 512];
	struct stat st;

	if (process_cgroup_path("/", getpid(), place->hierarchy, path, sizeof(path)) < 0)
		return;
	snprintf(folder, sizeof(folder), "%s%s/cgroup.procs", place->mount, path);
	if (root_read_file(place->root, folder, PROCS_BYTES_MAX, &procs, NULL) < 0 ||
	    !lists_this_process(procs))
		return;
	snprintf(full, sizeof(full), "%s%s%s", !strcmp(place->root, "/") ? "" : place->root, place->mount,
		 path);
	f->has_cgroup_id = !stat(full, &st);
	f->cgroup_id = st.st_ino;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Memory that is there for certain, so that a count of zero is seen as wrong. */
static void *ballast_map(const struct self_facts *f, size_t *ret_bytes)
{
	size_t bytes = 2 * (size_t)f->tolerance_pages * (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	*ret_bytes = bytes < BALLAST_BYTES_MAX ? bytes : BALLAST_BYTES_MAX;
	memory = mmap(NULL, *ret_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		      -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int prepare(struct ep_check *c)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		return -errno;
	memset(c, 0, sizeof(*c));
	/* The kernel's own form of a device number. */
	c->namespace_device = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	c->namespace_inode = st.st_ino;
	return 0;
}

/* 1: seen, 0: not. The program looks for as short as possible, so that no switch
 * but the sleep's is in between. */
static int look(struct ep_check *c, struct self_facts *facts, long sleep_ns)
{
	const struct timespec pause = { 0, sleep_ns };
	uint32_t thread = (uint32_t)syscall(SYS_gettid);
	int r = prepare(c);

	if (r == 0)
		r = read_before(facts);
	if (r < 0)
		return r;
	__atomic_store_n(&c->pid, thread, __ATOMIC_SEQ_CST);
	nanosleep(&pause, NULL);
	__atomic_store_n(&c->pid, 0, __ATOMIC_SEQ_CST);
	r = read_after(facts);
	return r < 0 ? r : c->seen != 0;
}

static void judge(const struct ep_check *c, const struct self_facts *facts, const char *source,
		  struct self_check *ret)
{
	char values[96];
	const char *figure = self_check_compare(c, facts, values, sizeof(values));

	ret->verdict = figure ? SELF_CHECK_WRONG : SELF_CHECK_PASSED;
	ret->reason[0] = '\0';
	if (figure)
		snprintf(ret->reason, sizeof(ret->reason),
			 "self-check: %s read as %s; the types of %.80s are not those of this kernel", figure,
			 values, source);
}

/* One look that is right in every figure proves the types. A look may fall into a
 * moment of change, or be at a switch that was no sleep: several must be wrong. */
static void look_until_sure(struct ep_check *c, struct self_facts *facts, const char *source,
			    struct self_check *ret)
{
	long sleep_ns = SLEEP_FIRST_NS;

	for (int i = 0; i < LOOKS_MAX && ret->verdict != SELF_CHECK_PASSED; i++) {
		int r = look(c, facts, sleep_ns);

		if (r < 0 && ret->verdict == SELF_CHECK_UNKNOWN)
			snprintf(ret->reason, sizeof(ret->reason), "self-check: %s", strerror(-r));
		if (r > 0)
			judge(c, facts, source, ret);
		sleep_ns = sleep_ns * 2 < SLEEP_MAX_NS ? sleep_ns * 2 : SLEEP_MAX_NS;
	}
}

static void check(struct bpf_family *family, const struct bpf_kernel *kernel, const struct bpf_slots *slots,
		  const struct self_check_place *place, struct self_check *ret)
{
	const struct ep_config *config = bpf_slots_config(slots);
	struct self_facts facts = { .hierarchy_id = config->hierarchy_id,
				    .tolerance_pages = tolerance_pages(config->cpus) };
	struct ep_check *c = bpf_family_map(family, "ep_check");
	size_t ballast_bytes;
	void *ballast = ballast_map(&facts, &ballast_bytes);

	ret->verdict = SELF_CHECK_UNKNOWN;
	snprintf(ret->reason, sizeof(ret->reason), "self-check: no switch of this process was seen");
	find_cgroup(place, &facts);
	look_until_sure(c, &facts, bpf_kernel_btf_source(kernel), ret);
	if (ballast)
		munmap(ballast, ballast_bytes);
}

void self_check_run(const struct bpf_kernel *kernel, struct bpf_slots *slots,
		    const struct self_check_place *place, struct self_check *ret)
{
	const struct bpf_family_spec spec = {
		.name = "check",
		.object = ep_object_check,
		.object_size = (size_t)(ep_object_check_end - ep_object_check),
		.hooks = { { "check", "sched_switch", true } },
		.maps = { { "ep_check", BPF_FAMILY_MAP_FIXED } },
	};
	uint64_t began_ns = clock_mono_ns();
	struct family_snapshot state;
	struct bpf_family *family;

	memset(ret, 0, sizeof(*ret));
	if (bpf_family_open(&spec, kernel, slots, "raw_tp", &state, &family) < 0) {
		ret->verdict = SELF_CHECK_UNKNOWN;
		snprintf(ret->reason, sizeof(ret->reason), "self-check: %.200s", state.reason);
	} else {
		check(family, kernel, slots, place, ret);
		bpf_family_close(family);
	}
	ret->took_ns = clock_mono_ns() - began_ns;
}
