/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that is there as a whole or not at all. */
#ifndef EP_BASE_ATOMIC_FILE_H
#define EP_BASE_ATOMIC_FILE_H

#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>

/* Writes beside `path` (shorter than 4000 bytes) and then renames. -EEXIST: it is
 * there and `replace` is false; -EINVAL: what is there is no regular file. */
int atomic_file_write(const char *path, const void *data, size_t size, bool replace) _must_check_;

#endif
