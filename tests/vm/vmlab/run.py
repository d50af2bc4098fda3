# SPDX-License-Identifier: BSD-2-Clause
"""Boots a guest, follows what it tells, and writes TAP."""
import base64
import pathlib
import re
import shutil
import socket
import tempfile
import time

from . import image, kernel as kernels, machine, topics
from .guests import LabError

CRASH = re.compile(
    r"Oops|BUG:|kernel BUG|Kernel panic|soft lockup|hard LOCKUP|rcu.*(stall|self-detected)|"
    r"(possible|inconsistent) .*lock|INFO: task .* blocked|Unable to handle kernel|general protection fault|"
    r"WARNING: (CPU|possible|suspicious)|Internal error")
TAIL_LINES = 25
TOPIC_SECONDS = 200


class Report:
    """TAP on standard output and in a file."""

    def __init__(self, path):
        self.file, self.count, self.failed = open(path, "w", encoding="utf-8"), 0, 0

    def line(self, text):
        print(text, flush=True)
        print(text, file=self.file, flush=True)

    def result(self, words, good, why=""):
        self.count += 1
        self.failed += not good
        words = " ".join(words.split())
        self.line(f"ok {self.count} - {words}" if good else f"not ok {self.count} - {words}: {' '.join(str(why).split())}")

    def note(self, text):
        self.line(f"# {text}")

    def tail(self, what, text):
        self.note(f"the end of {what}:")
        for line in text.splitlines()[-TAIL_LINES:]:
            self.note(f"  {line}")

    def close(self):
        self.line(f"1..{self.count}")
        self.file.close()


class Topic:
    """One topic while it runs: its facts, results and messages."""

    def __init__(self, name, run):
        self.name, self.run, self.facts, self.log = name, run, {}, ""
        self.first = len(run.messages())
        self.began = time.monotonic()
        self.complete, self.results = False, 0

    def result(self, words, good, why=""):
        self.results += 1
        self.run.report.result(f"{self.name}: {words}", good, why)

    def finish(self, status):
        self._host_half()
        if not self.complete:
            reason = f"took longer than {TOPIC_SECONDS} s" if status in ("137", "143") else f"ended early with status {status}"
            self.result("runs to its end", False, reason)
            self.run.report.tail(f"{self.name}'s agent log", self.log)
        if not self.results:
            self.result("gives results", False, "neither half gave one")
        self.run.took[self.name] = time.monotonic() - self.began

    def _host_half(self):
        module = self.run.modules.get(self.name)
        if not module or not hasattr(module, "results"):
            return
        seen = topics.Seen(self.run.lab, self.facts, self.run.messages()[self.first:], self.log)
        try:
            for words, good, why in module.results(seen):
                self.result(words, good, why)
        except Exception as error:  # whatever a topic does wrong is its failure alone
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
            self.result("its host half", False, f"{type(error).__name__}: {error} (line {line})")


class Run:
    def __init__(self, guest, names, lab, modules, logs, report):
        self.guest, self.names, self.lab, self.modules = guest, names, lab, modules
        self.logs, self.report = logs, report
        self.machine = self.topic = None
        self.took, self.finished = {}, False
        self.dmesg = ""

    def messages(self):
        return self.machine.watch.messages

    def _text(self, encoded):
        return base64.b64decode(encoded).decode(errors="replace")

    def on_ok(self, rest):
        self.topic.result(rest, True)

    def on_not_ok(self, rest):
        words, _, why = rest.partition(": ")
        self.topic.result(words, False, why)

    def on_fact(self, rest):
        key, _, value = rest.partition(" ")
        self.topic.facts[key] = value

    def on_fact64(self, rest):
        key, _, value = rest.partition(" ")
        self.topic.facts[key] = self._text(value)

    def on_note(self, rest):
        self.report.note(f"{self.topic.name if self.topic else 'guest'}: {rest}")

    def on_await(self, rest):
        count, seconds = (int(word) for word in rest.split())
        self.machine.channel.answer("arrived" if self.machine.watch.wait_for(count, seconds) else "late")

    def on_begin(self, rest):
        self.topic = Topic(rest, self)

    def on_complete(self, _):
        self.topic.complete = True

    def on_output(self, rest):
        for line in self._text(rest).splitlines()[-TAIL_LINES:]:
            self.report.note(f"{self.topic.name}: {line}")

    def on_log(self, rest):
        self.topic.log = self._text(rest)
        (self.logs / f"{self.topic.name}.agent.log").write_text(self.topic.log, encoding="utf-8")

    def on_keep(self, rest):
        name, _, text = rest.partition(" ")
        (self.logs / f"{self.topic.name}.{re.sub('[^A-Za-z0-9_.-]', '_', name)}.log").write_text(self._text(text), encoding="utf-8")

    def on_end(self, rest):
        self.topic.finish(rest.split()[-1])
        self.topic = None

    def on_booted(self, rest):
        self.took["boot"] = time.monotonic() - self.machine.began
        self.report.note(f"Linux {rest.split()[1]}, {self.guest.arch}, {self.guest.layout}, up after {rest.split()[0]} s of its own")

    def on_dmesg(self, rest):
        self.dmesg = self._text(rest)
        (self.logs / "dmesg.log").write_text(self.dmesg, encoding="utf-8")

    def on_finished(self, _):
        self.finished = True

    def follow(self):
        """Every line of the guest; one that is not understood fails."""
        for line in self.machine.lines():
            word, _, rest = line.rstrip("\r").partition(" ")
            handler = getattr(self, f"on_{word}", None)
            if not handler or (not self.topic and word in ("ok", "not_ok", "fact", "fact64", "complete", "output", "log", "keep", "end")):
                self.report.result("what the guest tells is understood", False, line[:200])
                continue
            handler(rest)
            if self.finished:
                return

    def check_log(self):
        console = self.logs / "console.log"
        text = (console.read_text(encoding="utf-8", errors="replace") if console.is_file() else "") + self.dmesg
        allowed = re.compile(self.guest.allow_log) if self.guest.allow_log else None
        found = [line for line in text.splitlines() if CRASH.search(line) and not (allowed and allowed.search(line))]
        self.report.result("nothing crashed in the kernel", not found, found[0] if found else "")
        if found or not self.finished:
            self.report.tail("the kernel's log", text)


