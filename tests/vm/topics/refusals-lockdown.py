# SPDX-License-Identifier: BSD-2-Clause
"""Which families run on a kernel that is locked down for confidentiality."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from refusals import told_families  # noqa: E402


def results(guest):
    # Those whose programs make do with plain loads: io's do where the helper for the current task is typed.
    typed = ["cpu"] if guest.lab.guest.kernel == "5.10" else ["cpu", "io"]
    for door, wanted in (("auto", typed), ("tp_btf", typed), ("raw_tp", [])):
        told = told_families(guest, door)
        running = [f.name for f in told.values() if f.door == "tp_btf" and f.state == "FAMILY_STATE_RUNNING"]
        yield guest.result(f"{door}: runs {' '.join(wanted) or 'no family'}", told and running == wanted, told)
        silent = [f.name for f in told.values() if f.state not in ("FAMILY_STATE_RUNNING", "FAMILY_STATE_OFF") and not f.reason]
        yield guest.result(f"{door}: messages say why others do not", told and not silent, silent)
