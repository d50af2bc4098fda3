# SPDX-License-Identifier: BSD-2-Clause
"""The start, identity and lifecycle, as a subscriber outside sees them."""
import json

# Under emulation; the promise is for a Jetson and its kernels.
START_SECONDS_MAX = {("arm64", "5.10"): 2.0}
START_SECONDS_OTHERWISE = 4.0
RSS_BYTES_MAX = 12 << 20
FAMILIES = ("cpu", "mem", "io", "lifecycle")


def start(guest):
    tries = [guest.facts[f"start_{i}"].split(maxsplit=2) for i in (1, 2, 3) if f"start_{i}" in guest.facts]
    exec_ns, received_ns, first = min(tries, key=lambda words: int(words[1]) - int(words[0]))
    first = json.loads(first)
    published = (first["published_mono_ns"] - int(exec_ns)) / 1e9
    received = (int(received_ns) - int(exec_ns)) / 1e9
    allowed = START_SECONDS_MAX.get((guest.arch, guest.kernel), START_SECONDS_OTHERWISE)
    told = f"published after {published:.2f} s, received after {received:.2f} s, {len(tries)} tries"
    yield guest.result(f"first message within {allowed} s ({told})", 0 < published <= received <= allowed, told)
    yield guest.result("it is the first one", first["sequence"] <= 1, first["sequence"])


def families(guest, door):
    for name in FAMILIES:
        family = guest.family(name)
        yield guest.result(f"{name} runs through {door}", family and (family.state, family.door) == ("FAMILY_STATE_RUNNING", door), family)


def node(guest):
    node_ = guest.last_with_self().snapshot.node
    yield guest.result("the node's figures", (node_.kernel, node_.machine, node_.cpus) == (guest.facts["release"], guest.facts["machine"], guest.lab.guest.cpus), node_)
    yield guest.result("the cgroup layout", node_.cgroup_layout == guest.layout, node_.cgroup_layout)


def identity(guest):
    # The message under way at that time is later than it.
    message = next(m for m in guest.holding("named") if m.mono_ns < guest.number("named_ns"))
    named = guest.c("named", message)
    yield guest.result("docker's name, image and label", named and (named.runtime, named.image, guest.labels(named)) ==
                       ("RUNTIME_DOCKER", "lab:1", {"lab": "start"}), named)
    totals = named.totals if named else {}
    yield guest.result("its memory limit", totals.get("memory_limit_bytes") == 64 << 20, totals.get("memory_limit_bytes"))
    yield guest.result("its CPU limit", totals.get("cpu_limit_millicores") == 500, totals.get("cpu_limit_millicores"))
    yield guest.result("its task", totals.get("tasks") == 1, totals.get("tasks"))


def lifecycle(guest):
    told = {c.name: c for i in range(1, guest.number("short_containers") + 1) for c in guest.ended(f"short{i}")}
    missing = [i for i in range(1, guest.number("short_containers") + 1) if f"short{i}" not in told]
    yield guest.result("every short container is reported as ended", not missing, f"missing: {missing}")
    wrong = {name: c.exit_status for name, c in told.items() if c.exit_status != int(name[5:]) << 8}
    yield guest.result("with its status", not wrong, wrong)
    idle = [name for name, c in told.items() if not (c.totals.cpu_time_ns or 0) > 0 or not (c.totals.exits or 0) >= 1]
    yield guest.result("with its totals", not idle, idle)
    losses = {loss.kind: loss.count for loss in guest.messages[-1].losses or [] if loss.count}
    yield guest.result("nothing was lost", not {k: v for k, v in losses.items() if k != "slice_unseen"}, losses)


def own_cost(guest):
    self_ = guest.last_with_self().snapshot.self
    yield guest.within("the agent's own resident memory", self_.rss_bytes, guest.number("vm_rss_kib") << 10, 5)
    yield guest.result(f"which is {self_.rss_bytes / 2**20:.1f} MiB, at most {RSS_BYTES_MAX >> 20}", self_.rss_bytes <= RSS_BYTES_MAX, self_.rss_bytes)


def doctor(guest):
    checks = json.loads(guest.facts["doctor"])
    wanted = ("bpf()", "door tp_btf", "door raw_tp", "tracefs", "sched:sched_switch")
    bad = [c for c in checks if c["check"] in wanted and c["status"] != "works"]
    yield guest.result("doctor says what works", not bad and len(checks) > 10, bad)
    missing = [c["check"] for c in checks if c["status"] == "missing"]
    yield guest.result("doctor's status fits its lines", (guest.number("doctor_status") == 0) == (not missing), missing)


def results(guest):
    yield from start(guest)
    yield from families(guest, "tp_btf")
    yield from node(guest)
    yield from identity(guest)
    yield from lifecycle(guest)
    yield from own_cost(guest)
    yield from doctor(guest)
