#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes debian/changelog from CHANGELOG.md: changelog.py CHANGELOG.md VERSION NAME UNRELEASED_S

UNRELEASED_S is the date, in seconds since 1970, of a version that has none yet.
"""
import datetime
import email.utils
import re
import sys
import textwrap

HEADING = re.compile(r"## (\S+) \((unreleased|\d{4}-\d{2}-\d{2})\)$")


def read_entries(path):
    entries = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            heading = HEADING.match(line.rstrip())
            if heading:
                entries.append((heading[1], heading[2], []))
            elif line.startswith("## "):
                sys.exit(f"{path}:{number}: '{line.strip()}' is not '## VERSION (YYYY-MM-DD)' or '(unreleased)'")
            elif entries and line.startswith("- "):
                entries[-1][2].append(line[2:].strip())
            elif entries and line.strip():
                entries[-1][2].append(entries[-1][2].pop() + " " + line.strip() if entries[-1][2] else line.strip())
    return entries


def date_of(text, unreleased_s):
    if text == "unreleased":
        return email.utils.formatdate(unreleased_s)
    day = datetime.datetime.fromisoformat(text).replace(hour=12, tzinfo=datetime.timezone.utc)
    return email.utils.format_datetime(day)


def write_entry(entry, name, unreleased_s):
    version, date, items = entry
    print(f"edgeprof ({version}) unstable; urgency=medium\n")
    for item in items:
        print(textwrap.fill(item, 78, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False))
    print(f"\n -- {name}  {date_of(date, unreleased_s)}\n")


def main(path, version, name, unreleased_s):
    entries = read_entries(path)
    if not entries or entries[0][0] != version:
        sys.exit(f"{path}: the first entry is not about {version}, the version in VERSION; write one")
    for entry in entries:
        write_entry(entry, name, int(unreleased_s))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
