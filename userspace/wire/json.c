/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/json.h"

#include "base/text.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static json_t *json_message(const ProtobufCMessage *m);

static json_t *json_unsigned(uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

/* jansson refuses text that is not UTF-8. */
static json_t *json_text(const char *text)
{
	_cleanup_free_ char *copy = NULL;
	json_t *value = json_string(text);

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	text_clean(copy);
	return json_string(copy);
}

static json_t *json_bytes(const ProtobufCBinaryData *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_free_ char *text = malloc((b->len + 2) / 3 * 4 + 1);
	char *p = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < b->len; i += 3) {
		uint32_t three = (uint32_t)b->data[i] << 16;

		three |= i + 1 < b->len ? (uint32_t)b->data[i + 1] << 8 : 0;
		three |= i + 2 < b->len ? b->data[i + 2] : 0;
		*p++ = digits[three >> 18];
		*p++ = digits[three >> 12 & 63];
		*p++ = i + 1 < b->len ? digits[three >> 6 & 63] : '=';
		*p++ = i + 2 < b->len ? digits[three & 63] : '=';
	}
	*p = '\0';
	return json_string(text);
}

static json_t *json_enum(const ProtobufCFieldDescriptor *field, int value)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(field->descriptor, value);

	return v ? json_string(v->name) : json_integer(value);
}

/* JSON has no NaN and no infinity. */
static json_t *json_double(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_value(const ProtobufCFieldDescriptor *field, const void *at)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)at);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_integer(*(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return json_unsigned(*(const uint64_t *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_double((double)*(const float *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_double(*(const double *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_ENUM:
		return json_enum(field, *(const int *)at);
	case PROTOBUF_C_TYPE_STRING:
		return json_text(*(char *const *)at);
	case PROTOBUF_C_TYPE_BYTES:
		return json_bytes(at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return json_message(*(const ProtobufCMessage *const *)at);
	}
	return json_null();
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	}
	return 0;
}

static json_t *json_repeated(const ProtobufCFieldDescriptor *field, const void *items, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++) {
		const char *at = (const char *)items + i * value_size(field->type);

		if (json_array_append_new(array, json_value(field, at)) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static bool is_present(const ProtobufCFieldDescriptor *field, const void *at, const void *quantifier)
{
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)quantifier == field->id;
	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *p = *(const void *const *)at;

		return p && p != field->default_value;
	}
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
		return *(const protobuf_c_boolean *)quantifier;
	return true;
}

static int add_field(json_t *object, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)m;
	const void *at = base + field->offset, *quantifier = base + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)quantifier;

		return n ? json_object_set_new(object, field->name,
					       json_repeated(field, *(const void *const *)at, n))
			 : 0;
	}
	if (!is_present(field, at, quantifier))
		return 0;
	return json_object_set_new(object, field->name, json_value(field, at));
}

static json_t *json_message(const ProtobufCMessage *m)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < m->descriptor->n_fields; i++) {
		if (add_field(object, m, &m->descriptor->fields[i]) < 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

int wire_json_line(const ProtobufCMessage *message, char **ret)
{
	json_t *object = json_message(message);
	char *line;

	if (!object)
		return -ENOMEM;
	line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_decref(object);
	if (!line)
		return -ENOMEM;
	*ret = line;
	return 0;
}
