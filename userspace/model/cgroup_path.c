/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/cgroup_path.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>

#define ID_HEX_DIGITS 64
#define BUILD_ID_LENGTH 25 /* buildkit's own ids, lower-case base 36 */

struct piece { /* a part of the path; not NUL-terminated */
	const char *text;
	size_t length;
};

enum rank { RANK_PLAIN, RANK_UNIT, RANK_MACHINE, RANK_POD, RANK_CONTAINER };

struct scan {
	struct cgroup_path *ret;
	enum rank rank;
	struct piece before, before2; /* the components before this one */
	size_t end;                   /* offset behind this component */
	size_t pod_end;               /* offset behind the innermost pod, 0: none */
	bool in_kubepods;
	const char *qos;
};

static bool piece_is(struct piece p, const char *text)
{
	return p.length == strlen(text) && !memcmp(p.text, text, p.length);
}

static bool piece_has(struct piece p, const char *text)
{
	return memmem(p.text, p.length, text, strlen(text));
}

static bool piece_starts(struct piece p, const char *prefix)
{
	size_t length = strlen(prefix);

	return p.length >= length && !memcmp(p.text, prefix, length);
}

static bool piece_ends(struct piece p, const char *suffix)
{
	size_t length = strlen(suffix);

	return p.length >= length && !memcmp(p.text + p.length - length, suffix, length);
}

static struct piece piece_between(struct piece p, size_t head, size_t tail)
{
	return (struct piece){ p.text + head, p.length - head - tail };
}

static bool piece_only(struct piece p, const char *set)
{
	for (size_t i = 0; i < p.length; i++)
		if (!p.text[i] || !strchr(set, p.text[i]))
			return false;
	return true;
}

static void piece_copy(struct piece p, char *into, size_t size)
{
	size_t length = p.length < size ? p.length : size - 1;

	memcpy(into, p.text, length);
	into[length] = '\0';
	text_clean(into);
}

static void claim(struct scan *s, enum rank rank, enum container_runtime runtime, struct piece id)
{
	s->rank = rank;
	s->ret->runtime = runtime;
	s->ret->own_length = s->end;
	s->ret->helper = false;
	piece_copy(id, s->ret->id, sizeof(s->ret->id));
}

/* --- containers --- */

