# SPDX-License-Identifier: BSD-2-Clause
"""Bytes and requests on a block device against what the kernel counted."""


def direct(guest, message):
    read_bytes, write_bytes, reads, writes = (int(word) for word in guest.facts["direct_figures"].split())
    totals = guest.c("direct", message).totals
    yield guest.result("direct: the kernel saw the load", read_bytes >= guest.number("io_bytes") <= write_bytes, guest.facts["direct_figures"])
    yield guest.within("direct: bytes read", totals.io_read_bytes, read_bytes, 1)
    yield guest.within("direct: bytes written", totals.io_write_bytes, write_bytes, 1)
    yield guest.within("direct: reads", totals.io_reads, reads, 2)
    yield guest.within("direct: writes", totals.io_writes, writes, 2)
    timed = sum(totals.io_latency_hist or [])
    yield guest.result("direct: the histogram holds every request", timed == totals.io_reads + totals.io_writes, f"{timed} of {totals.io_reads} + {totals.io_writes}")
    yield guest.result("direct: they took time", (totals.io_time_ns or 0) > timed * 1000, totals.io_time_ns)


def synced(guest, message):
    """The file's data at least; what the file system adds varies."""
    totals = guest.c("synced", message).totals
    written = guest.number("io_bytes")
    yield guest.result(f"synced: bytes written ({totals.io_write_bytes} for {written})", written <= totals.io_write_bytes <= written * 1.25, totals.io_write_bytes)


def results(guest):
    message = guest.before(guest.number("io_quiet_ns"))
    yield from direct(guest, message)
    yield from synced(guest, message)
