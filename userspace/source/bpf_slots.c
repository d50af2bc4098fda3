/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_slots.h"

#include "source/libbpf_old.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define EVENTS_BYTES (256 * 1024)

struct bpf_slots {
	struct ep_config config;
	int ids_fd, free_fd, owner_fd, cache_fd, losses_fd, events_fd;
	uint64_t *owners;
	size_t owners_bytes;
	uint64_t *losses;
	struct ring_buffer *ring;
	bpf_slots_event handle;
	void *handle_data;
};

static size_t page_round(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static int make_map(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 entries,
		    __u32 flags, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, name, key, value, entries, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int make_maps(struct bpf_slots *s)
{
	int r;

	r = make_map(BPF_MAP_TYPE_HASH, "ep_slots", 8, 4, s->config.slots, 0, &s->ids_fd);
	if (r < 0)
		return r;
	r = make_map(BPF_MAP_TYPE_QUEUE, "ep_slots_free", 0, 4, s->config.slots, 0, &s->free_fd);
	if (r < 0)
		return r;
	r = make_map(BPF_MAP_TYPE_ARRAY, "ep_slot_owner", 4, 8, s->config.slots, BPF_F_MMAPABLE,
		     &s->owner_fd);
	if (r < 0)
		return r;
	r = make_map(BPF_MAP_TYPE_ARRAY, "ep_slot_cache", 4, sizeof(struct ep_slot_cached),
		     s->config.cpus * EP_SLOT_CACHE, 0, &s->cache_fd);
	if (r < 0)
		return r;
	r = make_map(BPF_MAP_TYPE_ARRAY, "ep_losses", 4, 8, EP_LOSS_COUNT, BPF_F_MMAPABLE, &s->losses_fd);
	if (r < 0)
		return r;
	return make_map(BPF_MAP_TYPE_RINGBUF, "ep_events", 0, 0, EVENTS_BYTES, 0, &s->events_fd);
}

static int map_memory(int fd, size_t bytes, uint64_t **ret)
{
	void *p = mmap(NULL, page_round(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

static int on_event(void *data, void *record, size_t size)
{
	struct bpf_slots *s = data;

	if (size >= sizeof(struct ep_event))
		s->handle(s->handle_data, record);
	return 0;
}

static int fill_free_queue(struct bpf_slots *s)
{
	for (uint32_t slot = 1; slot < s->config.slots; slot++) {
		int r = bpf_slots_give_back(s, slot);

		if (r < 0)
			return r;
	}
	return 0;
}

int bpf_slots_open(const struct ep_config *config, struct bpf_slots **ret)
{
	struct bpf_slots *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->ids_fd = s->free_fd = s->owner_fd = s->cache_fd = s->losses_fd = s->events_fd = -1;
	r = make_maps(s);
	if (r < 0)
		goto fail;
	s->owners_bytes = config->slots * sizeof(uint64_t);
	r = map_memory(s->owner_fd, s->owners_bytes, &s->owners);
	if (r < 0)
		goto fail;
	r = map_memory(s->losses_fd, EP_LOSS_COUNT * sizeof(uint64_t), &s->losses);
	if (r < 0)
		goto fail;
	s->ring = ring_buffer__new(s->events_fd, on_event, s, NULL);
	r = libbpf_get_error(s->ring) ? -ENOMEM : fill_free_queue(s);
	if (r < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	bpf_slots_close(s);
	return r;
}

void bpf_slots_close(struct bpf_slots *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	if (s->owners)
		munmap(s->owners, page_round(s->owners_bytes));
	if (s->losses)
		munmap(s->losses, page_round(EP_LOSS_COUNT * sizeof(uint64_t)));
	cleanup_close(&s->ids_fd);
	cleanup_close(&s->free_fd);
	cleanup_close(&s->owner_fd);
	cleanup_close(&s->cache_fd);
	cleanup_close(&s->losses_fd);
	cleanup_close(&s->events_fd);
	free(s);
}

int bpf_slots_share(const struct bpf_slots *s, struct bpf_object *object)
{
	const struct {
		const char *name;
		int fd;
	} shared[] = {
		{ "ep_slots", s->ids_fd },        { "ep_slots_free", s->free_fd },
		{ "ep_slot_owner", s->owner_fd }, { "ep_slot_cache", s->cache_fd },
		{ "ep_losses", s->losses_fd },    { "ep_events", s->events_fd },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, shared[i].name);
		int r = map ? bpf_map__reuse_fd(map, shared[i].fd) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

const struct ep_config *bpf_slots_config(const struct bpf_slots *s)
{
	return &s->config;
}

const uint64_t *bpf_slots_owners(const struct bpf_slots *s)
{
	return s->owners;
}

uint64_t bpf_slots_loss(const struct bpf_slots *s, enum ep_loss reason)
{
	return __atomic_load_n(&s->losses[reason], __ATOMIC_RELAXED);
}

int bpf_slots_forget(struct bpf_slots *s, uint64_t cgroup_id)
{
	const struct ep_slot_cached nothing = {};

	for (uint32_t cpu = 0; cpu < s->config.cpus; cpu++) {
		uint32_t key = cpu * EP_SLOT_CACHE + (uint32_t)(cgroup_id & (EP_SLOT_CACHE - 1));
		int r = bpf_map_update_elem(s->cache_fd, &key, &nothing, BPF_ANY);

		if (r < 0)
			return r;
	}
	return bpf_map_delete_elem(s->ids_fd, &cgroup_id);
}

int bpf_slots_try_lookup(const struct bpf_slots *s)
{
	uint64_t id = 0;
	uint32_t slot;

	return !bpf_map_lookup_elem(s->ids_fd, &id, &slot) || errno == ENOENT ? 0 : -errno;
}

int bpf_slots_give_back(struct bpf_slots *s, uint32_t slot)
{
	s->owners[slot] = 0;
	return bpf_map_update_elem(s->free_fd, NULL, &slot, BPF_ANY);
}

int bpf_slots_take(struct bpf_slots *s, uint64_t cgroup_id, uint32_t *ret_slot)
{
	uint32_t slot;
	int r;

	if (!bpf_map_lookup_elem(s->ids_fd, &cgroup_id, ret_slot))
		return 0;
	r = bpf_map_lookup_and_delete_elem(s->free_fd, NULL, &slot);
	if (r < 0)
		return -ENOSPC;
	r = bpf_map_update_elem(s->ids_fd, &cgroup_id, &slot, BPF_NOEXIST);
	if (r == 0) {
		s->owners[slot] = cgroup_id;
		*ret_slot = slot;
		return 0;
	}
	r = bpf_slots_give_back(s, slot); /* the kernel side was first */
	return r < 0 ? r : bpf_map_lookup_elem(s->ids_fd, &cgroup_id, ret_slot);
}

int bpf_slots_events_fd(const struct bpf_slots *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int bpf_slots_consume(struct bpf_slots *s, bpf_slots_event handle, void *data)
{
	s->handle = handle;
	s->handle_data = data;
	return ring_buffer__consume(s->ring);
}

uint64_t bpf_map_charged_bytes(int fd)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

uint64_t bpf_slots_map_bytes(const struct bpf_slots *s)
{
	return bpf_map_charged_bytes(s->ids_fd) + bpf_map_charged_bytes(s->free_fd) +
	       bpf_map_charged_bytes(s->owner_fd) + bpf_map_charged_bytes(s->cache_fd) +
	       bpf_map_charged_bytes(s->losses_fd) + bpf_map_charged_bytes(s->events_fd);
}