static enum container_runtime runtime_of_prefix(struct piece prefix)
{
	static const struct {
		const char *prefix;
		enum container_runtime runtime;
	} known[] = {
		{ "docker", RUNTIME_DOCKER },        { "cri-containerd", RUNTIME_CONTAINERD },
		{ "nerdctl", RUNTIME_CONTAINERD },   { "crio", RUNTIME_CRIO },
		{ "crio-conmon", RUNTIME_CRIO },     { "libpod", RUNTIME_PODMAN },
		{ "libpod-conmon", RUNTIME_PODMAN }, { "libpod-payload", RUNTIME_PODMAN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (piece_is(prefix, known[i].prefix))
			return known[i].runtime;
	return RUNTIME_UNSPECIFIED;
}

/* A bare id says nothing by itself; the component before it may. */
static enum container_runtime runtime_of_parent(const struct scan *s, size_t start)
{
	if (piece_is(s->before, "docker"))
		return RUNTIME_DOCKER;
	if (piece_is(s->before, "libpod_parent")) /* a podman pod, cgroupfs driver */
		return RUNTIME_PODMAN;
	if (s->pod_end && s->pod_end + 1 == start)
		return RUNTIME_KUBERNETES;
	return RUNTIME_UNSPECIFIED;
}

static bool is_build_id(struct piece p)
{
	return p.length == BUILD_ID_LENGTH && piece_only(p, "0123456789abcdefghijklmnopqrstuvwxyz");
}

static bool match_build(struct scan *s, struct piece c)
{
	struct piece id = c;

	if (piece_starts(c, "docker-") && piece_ends(c, ".scope") && c.length > strlen("docker-.scope"))
		id = piece_between(c, strlen("docker-"), strlen(".scope"));
	else if (!piece_is(s->before, "buildkit") || !piece_is(s->before2, "docker"))
		return false;
	if (!is_build_id(id))
		return false;
	claim(s, RANK_CONTAINER, RUNTIME_DOCKER, id);
	return true;
}

static bool match_container(struct scan *s, struct piece c)
{
	size_t start = s->end - c.length, head;
	struct piece prefix, id = c;

	if (piece_ends(c, ".scope"))
		id.length -= strlen(".scope");
	if (id.length < ID_HEX_DIGITS)
		return match_build(s, c);
	head = id.length - ID_HEX_DIGITS;
	prefix = (struct piece){ id.text, head ? head - 1 : 0 };
	id = piece_between(id, head, 0);
	if (!piece_only(id, "0123456789abcdef") || (head && !strchr("-:", id.text[-1])))
		return match_build(s, c);
	/* slice:prefix:id as one component: a systemd name handed to the
	 * cgroupfs driver, a known misconfiguration of containerd. */
	for (size_t i = prefix.length; i-- > 0;)
		if (prefix.text[i] == ':') {
			prefix = piece_between(prefix, i + 1, 0);
			break;
		}
	claim(s, RANK_CONTAINER, head ? runtime_of_prefix(prefix) : runtime_of_parent(s, start), id);
	s->ret->helper = piece_ends(prefix, "-conmon");
	return true;
}

/* --- pods --- */

/* API pods carry a UUID, static pods 32 hex digits without dashes. */
static bool is_pod_uid(struct piece p)
{
	if (p.length == 32)
		return piece_only(p, "0123456789abcdef");
	if (p.length != 36 || !piece_only(p, "0123456789abcdef-_"))
		return false;
	for (size_t i = 0; i < p.length; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (p.text[i] == '-' || p.text[i] == '_'))
			return false;
	}
	return true;
}

static bool find_pod_uid(const struct scan *s, struct piece c, struct piece *ret)
{
	const char *colon = memchr(c.text, ':', c.length);
	struct piece p = c;

	if (colon)
		p.length = (size_t)(colon - c.text);
	if (s->in_kubepods && piece_starts(p, "pod")) {
		*ret = piece_between(p, strlen("pod"), 0);
	} else if (piece_has(p, "kubepods") && piece_ends(p, ".slice")) {
		const char *kubepods = memmem(p.text, p.length, "kubepods", strlen("kubepods"));
		size_t skip = (size_t)(kubepods - p.text), left = p.length - skip;
		const char *pod = memmem(kubepods, left, "-pod", strlen("-pod"));

		if (!pod)
			return false;
		skip = (size_t)(pod - p.text) + strlen("-pod");
		if (skip + strlen(".slice") > p.length)
			return false;
		*ret = piece_between(p, skip, strlen(".slice"));
	} else {
		return false;
	}
	return is_pod_uid(*ret);
}

static void note_kubepods(struct scan *s, struct piece c)
{
	if (piece_has(c, "kubepods")) {
		s->in_kubepods = true;
		s->qos = piece_has(c, "kubepods-burstable")    ? "burstable"
			 : piece_has(c, "kubepods-besteffort") ? "besteffort"
							       : "guaranteed";
	} else if (s->in_kubepods && (piece_is(c, "burstable") || piece_is(c, "besteffort"))) {
		s->qos = piece_is(c, "burstable") ? "burstable" : "besteffort";
	}
}

static bool match_pod(struct scan *s, struct piece c)
{
	struct piece uid;

	note_kubepods(s, c);
	if (!find_pod_uid(s, c, &uid))
		return false;
	claim(s, RANK_POD, RUNTIME_KUBERNETES, uid);
	for (char *p = s->ret->id; *p; p++)
		if (*p == '_')
			*p = '-';
	text_copy(s->ret->pod_uid, sizeof(s->ret->pod_uid), s->ret->id);
	text_copy(s->ret->qos, sizeof(s->ret->qos), s->qos);
	s->pod_end = s->end;
	return true;
}

/* --- machines and units --- */

static void unescape(const char *from, char *into, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	while (*from && n + 1 < size) {
		const char *high, *low;

		if (from[0] == '\\' && from[1] == 'x' && from[2] && (high = strchr(hex, from[2])) &&
		    from[3] && (low = strchr(hex, from[3]))) {
			char byte = (char)((high - hex) << 4 | (low - hex));

			into[n++] = byte ? byte : '?';
			from += 4;
		} else {
			into[n++] = *from++;
		}
	}
	into[n] = '\0';
	text_clean(into);
}

static const char *const unit_suffixes[] = { ".service", ".scope", ".mount", ".socket", ".swap" };

void cgroup_path_unit_name(const char *unit, char *into, size_t size)
{
	char bare[EP_PATH_MAX];

	text_copy(bare, sizeof(bare), unit);
	for (size_t i = 0; i < ARRAY_SIZE(unit_suffixes); i++)
		if (text_ends_with(bare, unit_suffixes[i]) && strlen(bare) > strlen(unit_suffixes[i])) {
			bare[strlen(bare) - strlen(unit_suffixes[i])] = '\0';
			break;
		}
	unescape(bare, into, size);
}

static bool is_unit(struct piece c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_suffixes); i++)
		if (piece_ends(c, unit_suffixes[i]) && c.length > strlen(unit_suffixes[i]))
			return true;
	return false;
}

