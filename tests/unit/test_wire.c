/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "snapshot_fixture.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/json.h"
#include "wire/topic.h"

#define GOLDEN_BIN TEST_SOURCE_DIR "/tests/golden/envelope-1.bin"
#define GOLDEN_JSON TEST_SOURCE_DIR "/tests/golden/envelope-1.json"

static struct messages messages;
static struct wire_encoder *encoder;

static int setup(void **state)
{
	return wire_encoder_open(42, &encoder);
}

static int teardown(void **state)
{
	wire_encoder_close(encoder);
	messages_clear(&messages);
	return 0;
}

static void encode(const struct snapshot *s)
{
	messages_clear(&messages);
	assert_int_equal(wire_encode(encoder, s, messages_keep, &messages), 0);
}

static Edgeprof__V1__Envelope *decode(size_t i)
{
	Edgeprof__V1__Envelope *e;

	assert_int_equal(wire_decode(messages.items[i].bytes, messages.items[i].size, &e), 0);
	return e;
}

static struct wire_snapshot *rebuild(size_t i)
{
	Edgeprof__V1__Envelope *e = decode(i);
	struct wire_snapshot *s;

	assert_int_equal(wire_snapshot_from(e, &s), 0);
	wire_envelope_free(e);
	return s;
}

static const ProtobufCFieldDescriptor *field(const ProtobufCMessageDescriptor *d, const char *name,
					     ProtobufCLabel label, ProtobufCType type)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, name);

	if (!f)
		fail_msg("%s has no field %s", d->name, name);
	assert_int_equal(f->label, label);
	assert_int_equal(f->type, type);
	return f;
}

static void test_rows_are_fields(void **state)
{
	const ProtobufCMessageDescriptor *m = &edgeprof__v1__metrics__descriptor;
	const ProtobufCMessageDescriptor *r = &edgeprof__v1__rates__descriptor;

	for (int i = 0; i < METRIC_COUNT; i++)
		field(m, metric_rows[i].name, PROTOBUF_C_LABEL_OPTIONAL, PROTOBUF_C_TYPE_UINT64);
	for (int i = 0; i < HISTOGRAM_COUNT; i++)
		assert_true(field(m, histogram_names[i], PROTOBUF_C_LABEL_REPEATED, PROTOBUF_C_TYPE_UINT64)
				    ->flags &
			    PROTOBUF_C_FIELD_FLAG_PACKED);
	for (int i = 0; i < RATE_COUNT; i++)
		field(r, rate_names[i], PROTOBUF_C_LABEL_OPTIONAL, PROTOBUF_C_TYPE_DOUBLE);
	/* As many fields as rows: none without a row. */
	assert_int_equal(m->n_fields, METRIC_COUNT + HISTOGRAM_COUNT);
	assert_int_equal(r->n_fields, RATE_COUNT);
}

static void assert_same_identity(const struct container_identity *a, const struct container_identity *b)
{
	assert_int_equal(a->runtime, b->runtime);
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->cgroup_path, b->cgroup_path);
	assert_string_equal(a->image, b->image);
	assert_string_equal(a->pod, b->pod);
	assert_string_equal(a->pod_uid, b->pod_uid);
	assert_string_equal(a->pod_namespace, b->pod_namespace);
	assert_string_equal(a->containerd_namespace, b->containerd_namespace);
	assert_int_equal(a->n_labels, b->n_labels);
	assert_string_equal(a->labels[0].key, b->labels[0].key);
	assert_string_equal(a->labels[0].value, b->labels[0].value);
}

static void assert_same_container(const struct container_snapshot *a, const struct container_snapshot *b)
{
	assert_int_equal(a->key, b->key);
	assert_same_identity(a->identity, b->identity);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->first_seen_mono_ns, b->first_seen_mono_ns);
	assert_int_equal(a->has_exit, b->has_exit);
	assert_int_equal(a->exit_status, b->exit_status);
	assert_string_equal(a->oom_victim, b->oom_victim);
	assert_memory_equal(&a->totals, &b->totals, sizeof(a->totals));
	assert_memory_equal(&a->rates, &b->rates, sizeof(a->rates));
	assert_int_equal(a->n_blames, b->n_blames);
	assert_memory_equal(a->blames, b->blames, sizeof(a->blames));
	assert_int_equal(a->blames_dropped, b->blames_dropped);
}

