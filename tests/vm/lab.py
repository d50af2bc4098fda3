#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The VM lab; see README.md.

    lab.py list                    guests and their topics
    lab.py names short|full [TOPIC...]   names of guests, those that list a topic
    lab.py fetch [GUEST...]        their kernels into the cache
    lab.py run GUEST [TOPIC...]    boots it, writes TAP
    lab.py all GUEST...            several, VM_JOBS at a time
    lab.py result GUEST            its TAP once more (so does a link vm-GUEST to this file)
    lab.py shell GUEST             a shell in it

EDGEPROF_VM_BUILD: the folder above arm64 and amd64 (build); VM_TOPICS: the topics
to run, of those that a guest lists."""
import inspect
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from vmlab import guests, kernel, machine, run  # noqa: E402

ROOT = guests.HERE.parent.parent


def build_folder():
    return pathlib.Path(os.environ.get("EDGEPROF_VM_BUILD") or ROOT / "build").resolve()


def subscriber():
    """A program for this machine's own kernel."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "?")
    program = build_folder() / arch / "edgeprof"
    if not os.access(program, os.X_OK):
        raise guests.LabError(f"no {program}; make TARGET={arch} all")
    return program


def chosen_topics(row, wanted):
    chosen = [topic for topic in row.topics if topic in wanted]
    if not chosen:
        raise guests.LabError(f"guest {row.name} lists none of the topics {' '.join(wanted)}")
    return chosen


def do_run(name, *topics):
    row = guests.find(name)
    wanted = topics or os.environ.get("VM_TOPICS", "").split() or row.topics
    return run.guest(row, chosen_topics(row, wanted), subscriber(), build_folder())


def do_shell(name):
    return run.shell(guests.find(name), subscriber(), build_folder())


def do_result(name):
    """What the last run of the guest gave, for tests/run.sh."""
    tap = build_folder() / "vm" / guests.find(name).name / "tap"
    if not tap.is_file():
        raise guests.LabError(f"guest {name} was not run; make check-vm G={name}")
    text = tap.read_text(encoding="utf-8")
    print(text, end="")
    return not any(line.startswith("not ok") for line in text.splitlines()) and text.rstrip().rpartition("\n")[2].startswith("1..")


def do_all(*names):
    """VM_JOBS guests at a time, each in a process of its own."""
    waiting, running, good = list(names), {}, True
    for name in names:  # so that nobody takes an earlier run's for this one's
        (build_folder() / "vm" / name / "tap").unlink(missing_ok=True)
    try:
        while waiting or running:
            while waiting and len(running) < int(os.environ.get("VM_JOBS", "2")):
                running[waiting[0]] = (machine.start([sys.executable, __file__, "run", waiting[0]], stdout=subprocess.DEVNULL), time.monotonic())
                waiting.pop(0)
            time.sleep(0.1)
            for name in [name for name, (process, _) in running.items() if process.poll() is not None]:
                process, began = running.pop(name)
                good = good and process.returncode == 0
                print(f"  {name}: {time.monotonic() - began:.0f} s{'' if process.returncode == 0 else ', failed'}", flush=True)
    finally:
        for process, _ in running.values():
            machine.stop(process)
    return good


def do_list():
    for row in guests.read().values():
        print(f"{row.name:24} {row.arch} {row.kernel:9} {row.layout:7} {row.set:6} {' '.join(row.topics)}")
    return True


def do_names(what, *topics):
    rows = guests.read().values()
    if what not in ("short", "full"):
        raise guests.LabError(f"'{what}' is none of short, full")
    rows = [row for row in rows if what == "full" or row.set == "short"]
    print(" ".join(row.name for row in rows if not topics or set(topics) & set(row.topics)))
    return True


def do_fetch(*names):
    for name in names or guests.read():
        print(f"{name}: {kernel.find(guests.find(name)).image}", flush=True)
    return True


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    called = pathlib.Path(sys.argv[0]).name
    words = ["result", called[3:]] if called.startswith("vm-") else sys.argv[1:]
    verbs = {"run": do_run, "all": do_all, "result": do_result, "list": do_list, "names": do_names, "fetch": do_fetch, "shell": do_shell}
    try:
        if not words or words[0] not in verbs:
            raise guests.LabError("usage: lab.py list | run GUEST [TOPIC...] | all GUEST... | result GUEST | names short|full [TOPIC...] | fetch [GUEST...] | shell GUEST")
        try:
            inspect.signature(verbs[words[0]]).bind(*words[1:])
        except TypeError as error:
            raise guests.LabError(f"{words[0]}: {error}") from error
        return 0 if verbs[words[0]](*words[1:]) else 1
    except guests.LabError as error:
        print(f"lab.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
