/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/mem.h"

#include "base/clock.h"
#include "base/root.h"
#include "source/cgroup_files.h"
#include "source/objects.h"
#include "source/process.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define WALK_CHUNK 256 /* more than any bucket of the tables holds */

struct mem_source {
	struct bpf_family_spec spec;
	struct bpf_family *family;
	struct bpf_slots *bpf_slots;
	struct ep_mem_slot *slots;
	uint32_t n_slots;
	uint64_t page_bytes;
	bool has_direct, has_memcg, has_compaction, has_victims; /* this kernel has the hooks */
	int mms_fd, seeds_fd;
	uint64_t keys[WALK_CHUNK]; /* of 4 or 8 bytes */
	struct ep_mem_mm entries[WALK_CHUNK];
};

static const struct bpf_family_spec mem_spec = {
	.name = "mem",
	.hooks = {
		{ "rss", "rss_stat", true },
		{ "oomexit", "sched_process_exit", true },
		{ "attach", "cgroup_attach_task", false },
		{ "victim", "mark_victim", false },
		{ "dbegin", "mm_vmscan_direct_reclaim_begin", false },
		{ "dend", "mm_vmscan_direct_reclaim_end", false },
		{ "mbegin", "mm_vmscan_memcg_reclaim_begin", false },
		{ "mend", "mm_vmscan_memcg_reclaim_end", false },
		{ "compact", "mm_compaction_try_to_compact_pages", false },
	},
	.maps = {
		{ "ep_mem", BPF_FAMILY_MAP_PER_SLOT },
		{ "ep_mem_mm", BPF_FAMILY_MAP_FIXED },
		{ "ep_mem_seeds", BPF_FAMILY_MAP_FIXED },
		{ "ep_mem_moves", BPF_FAMILY_MAP_FIXED },
		{ "ep_mem_seen", BPF_FAMILY_MAP_FIXED },
		{ "ep_mem_start", BPF_FAMILY_MAP_FIXED },
		{ "ep_mem_victims", BPF_FAMILY_MAP_FIXED },
	},
};

/* --- entries of the kernel side ------------------------------------------------- */

static void add_pages(struct mem_source *s, const struct ep_mem_mm *entry, int sign)
{
	if (entry->slot >= s->n_slots)
		return;
	for (int i = 0; i < EP_RSS_KINDS; i++)
		__atomic_fetch_add(&s->slots[entry->slot].rss_pages[i], sign * entry->pages[i],
				   __ATOMIC_RELAXED);
}

typedef void (*entry_visit)(struct mem_source *s, const void *key, const struct ep_mem_mm *entry,
			    const void *data);

static int walk(struct mem_source *s, int fd, size_t key_size, entry_visit visit, const void *data)
{
	uint32_t at = 0;
	int r;

	for (bool first = true;; first = false) {
		uint32_t n = WALK_CHUNK;

		r = bpf_map_lookup_batch(fd, first ? NULL : &at, &at, s->keys, s->entries, &n, NULL);
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++)
			visit(s, (const char *)s->keys + i * key_size, &s->entries[i], data);
		if (r == -ENOENT)
			return 0;
	}
}

/* --- processes that were there before -------------------------------------------- */

struct seeding {
	struct mem_source *source;
	const char *root;
	const char *hierarchy, *mount; /* the one in use */
	uint64_t opened_ns;            /* CLOCK_BOOTTIME before the first program was attached */
};

/* Takes back a seed; the kernel side may be first, then nothing is left to do. */
static void drop_seed(struct mem_source *s, uint32_t tgid)
{
	struct ep_mem_mm seed;

	if (!bpf_map_lookup_elem(s->seeds_fd, &tgid, &seed) && !bpf_map_delete_elem(s->seeds_fd, &tgid))
		add_pages(s, &seed, -1);
}

static int cgroup_id_of(const struct seeding *seeding, int tgid, uint64_t *ret)
{
	char path[EP_PATH_MAX], full[EP_PATH_MAX * 2 + 256];
	struct stat st;
	int r;

	r = process_cgroup_path(seeding->root, tgid, seeding->hierarchy, path, sizeof(path));
	if (r < 0)
		return r;
	r = snprintf(full, sizeof(full), "%s%s%s", seeding->root, seeding->mount, path);
	if (r >= (int)sizeof(full))
		return -ENAMETOOLONG;
	if (stat(full, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

static bool started_before(const struct seeding *seeding, int tgid)
{
	char path[64], text[1024];
	unsigned long long ticks;
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", tgid);
	if (root_read_text(seeding->root, path, text, sizeof(text)) < 0)
		return false;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p ||
	    sscanf(p + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		   &ticks) != 1)
		return false;
	/* Times are rounded down: whoever started in that tick is left out. */
	return (ticks + 1) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK)) < seeding->opened_ns;
}

