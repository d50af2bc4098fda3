# SPDX-License-Identifier: BSD-2-Clause
"""What a benchmark makes on the machine, and takes away again on every way out:
processes, cgroups, one temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

CONTROLLERS = ("memory", "cpuacct")
CPUCLOCK_SCHED = 2
ATTACHMENTS = ("anon_inode:bpf_link", "anon_inode:perf_event", "anon_inode:bpf-raw-tracepoint")


class BenchError(Exception):
    """A step that could not be measured, with words for people."""


def hierarchies():
    """Folders in which a container of this machine has a cgroup: v1 memory and
    cpuacct where they exist, else the unified hierarchy."""
    v1, v2 = {}, []
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, folder, kind, options = line.split()[:4]
            if kind == "cgroup2":
                v2.append(folder)
            for controller in CONTROLLERS if kind == "cgroup" else ():
                if controller in options.split(","):
                    v1.setdefault(controller, folder)
    # cpu,cpuacct may be one hierarchy; a folder must be made once only.
    found = sorted(set(v1.values())) if "memory" in v1 else v2[:1]
    if not found:
        raise BenchError("no cgroup hierarchy is mounted")
    return found


def cpu_time_ns(pid):
    """CPU time of all threads of a process, to the nanosecond: utime + stime of
    /proc/PID/stat before they are rounded to clock ticks."""
    return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)


def ticks(pid):
    """utime and stime of /proc/PID/stat in seconds."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    hz = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / hz, int(fields[12]) / hz


def status_bytes(pid, key):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    raise BenchError(f"no {key} of process {pid}")


def kernel_objects(pid):
    """How many tracing attachments a process holds."""
    count = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if target.replace("[", "").rstrip("]") in ATTACHMENTS:
                count += 1
    except OSError:
        return 0
    return count


def other_tracers():
    """Names of processes that trace at this moment: their cost is in every figure."""
    names = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if kernel_objects(pid):
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                    names.add(f.read().strip())
            except OSError:
                continue
    return sorted(names)


def interrupt(*_):
    raise KeyboardInterrupt


class Machine:
    """Context manager that owns everything a benchmark creates."""

    def __init__(self):
        self.processes = []
        self.cgroups = []
        self.folder = None
        self.parents = hierarchies()

    def __enter__(self):
        # SIGINT too: a shell starts background jobs with it ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        self.folder = tempfile.mkdtemp(prefix="edgeprof-bench-")
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self.processes[:]):
            self.stop(process, patience_s=3)
        self.remove_cgroups(list(self.cgroups))
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_cgroup(self, name):
        """Makes one container's cgroups; returns them as DIR[:DIR...]."""
        made = []
        for parent in self.parents:
            folder = os.path.join(parent, f"edgeprof-bench-{os.getpid()}-{name}")
            os.mkdir(folder)
            self.cgroups.append(folder)
            made.append(folder)
        return ":".join(made)

    def remove_cgroups(self, folders):
        deadline = time.monotonic() + 10
        for folder in folders:
            while os.path.isdir(folder):
                try:
                    os.rmdir(folder)
                except OSError:
                    if time.monotonic() > deadline:
                        print(f"warning: {folder} is still in use and stays behind")
                        break
                    time.sleep(0.02)
            self.cgroups.remove(folder)

    def start(self, command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        with open(os.path.join(self.folder, "stderr"), "wb") as log:
            # Its own session: a Ctrl-C is for the benchmark, which ends them in order.
            process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=log, start_new_session=True, text=True
            )
        self.processes.append(process)
        return process

    def last_words(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as log:
            return " | ".join(log.read().strip().splitlines()[-3:])

    def stop(self, process, patience_s=15):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM if process.args[0].endswith("tenants") else signal.SIGINT)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self.processes.remove(process)

    def wait_attached(self, process, settle_s=0.4, patience_s=30):
        """Returns once a tracer has attached all it wants to."""
        deadline = time.monotonic() + patience_s
        before, since = 0, time.monotonic()
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BenchError(f"{process.args[0]} ended with {process.returncode}: {self.last_words()}")
            count = kernel_objects(process.pid)
            if count != before:
                before, since = count, time.monotonic()
            elif count and time.monotonic() - since >= settle_s:
                return
            time.sleep(0.05)
        raise BenchError(f"{process.args[0]} attached nothing in {patience_s} s")
