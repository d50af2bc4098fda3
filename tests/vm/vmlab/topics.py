# SPDX-License-Identifier: BSD-2-Clause
"""The host halves of topics and what they see of a guest."""
import importlib.util
import json
import sys

from .guests import HERE, LabError

sys.path.insert(0, str(HERE.parent / "e2e" / "lib"))
from snapshots import View  # noqa: E402


def load(name):
    """topics/NAME.py, or None when the topic has no host half."""
    path = HERE / "topics" / f"{name}.py"
    if not path.is_file():
        return None
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("topic_" + name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LabError(f"{path}: {type(error).__name__}: {error}") from error
    return module


class Lab:
    """What prepare() may use."""

    def __init__(self, guest, kernel, files, edgeprof, build):
        self.guest, self.kernel, self.files = guest, kernel, files
        self.edgeprof, self.build = edgeprof, build


class Seen(View):
    """What results() gets: facts from inside, messages from outside."""

    def __init__(self, lab, facts, messages, log):
        super().__init__(messages)
        self.lab, self.facts, self.log = lab, facts, log
        self.name, self.arch, self.kernel, self.layout = lab.guest.name, lab.guest.arch, lab.guest.kernel, lab.guest.layout

    def number(self, key):
        if key not in self.facts:
            raise LookupError(f"the guest told no fact {key}")
        return int(self.facts[key])

    def json(self, key):
        return json.loads(self.facts[key])

    def before(self, mono_ns):
        """The last message read before that uptime."""
        earlier = [m for m in self.messages if m.mono_ns < mono_ns]
        if not earlier:
            raise LookupError(f"no message from before {mono_ns}")
        return earlier[-1]

    def family(self, name, message=None):
        families = (message or self.last_with_self()).snapshot.self.families or []
        return next((f for f in families if f.name == name), None)

    def last_with_self(self):
        return next(m for m in reversed(self.messages) if m.snapshot.self)

    @staticmethod
    def result(words, condition, why=""):
        return words, bool(condition), str(why)

    def within(self, words, got, expected, percent=1.0, floor=0):
        """got is that near to what the kernel counted; floor: absolute slack."""
        if got is None or expected is None:
            return words, False, f"got {got}, the kernel {expected}"
        off = f"{100.0 * (got - expected) / expected:+.2f} %" if expected else f"{got - expected:+}"
        near = abs(got - expected) <= max(abs(expected) * percent / 100.0, floor)
        told = f"{got} against the kernel's {expected}, {off}"
        return (f"{words} ({told})", True, "") if near else (words, False, f"{told}; allowed {percent} % or {floor}")
