#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fails, with the package to install, when a tool that a lint needs is missing.
set -eu
missing=
while read -r tool package; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool($package)"
done <<'END'
clang clang
clang-format clang-format
cppcheck cppcheck
shellcheck shellcheck
python3 python3
git git
readelf binutils
END
[ -z "$missing" ] || {
    echo "lint: missing, with the package that brings it:$missing" >&2
    echo "lint: packaging/dependencies.sh lint installs them" >&2
    exit 1
}