static int seed(void *data, int tgid, const struct process_memory *memory)
{
	struct seeding *seeding = data;
	struct mem_source *s = seeding->source;
	struct ep_mem_mm entry = { .tgid = (uint32_t)tgid };
	uint64_t cgroup_id;

	if (!started_before(seeding, tgid) || cgroup_id_of(seeding, tgid, &cgroup_id) < 0 ||
	    bpf_slots_take(s->bpf_slots, cgroup_id, &entry.slot) < 0)
		return 0;
	entry.pages[EP_RSS_FILE] = (int64_t)memory->rss_file_pages;
	entry.pages[EP_RSS_ANON] = (int64_t)memory->rss_anon_pages;
	entry.pages[EP_RSS_SWAP] = (int64_t)memory->swap_pages;
	entry.pages[EP_RSS_SHMEM] = (int64_t)memory->rss_shmem_pages;
	add_pages(s, &entry, 1); /* first: the kernel side may take it back at once */
	if (bpf_map_update_elem(s->seeds_fd, &entry.tgid, &entry, BPF_NOEXIST) < 0)
		add_pages(s, &entry, -1);
	return 0;
}

/* Seen by the kernel side while the seeds were being made. */
static void drop_seed_of_entry(struct mem_source *s, const void *key, const struct ep_mem_mm *entry,
			       const void *data)
{
	(void)key;
	(void)data;
	drop_seed(s, entry->tgid);
}

/* Ended before its seed was there to be taken back. */
static void drop_seed_of_ended(struct mem_source *s, const void *key, const struct ep_mem_mm *entry,
			       const void *data)
{
	const struct seeding *seeding = data;

	(void)key;
	if (!started_before(seeding, (int)entry->tgid))
		drop_seed(s, entry->tgid);
}

static void raise_peaks(struct mem_source *s)
{
	for (uint32_t i = 0; i < s->n_slots; i++) {
		struct ep_mem_slot *m = &s->slots[i];
		int64_t pages =
			m->rss_pages[EP_RSS_FILE] + m->rss_pages[EP_RSS_ANON] + m->rss_pages[EP_RSS_SHMEM];

		if (pages > (int64_t)m->rss_peak_pages)
			m->rss_peak_pages = (uint64_t)pages;
	}
}

static void find_hierarchy(struct seeding *seeding, const struct cgroup_mounts *mounts, uint32_t hierarchy)
{
	switch (hierarchy) {
	case EP_HIERARCHY_MEMORY:
		seeding->hierarchy = "memory";
		seeding->mount = mounts->memory;
		break;
	case EP_HIERARCHY_CPUACCT:
		seeding->hierarchy = "cpuacct";
		seeding->mount = mounts->cpuacct;
		break;
	case EP_HIERARCHY_IO:
		seeding->hierarchy = "blkio";
		seeding->mount = mounts->io;
		break;
	default:
		seeding->hierarchy = "";
		seeding->mount = mounts->unified;
	}
}

static int seed_processes(struct mem_source *s, const char *root, uint64_t opened_ns)
{
	struct seeding seeding = { .source = s, .root = root, .opened_ns = opened_ns };
	struct cgroup_mounts mounts;
	int r = cgroup_mounts_read(root, &mounts);

	if (r < 0)
		return r;
	find_hierarchy(&seeding, &mounts, bpf_slots_config(s->bpf_slots)->hierarchy);
	r = process_walk(root, seed, &seeding);
	if (r < 0)
		return r;
	r = walk(s, s->mms_fd, sizeof(uint64_t), drop_seed_of_entry, NULL);
	if (r < 0)
		return r;
	r = walk(s, s->seeds_fd, sizeof(uint32_t), drop_seed_of_ended, &seeding);
	raise_peaks(s);
	return r;
}

/* --- the family -------------------------------------------------------------------- */

static void find_hooks(struct mem_source *s)
{
	s->has_direct = bpf_family_attached(s->family, "dbegin") && bpf_family_attached(s->family, "dend");
	s->has_memcg = bpf_family_attached(s->family, "mbegin") && bpf_family_attached(s->family, "mend");
	s->has_compaction = bpf_family_attached(s->family, "compact");
	s->has_victims = bpf_family_attached(s->family, "victim");
}

