#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/metrics.md from include/edgeprof/metrics.def."""
import re
import sys

ROW = re.compile(r'^EP_(METRIC|HISTOGRAM|RATE)\((.*)\)$', re.M)


def fields(text):
    return [part.strip('"') for part in re.findall(r'\s*("[^"]*"|[^,]+)', text)]


def main():
    rows = [(kind, fields(body)) for kind, body in ROW.findall(open(sys.argv[1]).read()) if 'name' not in body.split(',')[0]]
    print('# Metrics\n')
    print('Made by `make docs` from include/edgeprof/metrics.def. A metric that the kernel, a')
    print('permission or a limit withholds is absent, never 0.\n')
    print('| name | kind | unit | what it is |\n|---|---|---|---|')
    for kind, row in rows:
        if kind == 'METRIC':
            print(f'| `{row[0]}` | {row[1].lower()} | {row[3]} | {row[4]} |')
    print('\n## Histograms\n\nlog2 of nanoseconds, 24 counters: bucket 0 is below 1024 ns, bucket i is')
    print('[2^(9+i), 2^(10+i)) ns, the last is open.\n\n| name | what it is |\n|---|---|')
    for kind, row in rows:
        if kind == 'HISTOGRAM':
            print(f'| `{row[0]}` | {row[1]} |')
    print('\n## Rates over the interval of the snapshot\n\n| name | unit | what it is |\n|---|---|---|')
    for kind, row in rows:
        if kind == 'RATE':
            print(f'| `{row[0]}` | {row[1]} | {row[2]} |')


main()
