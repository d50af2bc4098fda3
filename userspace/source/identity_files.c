/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/identity_files.h"

#include "base/root.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool identity_is_component(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t length = strspn(text, allowed);

	return length && length <= NAME_MAX && !text[length] && strcmp(text, ".") && strcmp(text, "..");
}

bool identity_next_directory(const char **list, char *into, size_t size)
{
	while (**list) {
		size_t length = strcspn(*list, ":");
		const char *start = *list;

		*list += length + ((*list)[length] == ':');
		if (length == 0 || length >= size)
			continue;
		memcpy(into, start, length);
		into[length] = '\0';
		return true;
	}
	return false;
}

/* A device or a FIFO in place of the file must not be waited for. */
static int read_regular(const char *root, const char *path, char **ret, size_t *ret_length)
{
	_cleanup_close_ int fd = root_open(root, path);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > IDENTITY_FILE_MAX_BYTES)
		return 0;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = fd_read_text(fd, text, (size_t)st.st_size + 1);
	if (n < 0)
		return 0;
	*ret = TAKE_PTR(text);
	*ret_length = (size_t)n;
	return 1;
}

static int parse(const char *text, size_t length, json_t **ret)
{
	json_error_t error;
	json_t *json = json_loadb(text, length, 0, &error);

	if (!json)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : 0;
	*ret = json;
	return 1;
}

int identity_read_json(const char *root, const char *path, const char *needle, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_regular(root, path, &text, &length);

	if (r <= 0)
		return r;
	if (needle && !memmem(text, length, needle, strlen(needle)))
		return 0;
	return parse(text, length, ret);
}

int identity_parse_json(const char *text, json_t **ret)
{
	return text ? parse(text, strlen(text), ret) : 0;
}

const char *identity_json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int identity_add_labels(json_t *object, struct container_identity *ret)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		int r;

		if (!json_is_string(value) || text_starts_with(key, "io.kubernetes."))
			continue;
		r = container_identity_add_label(ret, key, json_string_value(value));
		if (r < 0)
			return r;
	}
	return 0;
}

int identity_set_pause_name(struct container_identity *ret)
{
	char name[CONTAINER_TEXT_MAX_BYTES];

	if (!ret->pod)
		return 0;
	snprintf(name, sizeof(name), "%s/pause", ret->pod);
	return container_identity_set(&ret->name, name);
}

int identity_apply_kubelet_labels(const json_t *labels, struct container_identity *ret)
{
	const char *name = identity_json_text(labels, "io.kubernetes.container.name");
	int r = container_identity_set(&ret->pod, identity_json_text(labels, "io.kubernetes.pod.name"));

	if (r >= 0)
		r = container_identity_set(&ret->pod_namespace,
					   identity_json_text(labels, "io.kubernetes.pod.namespace"));
	if (r >= 0 && !ret->pod_uid) /* the path knows better */
		r = container_identity_set(&ret->pod_uid,
					   identity_json_text(labels, "io.kubernetes.pod.uid"));
	if (r < 0)
		return r;
	return name && !strcmp(name, "POD") ? identity_set_pause_name(ret)
					    : container_identity_set(&ret->name, name);
}
