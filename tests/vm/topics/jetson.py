# SPDX-License-Identifier: BSD-2-Clause
"""An external BTF for a kernel that has none."""
import pathlib
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from refusals import FAMILIES, minimal, told_families  # noqa: E402
from vmlab import kernel as kernels, topics  # noqa: E402

START_SECONDS_MAX = 2.0
MISSING = "mm_compaction_try_to_compact_pages"


def prepare(lab):
    """own: from this build's DWARF; other: the distribution's 5.10; forced: the same, said to be this kernel's."""
    minimal(lab, lab.kernel.vmlinux, "own", None)
    distribution = kernels.find(types.SimpleNamespace(kernel="5.10", arch="arm64"))
    minimal(lab, distribution.btf(), "other", distribution.version)
    minimal(lab, distribution.btf(), "forced")


def results(guest):
    for case in ("without", "other", "forced"):
        told = told_families(guest, case)
        yield guest.result(f"{case}: on files alone, and messages say why", list(told) == ["files"] and told["files"].reason, told)
    told = told_families(guest, "own")
    for name in FAMILIES:
        family = told.get(name, {})
        state = "FAMILY_STATE_DEGRADED" if name == "mem" else "FAMILY_STATE_RUNNING"
        yield guest.result(f"own: {name} through raw_tp", (family.get("state"), family.get("door")) == (state, "raw_tp"), told)
    yield guest.result("own: the message names the missing tracepoint", MISSING in (told["mem"].reason or ""), told["mem"])
    seconds = (guest.number("agent_published_ns") - guest.number("agent_exec_ns")) / 1e9
    yield guest.result(f"own: first message received outside within {START_SECONDS_MAX} s of exec ({seconds:.2f} s)", seconds <= START_SECONDS_MAX, seconds)
    for name in ("sched", "memory", "io"):
        yield from topics.load(name).results(guest)
