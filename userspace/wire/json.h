/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any protobuf-c message as one line of JSON, by its descriptor: the proto's
 * field names, enums by name, absent fields left out, bytes as base64, 64-bit
 * numbers beyond INT64_MAX as text.
 */
#ifndef EP_WIRE_JSON_H
#define EP_WIRE_JSON_H

#include "base/cleanup.h"
#include <protobuf-c/protobuf-c.h>

/* *ret: one line without newline, the caller frees it. -ENOMEM. */
int wire_json_line(const ProtobufCMessage *message, char **ret) _must_check_;

#endif
