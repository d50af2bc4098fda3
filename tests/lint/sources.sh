#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Lists this project's files, one a line: sources.sh GLOB... (git pathspecs).
# What git ignores is not ours; fixtures and golden files are data.
set -eu
cd "$(dirname "$0")/../.."
if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@"
else
    for glob in "$@"; do
        find . -path ./build -prune -o -path ./.git -prune -o -type f -name "$glob" -print | sed 's|^\./||'
    done
fi | sort -u | grep -Ev '^tests/(fixtures|golden)/|^tests/fuzz/corpus/' | while IFS= read -r file; do
    [ ! -f "$file" ] || printf '%s\n' "$file"
done
