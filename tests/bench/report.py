# SPDX-License-Identifier: BSD-2-Clause
"""Figures of a benchmark run: a table for people, bench.json for machines."""

import json
import platform
import statistics
import time


def spread(values):
    """Interquartile range; 0 with fewer than two values."""
    if len(values) < 2:
        return 0.0
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    return quartiles[2] - quartiles[0]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Report:
    def __init__(self):
        self.rows = []
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def add(self, name, value, unit, rounds, noise=None, **more):
        """A figure that is stated and held to nothing."""
        row = {"name": name, "value": value, "unit": unit, "peer": None, "ratio": None, "bar": None}
        self.rows.append({**row, "pass": None, "rounds": rounds, "noise": noise, **more})

    def hold(self, name, value, unit, bar, rounds, noise=None, **more):
        """A figure that may not exceed its bar."""
        self.add(name, value, unit, rounds, noise, **more)
        self.rows[-1].update({"bar": bar, "pass": value is not None and value <= bar})

    def compare(self, name, value, peer, peer_value, bar, rounds, noise, **more):
        """A cost that may be `bar` times the peer's at most. A missing peer is not a pass."""
        ratio = None if peer_value is None else value / peer_value if peer_value > 0 else float("inf")
        self.add(name, value, "ns/switch", rounds, noise, **more)
        self.rows[-1].update({"peer": peer, "peer_value": peer_value, "ratio": ratio, "bar": bar})
        self.rows[-1]["pass"] = ratio is not None and value is not None and ratio <= bar
        if peer_value is None:
            self.rows[-1]["note"] = "peer missing"

    def missed(self):
        return [row["name"] for row in self.rows if row["pass"] is False]

    def write(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump(self.rows, f, indent=1)
            f.write("\n")

    def print(self):
        print(f"\n{platform.node()}, Linux {platform.release()}, {time.strftime('%Y-%m-%d %H:%M')}")
        heads = ("figure", "value", "minimum", "unit", "noise", "peer", "peer's", "ratio", "bar", "")
        lines = [heads] + [self._cells(row) for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        for line in lines:
            cells = [cell.ljust(w) if i in (0, 3, 5, 9) else cell.rjust(w)
                     for i, (cell, w) in enumerate(zip(line, widths))]
            print("  ".join(cells).rstrip())
        for note in self.notes:
            print(f"note: {note}")

    @staticmethod
    def _cells(row):
        verdict = {None: "", True: "ok", False: "MISSED"}[row["pass"]]
        return (
            row["name"],
            _number(row["value"]),
            _number(row.get("min")),
            row["unit"],
            _number(row["noise"]),
            row["peer"] or "",
            _number(row.get("peer_value")),
            _number(row["ratio"]),
            _number(row["bar"]),
            f"{verdict} {row.get('note', '')}".strip(),
        )


def _number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