static void assert_same_self(const struct self_snapshot *a, const struct self_snapshot *b)
{
	assert_int_equal(a->started_mono_ns, b->started_mono_ns);
	assert_int_equal(a->cpu_time_ns, b->cpu_time_ns);
	assert_int_equal(a->reading_ns, b->reading_ns);
	assert_int_equal(a->has_interval_cpu_time, b->has_interval_cpu_time);
	assert_int_equal(a->interval_cpu_time_ns, b->interval_cpu_time_ns);
	assert_int_equal(a->n_families, b->n_families);
	for (size_t i = 0; i < a->n_families; i++) {
		assert_string_equal(a->families[i].name, b->families[i].name);
		assert_string_equal(a->families[i].reason, b->families[i].reason);
		assert_int_equal(a->families[i].state, b->families[i].state);
	}
	assert_int_equal(a->n_programs, b->n_programs);
	for (size_t i = 0; i < a->n_programs; i++) {
		assert_string_equal(a->programs[i].name, b->programs[i].name);
		assert_int_equal(a->programs[i].has_runs, b->programs[i].has_runs);
		assert_int_equal(a->programs[i].run_count, b->programs[i].run_count);
	}
	assert_int_equal(a->n_losses, b->n_losses);
	for (size_t i = 0; i < a->n_losses; i++) {
		assert_string_equal(a->losses[i].kind, b->losses[i].kind);
		assert_int_equal(a->losses[i].count, b->losses[i].count);
	}
	assert_int_equal(a->slots_total, b->slots_total);
}

static void test_full_round_trip(void **state)
{
	struct wire_snapshot *s;
	struct fixture f;

	fixture_make(3, &f);
	encode(&f.snapshot);
	assert_int_equal(messages.n, 1);
	s = rebuild(0);
	assert_int_equal(s->snapshot.number, 5);
	assert_int_equal(s->snapshot.mono_ns, 11);
	assert_int_equal(s->snapshot.real_ns, 22);
	assert_int_equal(s->snapshot.interval_ns, 33);
	assert_memory_equal(&s->snapshot.node, &f.snapshot.node, sizeof(s->snapshot.node));
	assert_same_self(&s->snapshot.self, &f.snapshot.self);
	assert_int_equal(s->snapshot.n_containers, 3);
	for (size_t i = 0; i < 3; i++)
		assert_same_container(&s->snapshot.containers[i], &f.snapshot.containers[i]);
	wire_snapshot_free(s);
	fixture_free(&f);
}

static void test_envelope_header(void **state)
{
	uint64_t before_ns = clock_mono_ns();
	Edgeprof__V1__Envelope *e;
	struct fixture f;

	fixture_make(1, &f);
	encode(&f.snapshot);
	encode(&f.snapshot);
	e = decode(0);
	assert_int_equal(e->schema, 1);
	assert_string_equal(e->node, "edge-01");
	assert_string_equal(e->boot_id, f.snapshot.node.boot_id);
	assert_int_equal(e->agent_id, 42);
	assert_int_equal(e->sequence, 2);
	assert_true(e->published_mono_ns >= before_ns && e->published_mono_ns <= clock_mono_ns());
	wire_envelope_free(e);
	fixture_free(&f);
}

static void test_empty_snapshot(void **state)
{
	const struct snapshot empty = { 0 };
	struct wire_snapshot *s;

	encode(&empty);
	assert_int_equal(messages.n, 1);
	s = rebuild(0);
	assert_int_equal(s->snapshot.n_containers, 0);
	assert_int_equal(s->snapshot.self.n_losses, 0);
	assert_false(s->snapshot.node.has_memory_available);
	wire_snapshot_free(s);
}

static void test_absent_stays_absent(void **state)
{
	struct container_identity identity = { .name = (char *)"x" };
	struct container_snapshot c = { .key = 1, .identity = &identity, .state = CONTAINER_ENDED };
	const struct snapshot in = { .number = 1, .containers = &c, .n_containers = 1 };
	const struct container_snapshot *out;
	struct wire_snapshot *s;

	metrics_set(&c.totals, METRIC_oom_kills, 0);
	encode(&in);
	s = rebuild(0);
	out = &s->snapshot.containers[0];
	assert_int_equal(out->totals.present, 1ull << METRIC_oom_kills);
	assert_int_equal(out->rates.present, 0);
	assert_false(out->has_exit);
	assert_null(out->identity->image);
	assert_null(out->identity->pod);
	assert_string_equal(out->identity->id, "");
	assert_string_equal(out->oom_victim, "");
	wire_snapshot_free(s);
}

