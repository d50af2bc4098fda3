#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds userspace/ to its layers: a file includes its own room and rooms of a
lower rank only, the wire's messages stay at the wire, and only app and core log."""

import pathlib
import re
import sys

RANK = {"base": 0, "model": 1, "source": 2, "wire": 2, "core": 3, "sink": 3, "client": 3, "app": 4}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
LOG = re.compile(r"\blog_(?:err|warning|info|debug|write|set_level)\s*\(")
LOGGERS = {"app", "core"}
MESSAGE_ROOMS = {"wire", "client"}
MESSAGE_FILES = re.compile(r"^app/(watch|top)[a-z_]*\.[ch]$")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def blank_comments(text):
    """Comments become blanks so that line numbers stay."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def check_include(room, path, quote, target):
    if target.endswith(".pb-c.h"):
        allowed = room in MESSAGE_ROOMS or MESSAGE_FILES.match(path)
        return None if allowed else "the wire's messages belong to wire, client and app/watch, app/top"
    if quote == "<":
        return None
    other = target.split("/")[0]
    if "/" not in target or other not in RANK:
        return f'"{target}" is not ROOM/FILE of userspace'
    if other != room and RANK[other] >= RANK[room]:
        return f"{room} (rank {RANK[room]}) may not see {other} (rank {RANK[other]})"
    return None


def check_file(root, file):
    path = file.relative_to(root).as_posix()
    room = path.split("/")[0]
    text = blank_comments(file.read_text(encoding="utf-8"))
    if room not in RANK:
        yield 1, f"userspace/{room} is no known room"
        return
    for match in INCLUDE.finditer(text):
        problem = check_include(room, path, *match.groups())
        if problem:
            yield text.count("\n", 0, match.start(2)) + 1, problem
    if room not in LOGGERS and path not in ("base/log.c", "base/log.h"):
        for match in LOG.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, f"{room} may not log; return the error"


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for p in root.rglob("*") if p.suffix in (".c", ".h"))
    if not files:
        sys.exit(f"layers: no sources in {root}")
    problems = [f"{f}:{line}: {text}" for f in files for line, text in check_file(root, f)]
    print("\n".join(problems) if problems else f"{len(files)} files keep to their layers")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
