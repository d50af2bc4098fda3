#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every source says its licence in its first line (the second after #!): the
# kernel's side and what it shares with user space are dual, the rest is BSD.
set -eu
cd "$(dirname "$0")/../.."
bad=0 count=0
for file in $(tests/lint/sources.sh '*.c' '*.h' '*.S' '*.def' '*.proto' '*.bt' '*.py' '*.sh' '*.mk' Makefile '*.yml' \
    '*.yaml' '*.service' '*.conf' 'man/*'); do
    case "$file" in
    bpf/* | include/edgeprof/abi.h | include/edgeprof/metrics.def) want='GPL-2.0-only OR BSD-2-Clause' ;;
    *) want='BSD-2-Clause' ;;
    esac
    line=$(sed -n -e '1{/^#!/n;p;q}' "$file")
    has=$(printf '%s\n' "$line" | sed -n 's/^.*SPDX-License-Identifier: *//p' | sed 's/ *\*\/ *$//')
    count=$((count + 1))
    if [ "$has" != "$want" ]; then
        echo "$file:1: SPDX-License-Identifier is '$has', not '$want'"
        bad=1
    fi
done
[ "$bad" -eq 1 ] || echo "$count files say their licence"
[ "$count" -gt 0 ] || { echo "spdx: no sources found"; exit 1; }
exit "$bad"