static void test_chunks(void **state)
{
	size_t seen = 0;
	struct fixture f;

	fixture_make(2000, &f);
	encode(&f.snapshot);
	assert_true(messages.n > 4);
	for (size_t i = 0; i < messages.n; i++) {
		Edgeprof__V1__Envelope *e = decode(i);

		assert_true(messages.items[i].size <= WIRE_CHUNK_TARGET);
		/* Nearly full, or chunks would be more than needed. */
		assert_true(i + 1 == messages.n || messages.items[i].size > WIRE_CHUNK_TARGET - 8192);
		assert_int_equal(e->chunk_index, i);
		assert_int_equal(e->chunk_count, messages.n);
		assert_int_equal(e->sequence, i + 1);
		assert_int_equal(e->snapshot_number, 5);
		assert_int_equal(e->snapshot->node != NULL, i == 0);
		assert_int_equal(e->snapshot->self != NULL, i == 0);
		for (size_t c = 0; c < e->snapshot->n_containers; c++)
			assert_int_equal(e->snapshot->containers[c]->key, ++seen);
		wire_envelope_free(e);
	}
	assert_int_equal(seen, 2000);
	fixture_free(&f);
}

static void test_too_many_labels(void **state)
{
	struct container_label labels[80];
	struct container_identity *big;
	struct container_identity kept;
	struct wire_snapshot *s;
	char value[4096];
	struct fixture f;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		labels[i] = (struct container_label){ .key = value, .value = value };
	fixture_make(3, &f);
	big = &f.identities[1];
	kept = *big;
	big->labels = labels;
	big->n_labels = ARRAY_SIZE(labels);
	encode(&f.snapshot);
	*big = kept;
	assert_int_equal(messages.n, 1);
	assert_true(messages.items[0].size <= WIRE_MESSAGE_MAX);
	s = rebuild(0);
	assert_int_equal(s->snapshot.n_containers, 3);
	assert_int_equal(s->snapshot.containers[0].identity->n_labels, 1);
	assert_int_equal(s->snapshot.containers[1].identity->n_labels, 0);
	assert_string_equal(s->snapshot.self.losses[1].kind, "wire_labels");
	assert_int_equal(s->snapshot.self.losses[1].count, ARRAY_SIZE(labels));
	wire_snapshot_free(s);
	fixture_free(&f);
}

static void test_dirty_and_long_text(void **state)
{
	struct wire_snapshot *s;
	char *image = malloc(10001);
	struct fixture f;

	memset(image, 'x', 10000);
	memcpy(image + 4094, "\xe2\x82\xac", 3); /* across the limit */
	image[10000] = '\0';
	fixture_make(1, &f);
	free(f.identities[0].name);
	f.identities[0].name = strdup("a\x1b[2Jb\xff");
	free(f.identities[0].image);
	f.identities[0].image = image;
	encode(&f.snapshot);
	s = rebuild(0);
	assert_string_equal(s->snapshot.containers[0].identity->name, "a?[2Jb?");
	assert_int_equal(strlen(s->snapshot.containers[0].identity->image), 4094);
	wire_snapshot_free(s);
	fixture_free(&f);
}

static int refuse(void *data, const void *message, size_t size, bool more)
{
	++*(int *)data;
	return -EAGAIN;
}

static void test_emit_can_stop(void **state)
{
	struct fixture f;
	int calls = 0;

	fixture_make(1000, &f);
	assert_int_equal(wire_encode(encoder, &f.snapshot, refuse, &calls), -EAGAIN);
	assert_int_equal(calls, 1);
	fixture_free(&f);
}

static void test_truncated(void **state)
{
	Edgeprof__V1__Envelope *e;
	struct wire_snapshot *s;
	struct fixture f;

	fixture_make(2, &f);
	encode(&f.snapshot);
	for (size_t size = 0; size < messages.items[0].size; size++) {
		/* On the heap and exact: reading on is seen by the sanitizer. */
		_cleanup_free_ void *cut = malloc(size ? size : 1);

		memcpy(cut, messages.items[0].bytes, size);
		if (wire_decode(cut, size, &e) < 0)
			continue;
		if (wire_snapshot_from(e, &s) == 0)
			wire_snapshot_free(s);
		wire_envelope_free(e);
	}
	fixture_free(&f);
}