int mem_source_open(const char *root, const struct bpf_kernel *kernel, struct bpf_slots *slots,
		    const char *door, struct family_snapshot *ret_state, struct mem_source **ret)
{
	uint64_t opened_ns = clock_ns(CLOCK_BOOTTIME);
	struct mem_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->spec = mem_spec;
	s->spec.object = ep_object_mem;
	s->spec.object_size = (size_t)(ep_object_mem_end - ep_object_mem);
	s->bpf_slots = slots;
	s->n_slots = bpf_slots_config(slots)->slots;
	s->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	r = bpf_family_open(&s->spec, kernel, slots, door, ret_state, &s->family);
	if (r < 0) {
		mem_source_close(s);
		return r;
	}
	find_hooks(s);
	s->slots = bpf_family_map(s->family, "ep_mem");
	s->mms_fd = bpf_family_map_fd(s->family, "ep_mem_mm");
	s->seeds_fd = bpf_family_map_fd(s->family, "ep_mem_seeds");
	if (seed_processes(s, root, opened_ns) < 0 && ret_state->state == FAMILY_RUNNING) {
		ret_state->state = FAMILY_DEGRADED;
		snprintf(ret_state->reason, sizeof(ret_state->reason),
			 "processes older than edgeprof count from their next change of size");
	}
	*ret = s;
	return 0;
}

void mem_source_close(struct mem_source *s)
{
	if (!s)
		return;
	bpf_family_close(s->family);
	free(s);
}

struct bpf_family *mem_source_family(const struct mem_source *s)
{
	return s->family;
}

/* --- reading ------------------------------------------------------------------------ */

/* Two additions of one move may be seen apart: no size is below zero. */
static uint64_t bytes_of(const struct mem_source *s, int64_t pages)
{
	return pages > 0 ? (uint64_t)pages * s->page_bytes : 0;
}

static void read_pages(const struct mem_source *s, const struct ep_mem_slot *m, struct metrics *into)
{
	metrics_set(into, METRIC_rss_anon_bytes, bytes_of(s, m->rss_pages[EP_RSS_ANON]));
	metrics_set(into, METRIC_rss_file_bytes, bytes_of(s, m->rss_pages[EP_RSS_FILE]));
	metrics_set(into, METRIC_rss_shmem_bytes, bytes_of(s, m->rss_pages[EP_RSS_SHMEM]));
	metrics_set(into, METRIC_rss_swap_bytes, bytes_of(s, m->rss_pages[EP_RSS_SWAP]));
	metrics_set(into, METRIC_rss_peak_bytes, m->rss_peak_pages * s->page_bytes);
}

void mem_source_read(const struct mem_source *s, uint32_t slot, struct metrics *into)
{
	const struct ep_mem_slot *m;

	if (slot >= s->n_slots)
		return;
	m = &s->slots[slot];
	read_pages(s, m, into);
	if (s->has_direct) {
		metrics_set(into, METRIC_direct_reclaims, m->direct_reclaims);
		metrics_set(into, METRIC_direct_reclaim_ns, m->direct_reclaim_ns);
	}
	if (s->has_memcg) {
		metrics_set(into, METRIC_memcg_reclaims, m->memcg_reclaims);
		metrics_set(into, METRIC_memcg_reclaim_ns, m->memcg_reclaim_ns);
	}
	if (s->has_compaction)
		metrics_set(into, METRIC_compaction_stalls, m->compaction_stalls);
	if (s->has_victims)
		metrics_set(into, METRIC_oom_kills, m->oom_kills);
	if (!s->has_direct && !s->has_memcg)
		return;
	memcpy(into->histogram[HISTOGRAM_reclaim_hist], m->reclaim_hist, sizeof(m->reclaim_hist));
	metrics_mark_histogram(into, HISTOGRAM_reclaim_hist);
}

static void delete_mm_of_slot(struct mem_source *s, const void *key, const struct ep_mem_mm *entry,
			      const void *slot)
{
	if (entry->slot == *(const uint32_t *)slot)
		bpf_map_delete_elem(s->mms_fd, key);
}

static void delete_seed_of_slot(struct mem_source *s, const void *key, const struct ep_mem_mm *entry,
				const void *slot)
{
	if (entry->slot == *(const uint32_t *)slot)
		bpf_map_delete_elem(s->seeds_fd, key);
}

void mem_source_clear(struct mem_source *s, uint32_t slot)
{
	if (slot >= s->n_slots)
		return;
	/* A table that cannot be walked leaves at most an entry that its next
	 * event puts right. */
	(void)!walk(s, s->mms_fd, sizeof(uint64_t), delete_mm_of_slot, &slot);
	(void)!walk(s, s->seeds_fd, sizeof(uint32_t), delete_seed_of_slot, &slot);
	memset(&s->slots[slot], 0, sizeof(s->slots[slot]));
}
