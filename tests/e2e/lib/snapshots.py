#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""snapshots.py RECORDING [--wait SECONDS] [--print] EXPRESSION [NAME=FILE ...]

Evaluates a Python expression over the lines that `edgeprof watch --json` wrote.
Succeeds when it is true; prints what was compared. With --wait it looks again
until it is true or the time is up; --print prints the value. NAME=FILE gives
further JSON lines a name. An absent field is None."""
import argparse
import bisect
import fnmatch
import json
import sys
import time

SAMPLE_GAP_MAX_NS = 30_000_000


class Tree(dict):
    """A JSON object whose fields are attributes; absent ones are None."""

    def __getattr__(self, name):
        return self.get(name)


def load(path):
    """Whole lines only: the last one may still be being written."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line, object_hook=Tree) for line in file if line.endswith("\n")]


class View:
    def __init__(self, messages):
        self.messages = messages
        self.notes = []

    def matching(self, glob, message=None):
        message = message or self.messages[-1]
        found = message.snapshot.containers or []
        return [c for c in found if any(fnmatch.fnmatchcase(c.get(f) or "", glob) for f in ("name", "id", "cgroup_path"))]

    def c(self, glob, message=None):
        """The container of that name, id or cgroup path in the last message."""
        found = self.matching(glob, message)
        return found[0] if len(found) == 1 else None

    def ended(self, glob):
        return [c for m in self.messages for c in self.matching(glob, m) if c.state == "STATE_ENDED"]

    def latest(self, glob):
        """The container as the last message that holds it told it."""
        return next((c for m in reversed(self.messages) for c in self.matching(glob, m)), None)

    def labels(self, container):
        return {label.key: label.value for label in container.labels or []}

    def loss(self, kind, message=None):
        message = message or self.messages[-1]
        return sum(loss.count for loss in message.losses or [] if loss.kind == kind)

    def within(self, got, expected, percent, floor=0):
        """True when got is that near expected; floor: absolute slack."""
        off = 100.0 * (got - expected) / expected if expected else 0.0
        self.notes.append(f"{got} vs {expected:.0f}, {off:+.2f} %")
        return abs(got - expected) <= max(expected * percent / 100.0, floor)

    def growth(self, glob, metric, first, last):
        return self.c(glob, last).totals[metric] - self.c(glob, first).totals[metric]

    def holding(self, *globs):
        return [m for m in self.messages if all(self.c(g, m) for g in globs)]

    def window(self, samples, *globs):
        """First and last message that hold all containers and whose time lies
        between two samples that are near each other."""
        starts = [s.mono_ns for s in samples]

        def told(mono_ns):
            i = bisect.bisect(starts, mono_ns)
            return 0 < i < len(starts) and starts[i] - starts[i - 1] <= SAMPLE_GAP_MAX_NS

        inside = [m for m in self.holding(*globs) if told(m.mono_ns)]
        return inside[0], inside[-1]


def at(samples, field, mono_ns):
    """Value of a sampled counter at that time, on the line between two samples."""
    for before, after in zip(samples, samples[1:]):
        if before.mono_ns <= mono_ns <= after.mono_ns:
            share = (mono_ns - before.mono_ns) / max(1, after.mono_ns - before.mono_ns)
            return before[field] + share * (after[field] - before[field])
    raise LookupError("time outside of the samples")


def sampled_growth(samples, field, first, last):
    return at(samples, field, last.mono_ns) - at(samples, field, first.mono_ns)


def evaluate(args):
    view = View(load(args.recording))
    names = {"at": at, "sampled_growth": sampled_growth}
    names.update({n: getattr(view, n) for n in dir(view) if not n.startswith("_")})
    names.update({n: load(path) for n, path in (v.split("=", 1) for v in args.variables)})
    if view.messages:
        names.update(first=view.messages[0], last=view.messages[-1])
    try:
        value = eval(f"({args.expression})", names)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    if args.print:
        return True, str(value)
    return bool(value), "; ".join(view.notes[-6:]) or ("" if value is True else repr(value))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recording")
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--print", action="store_true")
    parser.add_argument("expression")
    parser.add_argument("variables", nargs="*")
    args = parser.parse_args()
    until = time.monotonic() + args.wait
    while True:
        true, why = evaluate(args)
        if true or time.monotonic() >= until:
            break
        time.sleep(0.2)
    if why:
        print(why if true else f"{args.expression} is {why}"[:600])
    return 0 if true else 1


if __name__ == "__main__":
    sys.exit(main())
