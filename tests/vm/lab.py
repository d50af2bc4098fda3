#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The VM lab; see README.md.

    lab.py list                    guests and their topics
    lab.py run GUEST [TOPIC...]    boots it, writes TAP (a link vm-GUEST to this file does the same)
    lab.py names short|full [TOPIC...]   names of guests, those that list a topic
    lab.py fetch GUEST...          kernels into the cache
    lab.py shell GUEST             a shell in it

EDGEPROF: the program for this machine; EDGEPROF_BUILD: the folder above arm64 and amd64;
VM_TOPICS: the topics to run, of those that a guest lists."""
import os
import pathlib
import platform
import signal
import sys

sys.dont_write_bytecode = True
from vmlab import guests, kernel, run  # noqa: E402

ROOT = guests.HERE.parent.parent


def build_folder():
    return pathlib.Path(os.environ.get("EDGEPROF_VM_BUILD") or ROOT / "build").resolve()


def subscriber():
    """A program for this machine's own kernel."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "?")
    for path in (os.environ.get("EDGEPROF"), build_folder() / arch / "edgeprof"):
        if path and os.access(path, os.X_OK):
            return pathlib.Path(path)
    raise guests.LabError(f"no program for this machine: make, or make TARGET={arch} all")


def do_run(name, *topics, shell=False):
    row = guests.find(name)
    wanted = topics or os.environ.get("VM_TOPICS", "").split() or row.topics
    chosen = [topic for topic in row.topics if topic in wanted]
    if not chosen and not shell:
        raise guests.LabError(f"guest {name} lists none of the topics {' '.join(wanted)}")
    return run.guest(row, chosen, subscriber(), build_folder(), shell)


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
    words = ["run", called[3:]] if called.startswith("vm-") else sys.argv[1:]
    verbs = {"run": do_run, "list": do_list, "names": do_names, "fetch": do_fetch,
             "shell": lambda name: do_run(name, shell=True)}
    try:
        if not words or words[0] not in verbs:
            raise guests.LabError("usage: lab.py list | run GUEST [TOPIC...] | names short|full [TOPIC...] | fetch [GUEST...] | shell GUEST")
        return 0 if verbs[words[0]](*words[1:]) else 1
    except (guests.LabError, TypeError) as error:
        print(f"lab.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
