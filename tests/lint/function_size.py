#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""No function over 60 lines, no file over 600. C is read by its shape, which
clang-format guarantees: a body begins and ends with a brace in the first column."""

import ast
import pathlib
import re
import statistics
import sys

FUNCTION_MAX, FILE_MAX = 60, 600
NAME = re.compile(r"(\w+)\s*\(")


def c_functions(text):
    lines = text.splitlines()
    head = start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and head:
            start = head
        elif line.startswith("}") and start:
            name = NAME.search(" ".join(lines[start - 1:start + 3]))
            yield name.group(1) if name else "?", start, number - start + 1
            head = start = None
        elif start is None and (line[:1].isalpha() or line[:1] == "_"):
            head = number if "(" in line and not line.rstrip().endswith(";") else None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def main():
    bad, sizes = 0, []
    for name in sys.argv[1:]:
        text = pathlib.Path(name).read_text(encoding="utf-8")
        total = text.count("\n")
        if total > FILE_MAX:
            print(f"{name}:{FILE_MAX + 1}: {total} lines, more than {FILE_MAX}")
            bad += 1
        for function, line, size in (python_functions if name.endswith(".py") else c_functions)(text):
            sizes.append(size)
            if size > FUNCTION_MAX:
                print(f"{name}:{line}: {function}() has {size} lines, more than {FUNCTION_MAX}")
                bad += 1
    if not sizes:
        sys.exit("function_size: no functions found")
    print(f"{len(sizes)} functions, median {statistics.median(sizes):.0f} lines, longest {max(sizes)}")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