static int decode_altered(void (*alter)(Edgeprof__V1__Envelope *))
{
	Edgeprof__V1__Envelope *e = decode(0), *again;
	uint8_t bytes[8192] = WIRE_TOPIC;
	size_t size;
	int r;

	alter(e);
	assert_true(edgeprof__v1__envelope__get_packed_size(e) < sizeof(bytes) - WIRE_TOPIC_SIZE);
	size = edgeprof__v1__envelope__pack(e, bytes + WIRE_TOPIC_SIZE) + WIRE_TOPIC_SIZE;
	wire_envelope_free(e);
	r = wire_decode(bytes, size, &again);
	if (r == 0)
		wire_envelope_free(again);
	return r;
}

static void alter_nothing(Edgeprof__V1__Envelope *e)
{
}
static void alter_schema(Edgeprof__V1__Envelope *e)
{
	e->schema = 2;
}
static void alter_index(Edgeprof__V1__Envelope *e)
{
	e->chunk_index = e->chunk_count;
}
static void alter_no_chunks(Edgeprof__V1__Envelope *e)
{
	e->chunk_count = 0;
}
static void alter_many_chunks(Edgeprof__V1__Envelope *e)
{
	e->chunk_count = 1 << 30;
}
static void alter_no_body(Edgeprof__V1__Envelope *e)
{
	edgeprof__v1__snapshot__free_unpacked(e->snapshot, NULL);
	e->body_case = EDGEPROF__V1__ENVELOPE__BODY__NOT_SET;
}

static void test_refused_envelopes(void **state)
{
	Edgeprof__V1__Envelope *e;
	struct fixture f;

	fixture_make(1, &f);
	encode(&f.snapshot);
	assert_int_equal(decode_altered(alter_nothing), 0);
	assert_int_equal(decode_altered(alter_schema), -EPROTONOSUPPORT);
	assert_int_equal(decode_altered(alter_index), -EBADMSG);
	assert_int_equal(decode_altered(alter_no_chunks), -EBADMSG);
	assert_int_equal(decode_altered(alter_many_chunks), -EBADMSG);
	assert_int_equal(decode_altered(alter_no_body), -EBADMSG);
	assert_int_equal(wire_decode("ep1other", 8, &e), -EPROTO);
	assert_int_equal(wire_decode("ep1", 3, &e), -EPROTO);
	assert_int_equal(wire_decode("ep1snap|\xff\xff", 10, &e), -EBADMSG);
	fixture_free(&f);
}

static void test_strange_values(void **state)
{
	uint64_t thirty[30] = { [0] = 1, [23] = 2, [24] = 3, [29] = 4 }, three[3] = { 5, 6, 7 };
	Edgeprof__V1__Metrics m = EDGEPROF__V1__METRICS__INIT;
	Edgeprof__V1__Rates r = EDGEPROF__V1__RATES__INIT;
	Edgeprof__V1__Container c = EDGEPROF__V1__CONTAINER__INIT, *list[] = { &c };
	Edgeprof__V1__Snapshot body = EDGEPROF__V1__SNAPSHOT__INIT;
	Edgeprof__V1__Envelope e = EDGEPROF__V1__ENVELOPE__INIT;
	const struct container_snapshot *out;
	struct wire_snapshot *s;

	m.n_run_queue_wait_hist = 30;
	m.run_queue_wait_hist = thirty;
	m.n_reclaim_hist = 3;
	m.reclaim_hist = three;
	r.has_cpu_cores = r.has_switches_per_second = r.has_cpu_throttled_ratio = true;
	r.cpu_cores = -1;
	r.switches_per_second = 1e300;
	r.cpu_throttled_ratio = 0.5;
	c.totals = &m;
	c.rates = &r;
	c.runtime = (Edgeprof__V1__Runtime)77;
	c.state = (Edgeprof__V1__State)-3;
	body.containers = list;
	body.n_containers = 1;
	e.schema = e.chunk_count = 1;
	e.body_case = EDGEPROF__V1__ENVELOPE__BODY_SNAPSHOT;
	e.snapshot = &body;
	assert_int_equal(wire_snapshot_from(&e, &s), 0);
	out = &s->snapshot.containers[0];
	assert_int_equal(out->identity->runtime, RUNTIME_UNSPECIFIED);
	assert_int_equal(out->state, 0);
	assert_int_equal(out->rates.present, 1ull << RATE_cpu_throttled_ratio);
	assert_int_equal(out->totals.histogram[HISTOGRAM_run_queue_wait_hist][23], 9);
	assert_int_equal(out->totals.histogram[HISTOGRAM_reclaim_hist][2], 7);
	assert_int_equal(out->totals.histogram[HISTOGRAM_reclaim_hist][23], 0);
	assert_false(metrics_has_histogram(&out->totals, HISTOGRAM_io_latency_hist));
	wire_snapshot_free(s);
}

