# SPDX-License-Identifier: BSD-2-Clause
"""CPU time, waits, switches and throttling against the kernel's own counts."""

CPU_PERCENT = 1
WAIT_PERCENT = 3
# What a task does between its fork and its own cgroup is the kernel's alone to know.
WAIT_FLOOR_NS = 30_000_000
SWITCHES_PERCENT, SWITCHES_FLOOR = 1, 8


def one(guest, name, message):
    totals = guest.c(name, message).totals
    yield guest.within(f"{name}: CPU time", totals.cpu_time_ns, guest.number(f"{name}_cpu_ns"), CPU_PERCENT)
    yield guest.within(f"{name}: run-queue wait", totals.run_queue_wait_ns, guest.number(f"{name}_run_delay_ns"), WAIT_PERCENT, WAIT_FLOOR_NS)
    yield guest.within(f"{name}: switches", totals.switches_voluntary + totals.switches_involuntary,
                       guest.number(f"{name}_switches"), SWITCHES_PERCENT, SWITCHES_FLOOR)
    yield guest.result(f"{name}: the histogram holds every wait", sum(totals.run_queue_wait_hist) == totals.run_queue_waits > 0,
                       f"{sum(totals.run_queue_wait_hist)} of {totals.run_queue_waits}")
    if f"{name}_cpu_pressure_us" in guest.facts:
        yield guest.within(f"{name}: CPU pressure", totals.psi_cpu_some_ns, guest.number(f"{name}_cpu_pressure_us") * 1000, 1, 20_000_000)


def loads(guest, message):
    """The loads did what they are there for: else the figures above say little."""
    took_ns = guest.number("sched_took_ns")
    both = guest.number("rival1_cpu_ns") + guest.number("rival2_cpu_ns")
    yield guest.result("the rivals had their CPU nearly all the time", both > 0.7 * took_ns, f"{both} of {took_ns} ns")
    wait = guest.c("rival1", message).totals.run_queue_wait_ns
    yield guest.result("and waited for each other", wait > 0.25 * took_ns, f"{wait} of {took_ns} ns")


def blames(guest, message):
    for victim, aggressor in (("rival1", "rival2"), ("rival2", "rival1")):
        container = guest.c(victim, message)
        key = guest.c(aggressor, message).key
        blamed = sum(b.wait_ns for b in container.blames or [] if b.aggressor_key == key)
        yield guest.result(f"{victim} waited for {aggressor}", blamed > 0.7 * container.totals.run_queue_wait_ns,
                           f"{blamed} of {container.totals.run_queue_wait_ns} ns")


def throttling(guest, message):
    periods, throttled, throttled_ns = (int(word) for word in guest.facts["capped_throttling"].split())
    totals = guest.c("capped", message).totals
    took_ns = guest.number("sched_took_ns")
    yield guest.result("capped: the limit was applied", throttled > 5 and guest.number("capped_cpu_ns") < 0.3 * took_ns,
                       f"{throttled} of {periods} periods, {guest.number('capped_cpu_ns')} of {took_ns} ns")
    yield guest.result("capped: limit", totals.cpu_limit_millicores == 200, totals.cpu_limit_millicores)
    yield guest.result("capped: periods and throttled ones", (totals.cpu_periods, totals.cpu_throttled_periods) == (periods, throttled),
                       f"{totals.cpu_periods}, {totals.cpu_throttled_periods} against {periods}, {throttled}")
    yield guest.within("capped: throttled time", totals.cpu_throttled_ns, throttled_ns, 1)


def results(guest):
    message = guest.before(guest.number("sched_quiet_ns"))
    for name in ("rival1", "rival2", "pulse", "capped"):
        yield from one(guest, name, message)
    yield from loads(guest, message)
    yield from blames(guest, message)
    yield from throttling(guest, message)
