/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the node under a root path ("/" in production, a fixture tree in
 * tests). Every file reader goes through here, so every reader can be tested
 * on a recorded node.
 */
#ifndef EP_BASE_ROOT_H
#define EP_BASE_ROOT_H

#include "base/cleanup.h"
#include <stddef.h>
#include <stdint.h>

/* Opens root + path for reading. Returns the fd or a negative errno. */
int root_open(const char *root, const char *path) _must_check_;
/* Opens root + path as a directory stream. */
int root_opendir(const char *root, const char *path, DIR **ret) _must_check_;

/* Reads at most size-1 bytes and ends them with NUL; -EFBIG when there is
 * more. Returns the length. */
int root_read_text(const char *root, const char *path, char *into, size_t size) _must_check_;
/* Reads a whole file of at most `max` bytes onto the heap, NUL-terminated. */
int root_read_file(const char *root, const char *path, size_t max, char **ret, size_t *ret_size) _must_check_;
/* One unsigned number, whitespace around it allowed. */
int root_read_u64(const char *root, const char *path, uint64_t *ret) _must_check_;

/* Rereads an open file from its start, as root_read_text does. */
int fd_read_text(int fd, char *into, size_t size) _must_check_;
/* Writes all of it. */
int fd_write_all(int fd, const void *data, size_t size) _must_check_;

#endif