static void test_unknown_field_is_ignored(void **state)
{
	uint8_t bytes[8192];
	Edgeprof__V1__Envelope *e;
	struct fixture f;
	size_t size;

	fixture_make(1, &f);
	encode(&f.snapshot);
	size = messages.items[0].size;
	memcpy(bytes, messages.items[0].bytes, size);
	memcpy(bytes + size, "\xfa\x7f\x03new", 6); /* field 2047, three bytes */
	assert_int_equal(wire_decode(bytes, size + 6, &e), 0);
	assert_int_equal(e->snapshot->n_containers, 1);
	wire_envelope_free(e);
	fixture_free(&f);
}

static void test_json(void **state)
{
	Edgeprof__V1__Metrics m = EDGEPROF__V1__METRICS__INIT;
	Edgeprof__V1__Container c = EDGEPROF__V1__CONTAINER__INIT;
	char *line;

	m.has_cpu_time_ns = m.has_tasks = m.has_forks = true;
	m.cpu_time_ns = UINT64_MAX;
	m.forks = INT64_MAX;
	c.totals = &m;
	c.has_runtime = true;
	c.runtime = EDGEPROF__V1__RUNTIME__RUNTIME_DOCKER;
	c.name = (char *)"a\"b\xff";
	assert_int_equal(wire_json_line(&c.base, &line), 0);
	assert_string_equal(line, "{\"runtime\":\"RUNTIME_DOCKER\",\"name\":\"a\\\"b?\",\"totals\":{"
				  "\"cpu_time_ns\":\"18446744073709551615\","
				  "\"forks\":9223372036854775807,\"tasks\":0}}");
	free(line);
}

static size_t read_golden(const char *path, char *into, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "rb");
	size_t n;

	if (!file)
		fail_msg("no %s; GOLDEN=write makes it", path);
	n = fread(into, 1, size - 1, file);
	into[n] = '\0';
	return n;
}

static void write_golden(const char *path, const void *bytes, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
}

/* What an agent of version 1 sent must be read for ever. The .bin is written
 * once per schema and never again. */
static void test_golden(void **state)
{
	char bin[16384], json[32768];
	Edgeprof__V1__Envelope *e;
	_cleanup_free_ char *line = NULL;
	const char *write = getenv("GOLDEN");
	struct fixture f;
	size_t size;

	fixture_make(2, &f);
	encode(&f.snapshot);
	if (write && !strcmp(write, "write") && access(GOLDEN_BIN, F_OK) < 0)
		write_golden(GOLDEN_BIN, messages.items[0].bytes, messages.items[0].size);
	size = read_golden(GOLDEN_BIN, bin, sizeof(bin));
	assert_int_equal(wire_decode(bin, size, &e), 0);
	assert_int_equal(wire_json_line(&e->base, &line), 0);
	if (write && !strcmp(write, "write"))
		write_golden(GOLDEN_JSON, line, strlen(line));
	read_golden(GOLDEN_JSON, json, sizeof(json));
	assert_string_equal(line, json);
	wire_envelope_free(e);
	fixture_free(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_fields),
		TEST(test_full_round_trip),
		TEST(test_envelope_header),
		TEST(test_empty_snapshot),
		TEST(test_absent_stays_absent),
		TEST(test_chunks),
		TEST(test_too_many_labels),
		TEST(test_dirty_and_long_text),
		TEST(test_emit_can_stop),
		TEST(test_truncated),
		TEST(test_refused_envelopes),
		TEST(test_strange_values),
		TEST(test_unknown_field_is_ignored),
		cmocka_unit_test(test_json),
		TEST(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
