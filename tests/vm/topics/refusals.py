# SPDX-License-Identifier: BSD-2-Clause
"""Files of types that an agent must refuse, and which families ran in each case."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from refusals_btf import Btf, TYPEDEF  # noqa: E402

FAMILIES = ("cpu", "mem", "io", "lifecycle")
NOISE_BYTES = 4096
# Case: the door of the families that run; those that do not.
CASES = {
    "root": ("tp_btf", ()), "unit": ("tp_btf", ()),
    "limit": (None, FAMILIES), "nobody": (None, FAMILIES), "no_perfmon": (None, FAMILIES),
    "own": ("raw_tp", ()), "no_tracepoint": ("raw_tp", ("io",)), "no_member": ("raw_tp", ("io",)),
    "none": (None, FAMILIES), "nowhere": (None, FAMILIES), "other": (None, FAMILIES), "unnamed": (None, FAMILIES), "cut": (None, FAMILIES),
    "noise": (None, FAMILIES), "shifted": (None, FAMILIES),
}


def minimal(lab, source, name, version=None):
    """A file as `edgeprof btf` makes it, by default of the guest's own kernel."""
    words = [str(lab.edgeprof), "btf", "--from", str(source), "--kernel-version", (version or lab.kernel.version).strip(),
             "--output", str(lab.files / f"{name}.btf"), "--force"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stdout.strip()}")


def changed(lab, name, change):
    """The kernel's types as another one's could be, said to be this one's."""
    btf = Btf(lab.kernel.btf().read_bytes())
    change(btf)
    full = lab.files / f"{name}.full"
    full.write_bytes(btf.bytes())
    minimal(lab, full, name)
    full.unlink()


def prepare(lab):
    own = lab.kernel.btf()
    minimal(lab, own, "own")
    minimal(lab, own, "other", "Linux version 5.99.0-other (builder@host) (gcc) #7 SMP Mon Jan 1 00:00:00 UTC 2024")
    whole = (lab.files / "own.btf").read_bytes()
    (lab.files / "cut.btf").write_bytes(whole[:len(whole) * 2 // 3])
    (lab.files / "noise.btf").write_bytes(bytes(i * 7919 >> 3 & 255 for i in range(NOISE_BYTES)))
    (lab.files / "unnamed.btf").write_bytes(own.read_bytes())
    changed(lab, "shifted", lambda btf: btf.shift_members("task_struct", "sched_info", 16))
    changed(lab, "no_tracepoint", lambda btf: btf.rename_type(TYPEDEF, "btf_trace_block_rq_issue", "btf_trace_gone"))
    changed(lab, "no_member", lambda btf: btf.rename_member("request", "__data_len", "gone"))


def told_families(guest, case):
    """As the last message of the case that tells them does."""
    began, quiet = guest.number(f"{case}_began_ns"), guest.number(f"{case}_quiet_ns")
    inside = [m for m in guest.messages if began < m.mono_ns < quiet and m.snapshot.self]
    return {f.name: f for f in inside[-1].snapshot.self.families} if inside else {}


def families(guest, case):
    door, without = CASES[case]
    told = told_families(guest, case)
    running = [name for name in FAMILIES if name in told and told[name].state == "FAMILY_STATE_RUNNING" and told[name].door == door]
    wanted = [name for name in FAMILIES if name not in without]
    right = running == wanted if wanted else list(told) == ["files"]
    yield guest.result(f"{case}: runs {' '.join(wanted) or 'on files'}", right, told)
    silent = [f.name for f in told.values() if not f.reason and (f.state != "FAMILY_STATE_RUNNING" or f.door == "files")]
    yield guest.result(f"{case}: messages say why the rest does not", told and not silent, silent)


def unit(guest):
    """Counters are read on, although bpf() is for those with CAP_BPF."""
    middle, last = guest.before(guest.number("unit_middle_ns")), guest.before(guest.number("unit_quiet_ns"))
    early, late = guest.c("unit", middle).totals, guest.c("unit", last).totals
    yield guest.result("unit: counters go on", late.cpu_time_ns > early.cpu_time_ns > 0, f"{early.cpu_time_ns}, {late.cpu_time_ns}")
    yield guest.within("unit: CPU time", late.cpu_time_ns, guest.number("unit_cpu_ns"), 1)


def results(guest):
    for case in CASES:
        yield from families(guest, case)
    yield from unit(guest)
