# SPDX-License-Identifier: BSD-2-Clause
"""What comes from cgroup files equals the kernel's figures; the rest is absent."""
ONLY_PROGRAMS_COUNT = (
    "run_queue_wait_ns", "run_queue_waits", "run_queue_wait_hist", "switches_voluntary", "switches_involuntary",
    "wakeups", "forks", "execs", "rss_anon_bytes", "rss_peak_bytes", "io_latency_hist", "io_time_ns")


def container(guest, name, message):
    totals = guest.c(name, message).totals
    yield guest.result(f"{name}: CPU time is the kernel's", totals.cpu_time_ns == guest.number(f"{name}_cpu_ns"),
                       f"{totals.cpu_time_ns} against {guest.number(f'{name}_cpu_ns')}")
    told = [field for field in ONLY_PROGRAMS_COUNT if field in totals]
    yield guest.result(f"{name}: what only programs count is absent", not told, told)
    yield guest.result(f"{name}: its task", totals.tasks == 1, totals.tasks)
    yield guest.result(f"{name}: nobody is blamed", not guest.c(name, message).blames, guest.c(name, message).blames)


def results(guest):
    message = guest.before(guest.number("quiet_ns"))
    for name in ("busy", "capped", "held"):
        yield from container(guest, name, message)
    capped, held = guest.c("capped", message).totals, guest.c("held", message).totals
    throttling = f"{capped.cpu_periods} {capped.cpu_throttled_periods}"
    yield guest.result("capped: periods are the kernel's, and the limit was applied",
                       throttling == guest.facts["capped_throttling"] and capped.cpu_throttled_periods > 5,
                       f"{throttling} against {guest.facts['capped_throttling']}")
    yield guest.result("capped: its limit", capped.cpu_limit_millicores == 200, capped.cpu_limit_millicores)
    yield guest.within("held: memory is the kernel's", held.memory_usage_bytes, guest.number("held_bytes"), 0)
    yield guest.result("held: its limit", held.memory_limit_bytes == 100 << 20, held.memory_limit_bytes)
    yield guest.within("held: bytes read", held.io_read_bytes, guest.number("read_bytes"), 5)
    yield guest.result("the busy one had a CPU", guest.number("busy_cpu_ns") > 1.5e9, guest.facts["busy_cpu_ns"])
    families = guest.last_with_self().snapshot.self.families
    yield guest.result("the only family is the files", [f.name for f in families] == ["files"], families)
    yield guest.result("and it says why", families[0].reason == "this kernel has no bpf() system call", families[0].reason)
    yield guest.result("each end is told once", all(len(guest.ended(name)) == 1 for name in ("busy", "capped", "held")))