def _time(report, took, began):
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items())
    report.note(f"seconds: {parts}; in all {time.monotonic() - began:.1f}")


def _prepare(lab, modules):
    for name, module in modules.items():
        if module and hasattr(module, "prepare"):
            try:
                module.prepare(lab)
            except LabError:
                raise
            except Exception as error:
                raise LabError(f"topics/{name}.py: prepare: {type(error).__name__}: {error}") from error


def _build_image(guest, lab, scratch, names, shell):
    build = lab.build / guest.arch
    if not (build / "edgeprof").is_file():
        raise LabError(f"no {build}/edgeprof; make TARGET={guest.arch} all tests")
    settings = {
        "LAB_GUEST": guest.name, "LAB_ARCH": guest.arch, "LAB_KERNEL": guest.kernel, "LAB_LAYOUT": guest.layout,
        "LAB_TOPICS": " ".join(names), "LAB_DISK": "/lab/disk", "LAB_BUILD": str(build.resolve()),
        "LAB_LEAVE_OUT": guest.leave_out, "LAB_TOPIC_SECONDS": str(TOPIC_SECONDS), "LAB_SHELL": "1" if shell else ""}
    image.build(scratch / "initramfs", guest, lab.kernel, kernels.busybox(guest.arch), build, lab.files, scratch, settings)


def _fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _boot(run, scratch):
    try:
        with machine.Machine(run.guest, run.lab.kernel, scratch, run.logs, run.lab.edgeprof) as run.machine:
            run.follow()
            run.machine.wait(5)
    except (TimeoutError, socket.timeout):
        run.report.note(f"stopped: not at its end after {run.guest.timeout_s} s")
    except ConnectionError as error:
        run.report.note(f"the channel broke: {error}")
    if run.topic:
        run.topic.finish("-: the guest is gone")


def _ready(row, names, edgeprof, build, scratch, shell=False):
    """Kernel, files, initramfs and disk of a guest; the topics' host halves."""
    lab = topics.Lab(row, kernels.find(row), _fresh(scratch / "files"), edgeprof, build)
    modules = {name: topics.load(name) for name in names}
    _prepare(lab, modules)
    _build_image(row, lab, scratch, names, shell)
    machine.make_disk(scratch / "disk")
    return lab, modules


def guest(row, names, edgeprof, build):
    """Runs the topics in one guest; True when every result is good."""
    logs = _fresh(build / "vm" / row.name)
    report = Report(logs / "tap")
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="edgeprof-vm.") as scratch:
            scratch = pathlib.Path(scratch)
            lab, modules = _ready(row, names, edgeprof, build, scratch)
            run = Run(row, names, lab, modules, logs, report)
            run.took["prepare"] = time.monotonic() - began
            _boot(run, scratch)
            report.result("reaches its end", run.finished, f"no end after {time.monotonic() - began:.0f} s")
            run.check_log()
            _time(report, run.took, began)
    except LabError as error:
        report.result("the guest can be run", False, error)
    finally:
        report.close()
    return report.failed == 0


def shell(row, edgeprof, build):
    """A shell on the guest's console; its topics' files are there, no subscriber."""
    with tempfile.TemporaryDirectory(prefix="edgeprof-vm.") as scratch:
        lab, _ = _ready(row, row.topics, edgeprof, build, pathlib.Path(scratch), shell=True)
        return machine.interactive(row, lab.kernel, pathlib.Path(scratch))