static bool machine_of(struct piece c, struct piece *ret)
{
	static const struct {
		const char *prefix, *suffix;
	} shapes[] = { { "systemd-nspawn@", ".service" }, { "machine-", ".scope" } };

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t head = strlen(shapes[i].prefix), tail = strlen(shapes[i].suffix);

		if (!piece_starts(c, shapes[i].prefix) || !piece_ends(c, shapes[i].suffix) ||
		    c.length <= head + tail)
			continue;
		*ret = piece_between(c, head, tail);
		/* libvirt registers its machines too: qemu-1-name, lxc-1-name */
		return !piece_starts(*ret, "qemu\\x2d") && !piece_starts(*ret, "lxc\\x2d");
	}
	return false;
}

static void match_machine(struct scan *s, struct piece c)
{
	struct piece name;

	if (machine_of(c, &name)) {
		char escaped[EP_PATH_MAX];

		claim(s, RANK_MACHINE, RUNTIME_NSPAWN, name);
		text_copy(escaped, sizeof(escaped), s->ret->id);
		unescape(escaped, s->ret->id, sizeof(s->ret->id));
	} else if (s->rank < RANK_UNIT && is_unit(c)) {
		claim(s, RANK_UNIT, RUNTIME_SYSTEMD, c);
	} else if (s->rank < RANK_UNIT && piece_is(c, "payload")) {
		/* nspawn started by hand: <where it was started>/payload */
		claim(s, RANK_MACHINE, RUNTIME_NSPAWN, s->before.length ? s->before : c);
	}
}

/* --- the whole path --- */

static void match_component(struct scan *s, struct piece c)
{
	if (match_pod(s, c)) {
		/* slice:prefix:id holds both the pod and the container */
		(void)match_container(s, c);
		return;
	}
	if (!match_container(s, c) && s->rank < RANK_POD)
		match_machine(s, c);
}

static void match_plain(struct scan *s, const char *path)
{
	struct piece whole = { path, s->end }, last = s->before;

	if (piece_ends(last, ".slice") && last.length > strlen(".slice")) {
		claim(s, RANK_PLAIN, RUNTIME_SYSTEMD, last);
	} else if (piece_is(last, "supervisor")) {
		claim(s, RANK_PLAIN, RUNTIME_NSPAWN, s->before2.length ? s->before2 : last);
		s->ret->helper = true;
	} else {
		claim(s, RANK_PLAIN, RUNTIME_CGROUP, whole);
	}
}

void cgroup_path_parse(const char *path, struct cgroup_path *ret)
{
	struct scan s = { .ret = ret, .qos = "" };
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	for (;;) {
		struct piece c;

		at += strspn(path + at, "/");
		if (!path[at])
			break;
		c = (struct piece){ path + at, strcspn(path + at, "/") };
		at += c.length;
		s.end = at;
		/* Seen from inside a cgroup namespace: what is above has no name. */
		if (piece_is(c, "..")) {
			c.length = 0;
			s.before = c;
			continue;
		}
		match_component(&s, c);
		s.before2 = s.before;
		s.before = c;
	}
	if (!s.end) {
		s.end = *path ? 1 : 0;
		claim(&s, RANK_PLAIN, RUNTIME_HOST, (struct piece){ "/", 1 });
	} else if (s.rank == RANK_PLAIN) {
		match_plain(&s, path);
	}
}
