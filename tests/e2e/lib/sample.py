#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sample.py OUT CPU_DIR [PERIOD_SECONDS]

Until it is stopped writes what the kernel itself counted for a cgroup, one JSON
object per line: cpu_ns (cpuacct.usage or cpu.stat), and for the tasks that are
in it now switches (/proc/PID/status) and run_delay_ns (/proc/PID/schedstat)."""
import json
import os
import signal
import sys
import time


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cpu_ns(folder):
    if os.path.exists(f"{folder}/cpuacct.usage"):
        return int(read(f"{folder}/cpuacct.usage"))
    return int(read(f"{folder}/cpu.stat").split()[1]) * 1000


def task_figures(folder):
    tasks = f"{folder}/tasks" if os.path.exists(f"{folder}/tasks") else f"{folder}/cgroup.threads"
    switches = run_delay_ns = 0
    for task in read(tasks).split():
        try:
            lines = read(f"/proc/{task}/status").splitlines()
            run_delay_ns += int(read(f"/proc/{task}/schedstat").split()[1])
        except (OSError, IndexError):
            continue
        switches += sum(int(line.split()[1]) for line in lines if "_ctxt_switches" in line)
    return switches, run_delay_ns


def main():
    out, folder = sys.argv[1:3]
    period = float(sys.argv[3]) if len(sys.argv) > 3 else 0.02
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(out, "w", encoding="utf-8") as file:
        while True:
            before = time.monotonic_ns()
            sample = {"cpu_ns": cpu_ns(folder)}
            sample["mono_ns"] = (before + time.monotonic_ns()) // 2
            sample["switches"], sample["run_delay_ns"] = task_figures(folder)
            print(json.dumps(sample), file=file, flush=True)
            time.sleep(period)


if __name__ == "__main__":
    main()
