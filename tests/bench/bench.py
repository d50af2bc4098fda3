#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What edgeprof costs, next to what the usual tools cost on the same machine.

The ratios are bars, absolute times are not: they belong to the machine. Variants
take turns in every round and the order is reversed in every other one, so that a
machine that gets slower or faster during the run does not favour anyone."""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from machine import BenchError, Machine, cpu_time_ns, other_tracers, status_bytes, ticks
from report import Report, percentile, spread

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_CPU = min(1, os.cpu_count() - 1)
# The kernel meters the programs' run time in one reading of 16 (core/metering.c).
METERED_EVERY = 16
MIB = 1 << 20
BUSY, WAKES_PER_SECOND, BURN_US = 20, 100, 50


@dataclass
class Profile:
    rounds: int
    runs: int  # of the load, each time a variant's turn comes
    switches: int
    variants: tuple
    load_rounds: int
    agent_s: float
    groups: tuple  # (cgroups, bar in percent of a core)
    latencies: int
    patience_s: float  # with other tracers, in all


FULL = Profile(9, 5, 100_000, (), 5, 20, ((100, 0.5), (1000, 2.0)), 200, 60)
QUICK = Profile(3, 2, 100_000, ("edgeprof cpu", "edgeprof cpu metered", "edgeprof cpu time", "cpudist", "runqlat"),
                0, 10, ((100, 0.5),), 60, 3)

# What may cost how much of a peer. "edgeprof cpu" also has the matrix of who
# waited for whom; "edgeprof cpu time" is run-queue = no.
BARS = (
    ("edgeprof cpu time", "cpudist", 0.50),
    ("edgeprof cpu", "runqlat", 0.60),
    ("edgeprof cpu", "bpftrace sum+runq", 0.40),
    ("edgeprof cpu", "perf sched record", 0.25),
)
# Share of edgeprof's cost that the base may move by before medians say nothing.
NOISE_MAX = 0.2


class Bench:
    def __init__(self, build, profile, machine, report):
        self.build, self.profile, self.machine, self.report = build, profile, machine, report
        self.edgeprof = os.path.join(build, "edgeprof")
        self.disturbed, self.patience_s = set(), profile.patience_s
        self.address = f"ipc://{machine.folder}/live.ipc"

    def load(self, name):
        return os.path.join(self.build, "tests/bench", name)

    def agent_command(self, *options):
        folder = self.machine.folder
        return [self.edgeprof, "agent", "--run-dir", folder, "--publish", self.address, *options]

    # --- cost of a context switch ------------------------------------------------

    def variants(self):
        """Name -> command, None where the program is missing."""
        agent = lambda *options: self.agent_command("--interval", "1s", *options)  # noqa: E731
        found = {
            "edgeprof cpu": agent("--families", "cpu", "--self-metering", "off"),
            "edgeprof cpu metered": agent("--families", "cpu", "--self-metering", "always"),
            "edgeprof cpu time": agent("--families", "cpu", "--run-queue", "no", "--self-metering", "off"),
            "edgeprof all": agent("--self-metering", "off"),
            "cpudist": ["cpudist"],
            "runqlat": ["runqlat"],
            "bpftrace sum+runq": ["bpftrace", os.path.join(HERE, "sched.bt")],
            "perf sched record": ["perf", "sched", "record", "-o", "/dev/null"],
        }
        if self.profile.variants:
            found = {name: found[name] for name in self.profile.variants}
        return {name: self.find(command) for name, command in found.items()}

    @staticmethod
    def find(command):
        path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        return [path, *command[1:]] if path else None

    def switch_cost_ns(self, cgroups):
        command = [self.load("pingpong"), str(NODE_CPU), str(self.profile.switches), *cgroups]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return int(out[0]) / int(out[1])

    def undisturbed_turn(self, command, cgroups):
        """Other tracers on the same hooks would be in the figure: lets them pass and
        measures again if one came meanwhile, for as long as the patience lasts."""
        while True:
            began = time.monotonic()
            while other_tracers() and time.monotonic() - began < self.patience_s:
                time.sleep(0.1)
            self.patience_s -= time.monotonic() - began
            costs = self.one_turn(command, cgroups)
            tracers = other_tracers()
            if not tracers:
                return costs
            if self.patience_s <= 0:
                self.disturbed.update(tracers)
                return costs
            self.patience_s -= time.monotonic() - began

    def one_turn(self, command, cgroups):
        tracer = None
        if command:
            tracer = self.machine.start(command)
            self.machine.wait_attached(tracer)
        costs = [self.switch_cost_ns(cgroups) for _ in range(self.profile.runs)]
        if tracer:
            self.machine.stop(tracer)
        return costs

    def switch_rounds(self, variants):
        """Name -> list of rounds, a round is a list of ns per switch."""
        cgroups = [self.machine.make_cgroup(side) for side in "ab"]
        costs = {name: [] for name in variants}
        for number in range(self.profile.rounds):
            order = list(variants) if number % 2 == 0 else list(reversed(variants))
            for name in order:
                progress(f"round {number + 1}/{self.profile.rounds}: {name}")
                try:
                    costs[name].append(self.undisturbed_turn(variants[name], cgroups))
                except BenchError as error:
                    if name.startswith("edgeprof"):
                        raise
                    self.report.note(f"{name} left out of a round: {error}")
        self.machine.remove_cgroups(list(self.machine.cgroups))
        if self.disturbed:
            self.report.note(f"other tracers ran at the same time and are in the figures: {', '.join(self.disturbed)}")
        return costs

    def measure_switches(self):
        variants = self.variants()
        missing = [name for name, command in variants.items() if not command]
        present = {name: command for name, command in variants.items() if command}
        costs = self.switch_rounds({"none": None, **present})
        for name in missing:
            self.report.note(f"{name} is not installed: packages libbpf-tools, bpftrace, linux-perf")
        medians = {name: [statistics.median(r) for r in rounds] for name, rounds in costs.items() if rounds}
        base = statistics.median(medians["none"])
        base_min = min(min(r) for r in costs["none"])
        noise = spread(medians["none"])
        added = {name: statistics.median(rounds) - base for name, rounds in medians.items()}
        added_min = {name: min(min(r) for r in costs[name]) - base_min for name in medians}
        self.report.add("context switch, nothing attached", base, "ns/switch", self.profile.rounds, noise, min=base_min)
        for name, rounds in medians.items():
            if name != "none":
                self.report.add(f"added by {name}", added[name], "ns/switch", len(rounds), spread(rounds),
                                min=added_min[name])
        noisy = noise > NOISE_MAX * added["edgeprof cpu"]
        if noisy:
            self.report.note(f"noisy machine: a switch with nothing attached moved by {noise:.0f} ns between rounds; "
                             "the ratios are of minima, which other load disturbs least")
        self.compare_switches(added_min if noisy else added, "minima" if noisy else "medians", noise)

    def compare_switches(self, added, basis, noise):
        """edgeprof as it runs by default, metered for one reading in METERED_EVERY.
        With fewer programs metering costs less, so this is the dearer end."""
        metering = max(0.0, added["edgeprof cpu metered"] - added["edgeprof cpu"]) / METERED_EVERY
        for own, peer, bar in BARS:
            if self.profile.variants and peer not in self.profile.variants:
                continue
            self.report.compare(f"{own}, metering included", added[own] + metering, peer, added.get(peer), bar,
                                self.profile.rounds, noise, basis=basis)

    # --- whole programs -------------------------------------------------------------

    def measure_loads(self):
        for name, command in (("touch and free 256 MiB, 8 times", [self.load("memory"), "256", "8"]),
                              ("1000 x fork + exec", [self.load("spawn"), shutil.which("true"), "1000"])):
            walls = {"off": [], "on": []}
            for number in range(self.profile.load_rounds):
                for state in ("off", "on") if number % 2 == 0 else ("on", "off"):
                    progress(f"{name}: {state}")
                    walls[state].append(self.load_wall_ns(command, state == "on"))
            ratio = statistics.median(walls["on"]) / statistics.median(walls["off"])
            noise = spread(walls["off"]) / statistics.median(walls["off"])
            self.report.add(f"{name}, all families on / off", ratio, "ratio", self.profile.load_rounds, noise,
                            off_ns=statistics.median(walls["off"]), on_ns=statistics.median(walls["on"]),
                            min=min(walls["on"]) / min(walls["off"]))

    def load_wall_ns(self, command, traced):
        agent = None
        if traced:
            agent = self.machine.start(self.agent_command("--interval", "1s"))
            self.machine.wait_attached(agent)
        wall_ns = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if agent:
            self.machine.stop(agent)
        return wall_ns

    # --- the agent itself -------------------------------------------------------------

    def start_tenants(self, groups):
        cgroups = [self.machine.make_cgroup(str(i)) for i in range(groups)]
        command = [self.load("tenants"), str(BUSY), str(WAKES_PER_SECOND), str(BURN_US)]
        tenants = self.machine.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        tenants.stdin.write("".join(f"{dirs}\n" for dirs in cgroups))
        tenants.stdin.close()
        if tenants.stdout.readline() != "ready\n":
            raise BenchError(f"the load did not start: {self.machine.last_words()}")
        return tenants

    def start_agent(self, interval):
        agent = self.machine.start(self.agent_command("--interval", interval))
        self.machine.wait_attached(agent)
        return agent

    def subscribe(self, count, path):
        with open(path, "wb") as out:
            return self.machine.start([self.load("receive"), self.address, str(count)], stdout=out)

    def received(self, path):
        """Lines of receive.c as lists of numbers."""
        with open(path, encoding="ascii") as f:
            rows = [[int(x) for x in line.split()] for line in f]
        if not rows:
            raise BenchError(f"no snapshot was received: {self.machine.last_words()}")
        return rows

    def measure_agent(self, groups, bar):
        progress(f"agent with {groups} cgroups")
        tenants = self.start_tenants(groups)
        agent = self.start_agent("1s")
        path = os.path.join(self.machine.folder, "received")
        subscriber = self.subscribe(0, path)
        time.sleep(3)  # start-up is not what this figure is about
        used, began, split = cpu_time_ns(agent.pid), time.monotonic_ns(), ticks(agent.pid)
        time.sleep(self.profile.agent_s)
        used, wall = cpu_time_ns(agent.pid) - used, time.monotonic_ns() - began
        split = [after - before for before, after in zip(split, ticks(agent.pid))]
        rss, peak = status_bytes(agent.pid, "VmRSS"), status_bytes(agent.pid, "VmHWM")
        for process in (subscriber, agent, tenants):
            self.machine.stop(process)
        rows = self.received(path)
        self.machine.remove_cgroups(list(self.machine.cgroups))
        self.report_agent(groups, bar, 100 * used / wall, split, rss, peak, rows)

    def report_agent(self, groups, bar, percent, split, rss, peak, rows):
        of = f"{groups} cgroups"
        _, containers, map_bytes, metered_ns, run_ns, runs, lost = rows[-1]
        if containers < groups:
            raise BenchError(f"the agent told of {containers} containers where there are {groups} cgroups")
        self.report.hold(f"agent CPU, {of}", percent, "% of a core", bar, 1, user_s=split[0], system_s=split[1],
                         seconds=self.profile.agent_s, containers=containers, lost=lost)
        if metered_ns:
            self.report.add(f"BPF programs, {of}", 100 * run_ns / metered_ns, "% of a core", 1, runs=runs,
                            ns_per_run=run_ns / runs if runs else None)
        self.report.hold(f"agent RSS, {of}", rss / MIB, "MiB", 16, 1, peak_mib=peak / MIB)
        self.report.hold(f"BPF maps, {of}", map_bytes / MIB, "MiB", 4, 1)

    def measure_latency(self, groups):
        progress("reading to subscriber")
        tenants = self.start_tenants(groups)
        agent = self.start_agent("100ms")
        path = os.path.join(self.machine.folder, "received")
        subscriber = self.subscribe(self.profile.latencies + 5, path)
        subscriber.wait(self.profile.latencies * 0.1 + 20)
        for process in (subscriber, agent, tenants):
            self.machine.stop(process)
        rows = self.received(path)[5:]
        self.machine.remove_cgroups(list(self.machine.cgroups))
        times_ms = [row[0] / 1e6 for row in rows]
        if len(times_ms) < self.profile.latencies:
            raise BenchError(f"{len(times_ms)} snapshots of {self.profile.latencies} were received")
        noise = spread(times_ms)
        of = f"reading to subscriber, {groups} cgroups"
        self.report.hold(f"{of}, median", statistics.median(times_ms), "ms", 5, len(rows), noise, max=max(times_ms))
        self.report.hold(f"{of}, p99", percentile(times_ms, 0.99), "ms", 20, len(rows), noise)

    def run(self):
        self.measure_switches()
        if self.profile.load_rounds:
            self.measure_loads()
        for groups, bar in self.profile.groups:
            self.measure_agent(groups, bar)
        self.measure_latency(self.profile.groups[0][0])


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and peers, under a minute")
    parser.add_argument("--rounds", type=int, help="rounds of the context-switch variants")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: loading BPF programs and making cgroups needs root")
    profile = QUICK if arguments.quick else FULL
    if arguments.rounds:
        profile.rounds = arguments.rounds
    report, began = Report(), time.monotonic()
    try:
        with Machine() as machine:
            Bench(os.path.abspath(arguments.build), profile, machine, report).run()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(130)
    except (BenchError, subprocess.SubprocessError, OSError) as error:
        report.print()
        sys.exit(f"bench: {error}")
    progress("")
    if arguments.quick:
        report.note(f"quick: {profile.rounds} rounds; the verdicts are those of `make bench` only when far from the bar")
    report.note(f"took {time.monotonic() - began:.0f} s")
    report.print()
    report.write(os.path.join(arguments.build, "bench.json"))
    if report.missed():
        sys.exit("bench: missed: " + "; ".join(report.missed()))


if __name__ == "__main__":
    main()
