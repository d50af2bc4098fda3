# SPDX-License-Identifier: BSD-2-Clause
"""CPU time, waits, switches and throttling against the kernel's own counts."""

CPU_PERCENT = 1
# The kernel reads a run-queue's clock once when it begins to choose the next
# task; the tracepoint comes when it has chosen, emulated some 0.1 ms later.
# The CPUs of an emulated x86 take turns of up to 0.1 s, which now and then end
# between the two.
WAIT_PERCENT, WAIT_FLOOR_NS, WAIT_SLACK_NS = {"arm64": 1, "amd64": 10}, 10_000_000, 300_000
SWITCHES_PERCENT, SWITCHES_FLOOR = 1, 4
# Files of a container that does nothing are read every ten seconds: what the
# kernel added to them after it stood still may be missing.
PERIODS_SLACK, PERIOD_NS = 2, 100_000_000


def grown(guest, name, figure):
    return guest.number(f"{name}_{figure}_after") - guest.number(f"{name}_{figure}_before")


def one(guest, name, before, after):
    totals = guest.c(name, after).totals
    waited = guest.growth(name, "run_queue_wait_ns", before, after)
    switched = sum(guest.growth(name, f"switches_{kind}", before, after) for kind in ("voluntary", "involuntary"))
    ran = guest.growth(name, "cpu_time_ns", before, after)
    yield guest.within(f"{name}: CPU time", ran, grown(guest, name, "cpu_ns"), CPU_PERCENT)
    yield guest.within(f"{name}: run-queue wait", waited, grown(guest, name, "run_delay_ns"), WAIT_PERCENT[guest.arch],
                       max(WAIT_FLOOR_NS, totals.run_queue_waits * WAIT_SLACK_NS))
    yield guest.within(f"{name}: switches", switched, grown(guest, name, "switches"), SWITCHES_PERCENT, SWITCHES_FLOOR)
    yield guest.result(f"{name}: the histogram holds every wait", sum(totals.run_queue_wait_hist) == totals.run_queue_waits > 0,
                       f"{sum(totals.run_queue_wait_hist)} of {totals.run_queue_waits}")
    if f"{name}_cpu_pressure_us" in guest.facts:
        yield guest.within(f"{name}: CPU pressure", totals.psi_cpu_some_ns, guest.number(f"{name}_cpu_pressure_us") * 1000, 1, PERIOD_NS)


def took_ns(guest):
    return guest.number("sched_ended_ns") - guest.number("sched_began_ns")


def loads(guest, message):
    """The loads did what they are there for: else the figures above say little."""
    both = grown(guest, "rival1", "cpu_ns") + grown(guest, "rival2", "cpu_ns")
    yield guest.result("the rivals had a CPU most of the time", both > 0.6 * took_ns(guest), f"{both} of {took_ns(guest)} ns")
    wait = guest.c("rival1", message).totals.run_queue_wait_ns
    yield guest.result("and waited for each other", wait > 0.25 * took_ns(guest), f"{wait} of {took_ns(guest)} ns")


def blames(guest, message):
    """A good part of it: the agent and the kernel's threads had the CPU in between."""
    for victim, aggressor in (("rival1", "rival2"), ("rival2", "rival1")):
        container = guest.c(victim, message)
        key = guest.c(aggressor, message).key
        blamed = sum(b.wait_ns for b in container.blames or [] if b.aggressor_key == key)
        yield guest.result(f"{victim} waited for {aggressor}", blamed > 0.25 * container.totals.run_queue_wait_ns,
                           f"{blamed} of {container.totals.run_queue_wait_ns} ns")


def throttling(guest, message):
    periods, throttled, throttled_ns = (int(word) for word in guest.facts["capped_throttling"].split())
    totals = guest.c("capped", message).totals
    ran = grown(guest, "capped", "cpu_ns")
    yield guest.result("capped: the limit was applied", throttled > 5 and ran < 0.35 * took_ns(guest),
                       f"{throttled} of {periods} periods, {ran} of {took_ns(guest)} ns")
    yield guest.result("capped: limit", totals.cpu_limit_millicores == 200, totals.cpu_limit_millicores)
    yield guest.within("capped: periods", totals.cpu_periods, periods, 0, PERIODS_SLACK)
    yield guest.within("capped: throttled ones", totals.cpu_throttled_periods, throttled, 0, PERIODS_SLACK)
    yield guest.within("capped: throttled time", totals.cpu_throttled_ns, throttled_ns, 1, PERIODS_SLACK * PERIOD_NS)


def results(guest):
    before = guest.before(guest.number("sched_began_ns"))
    after = guest.before(guest.number("sched_quiet_ns"))
    for name in ("rival1", "rival2", "pulse", "capped"):
        yield from one(guest, name, before, after)
    yield from loads(guest, after)
    yield from blames(guest, after)
    yield from throttling(guest, after)
