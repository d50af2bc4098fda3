/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/container.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

void container_identity_clear(struct container_identity *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_labels; i++) {
		free(c->labels[i].key);
		free(c->labels[i].value);
	}
	free(c->labels);
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->pod);
	free(c->pod_uid);
	free(c->pod_namespace);
	free(c->containerd_namespace);
	free(c->cgroup_path);
	memset(c, 0, sizeof(*c));
}

static char *bounded_copy(const char *text)
{
	size_t length = strnlen(text, CONTAINER_TEXT_MAX_BYTES);
	char *copy;

	/* A cut goes before a character, not through it. */
	if (text[length])
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	copy = strndup(text, length);
	if (copy)
		text_clean(copy);
	return copy;
}

int container_identity_set(char **field, const char *text)
{
	char *copy;

	if (!text || !*text)
		return 0;
	copy = bounded_copy(text);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int container_identity_add_label(struct container_identity *c, const char *key, const char *value)
{
	_cleanup_free_ char *new_key = NULL, *new_value = NULL;
	struct container_label *grown;

	if (c->n_labels >= CONTAINER_LABELS_MAX)
		return 0;
	new_key = bounded_copy(key);
	new_value = bounded_copy(value);
	if (!new_key || !new_value)
		return -ENOMEM;
	grown = reallocarray(c->labels, c->n_labels + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->labels = grown;
	c->labels[c->n_labels++] = (struct container_label){ TAKE_PTR(new_key), TAKE_PTR(new_value) };
	return 0;
}

const char *container_runtime_name(enum container_runtime r)
{
	static const char *const names[RUNTIME_COUNT] = {
		[RUNTIME_UNSPECIFIED] = "unspecified",
		[RUNTIME_HOST] = "host",
		[RUNTIME_CGROUP] = "cgroup",
		[RUNTIME_SYSTEMD] = "systemd",
		[RUNTIME_NSPAWN] = "nspawn",
		[RUNTIME_DOCKER] = "docker",
		[RUNTIME_CONTAINERD] = "containerd",
		[RUNTIME_PODMAN] = "podman",
		[RUNTIME_CRIO] = "cri-o",
		[RUNTIME_KUBERNETES] = "kubernetes",
	};

	return (unsigned)r < RUNTIME_COUNT ? names[r] : names[RUNTIME_UNSPECIFIED];
}
