# SPDX-License-Identifier: BSD-2-Clause
"""The same programs on both architectures, and the verifier's work within budget.
VM_BUDGET=write takes the counts of now as the budget."""
import os
import pathlib

BUDGET = pathlib.Path(__file__).resolve().parent.parent / "budget"
ALLOWED = 1.2


def counts(text):
    pairs = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: int(count) for name, count in pairs}


def write_budget(path, release, found):
    lines = ["# SPDX-License-Identifier: BSD-2-Clause",
             f"# Written by make vm-budget: what the verifier of Linux {release} goes through.",
             *(f"{name} {count}" for name, count in sorted(found.items()))]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def budget(guest):
    found = counts(guest.facts["verified"])
    path = BUDGET / f"{guest.arch}-{guest.kernel}.txt"
    if os.environ.get("VM_BUDGET") == "write":
        write_budget(path, guest.lab.kernel.release, found)
    allowed = counts(path.read_text(encoding="ascii")) if path.is_file() else {}
    yield guest.result(f"every program is in the budget, {len(found)} of them", found and set(found) == set(allowed),
                       f"{sorted(set(found) ^ set(allowed))[:5]}; run make vm-budget")
    refused = [name for name, count in found.items() if count < 0 <= allowed.get(name, -1)]
    yield guest.result("this kernel refuses none that it took before", not refused, refused)
    over = [f"{name} {count}, budget {allowed[name]}" for name, count in found.items() if name in allowed and count > allowed[name] * ALLOWED]
    yield guest.result(f"the verifier's work is within budget ({sum(c for c in found.values() if c > 0)} instructions)", not over, over)


def same_objects(guest):
    objects = sorted((guest.lab.build / guest.arch / "bpf").glob("*.bpf.o"))
    yield guest.result("there are objects", len(objects) >= 4, objects)
    for arch in ("arm64", "amd64"):
        program = guest.lab.build / arch / "edgeprof"
        if not program.is_file():
            yield guest.result(f"the program for {arch} is built", False, f"no {program}; make TARGET={arch} all")
            continue
        image = program.read_bytes()
        differing = [o.name for o in objects if (program.parent / "bpf" / o.name).read_bytes() != o.read_bytes() or o.read_bytes() not in image]
        yield guest.result(f"the program for {arch} holds the objects that ran here, byte for byte", not differing, differing)


def results(guest):
    yield from budget(guest)
    yield from same_objects(guest)
