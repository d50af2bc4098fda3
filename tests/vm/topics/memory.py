# SPDX-License-Identifier: BSD-2-Clause
"""Limits, OOM kills, resident memory, faults and reclaim against the kernel's own."""
LIMIT_BYTES, CACHE_LIMIT_BYTES = 48 << 20, 24 << 20
PAGE_BYTES = 4096
SIGKILL = 9


def oom(guest, message):
    totals = guest.c("greedy", message).totals
    yield guest.result("greedy: its limit", totals.memory_limit_bytes == LIMIT_BYTES, totals.memory_limit_bytes)
    yield guest.result("greedy: the kernel killed it", guest.number("oom_status") == 128 + SIGKILL and guest.number("oom_kills") == 1,
                       f"status {guest.facts['oom_status']}, {guest.facts['oom_kills']} kills")
    yield guest.result("greedy: one OOM kill", totals.oom_kills == 1, totals.oom_kills)
    victim = guest.c("greedy", message).oom_victim
    yield guest.result("greedy: its victim's name", victim == "touch_memory", victim)
    yield guest.within("greedy: highest resident memory", totals.rss_peak_bytes, LIMIT_BYTES, 10)


def held(guest):
    totals = guest.c("held", guest.before(guest.number("held_quiet_ns"))).totals
    # Per-CPU parts of a counter are not folded in before they reach 32 pages.
    slack = 32 * guest.lab.guest.cpus * PAGE_BYTES
    yield guest.within("held: anonymous memory", totals.rss_anon_bytes, guest.number("held_anon_kib") << 10, 1, slack)
    yield guest.within("held: file pages", totals.rss_file_bytes, guest.number("held_file_kib") << 10, 1, slack)
    yield guest.within("held: memory charged", totals.memory_usage_bytes, guest.number("held_current"), 1, 64 * PAGE_BYTES)


def faults(guest):
    run = guest.json("faults")
    first = [m for m in guest.holding("faults") if m.mono_ns < run["begin_mono_ns"]][-1]
    last = next(m for m in guest.holding("faults") if m.mono_ns > run["end_mono_ns"])
    for kind in ("minor", "major"):
        grown = guest.growth("faults", f"faults_{kind}", first, last)
        yield guest.result(f"{kind} faults equal getrusage ({grown})", grown == run[f"faults_{kind}"], f"{grown} against {run[f'faults_{kind}']}")
    grown = [guest.growth("faults", field, first, last) for field in ("forks", "execs", "exits")]
    yield guest.result("one fork, one exec, one exit", grown == [1, 1, 1], grown)


def reclaim(guest, message):
    totals = guest.c("cache", message).totals
    yield guest.result("cache: it had to reclaim", (totals.memcg_reclaims or 0) > 0 and totals.memcg_reclaim_ns > 0,
                       f"{totals.memcg_reclaims}, {totals.memcg_reclaim_ns} ns")
    yield guest.result("cache: the histogram holds every reclaim", sum(totals.reclaim_hist or []) == totals.memcg_reclaims + totals.direct_reclaims,
                       totals.reclaim_hist)
    yield guest.within("cache: memory charged", totals.memory_usage_bytes, guest.number("cache_current"), 2, 64 * PAGE_BYTES)
    yield guest.result("cache: within its limit", totals.memory_usage_bytes <= CACHE_LIMIT_BYTES, totals.memory_usage_bytes)


def results(guest):
    message = guest.before(guest.number("memory_quiet_ns"))
    yield from oom(guest, message)
    yield from held(guest)
    yield from faults(guest)
    yield from reclaim(guest, message)
