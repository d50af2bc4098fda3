#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/metrics.md from include/edgeprof/metrics.def."""
import re
import sys

USER_LOSSES = [
    ('reading_missed', 'readings that came too late or failed'),
    ('message_unsent', 'messages that the transport refused'),
    ('cgroup_unnamed', 'cgroups that counted and were gone, or out of sight, before anybody saw their name'),
    ('wire_labels', 'labels left out to fit a message'),
    ('wire_containers', 'containers left out because one alone did not fit a message'),
]
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
    losses = re.findall(r'X\(\w+, (\w+), "([^"]*)"\)', open(sys.argv[2]).read())
    print('\n## Losses\n\nIn every message, since the start of the agent.\n\n| kind | what was lost |\n|---|---|')
    for kind, text in losses + USER_LOSSES:
        print(f'| `{kind}` | {text} |')
    print('\nWithout BPF (door `files`), cpu_time_ns, faults and I/O of a plain cgroup or unit include its')
    print('children, as the kernel accounts them; with BPF they are its own processes\' alone.')
    print('\n## Rates over the interval of the snapshot\n\n| name | unit | what it is |\n|---|---|---|')
    for kind, row in rows:
        if kind == 'RATE':
            print(f'| `{row[0]}` | {row[1]} | {row[2]} |')


main()
