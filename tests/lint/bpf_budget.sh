#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Size of every BPF function (instructions) and what the verifier goes through
# to accept every program, held against tests/lint/bpf_budget.txt: more than 20 %
# above it fails.
#	bpf_budget.sh check|write BUILD-FOLDER
# The verifier's counts differ between kernels, so they are compared on the
# release of the budget only, and need root; the output says when they were not.
set -eu
mode=$1 build=$2
budget=$(dirname "$0")/bpf_budget.txt
release=$(uname -r | grep -oE '^[0-9]+\.[0-9]+')
now=$(mktemp)
trap 'rm -f "$now" "$now.verified"' EXIT INT TERM

: > "$now.verified"
[ "$(id -u)" -ne 0 ] || "$build/tests/lint/bpf_verify" "$build"/bpf/*.bpf.o > "$now.verified"
for object in "$build"/bpf/*.bpf.o; do
    family=${object##*/}
    readelf -sW "$object" | awk -v family="${family%.bpf.o}" '$4 == "FUNC" { print family, $8, $3 / 8 }'
done | sort | awk 'FILENAME == ARGV[1] { verified[$1] = $2; next }
    { print $0, ($2 in verified) ? verified[$2] : "-" }' "$now.verified" - > "$now"
[ -s "$now" ] || { echo "bpf_budget: no BPF objects in $build/bpf"; exit 1; }

if [ "$mode" = write ]; then
    [ -s "$now.verified" ] || { echo "bpf_budget: the verifier's counts need root"; exit 1; }
    {
        echo "# SPDX-License-Identifier: BSD-2-Clause"
        echo "# Written by make bpf-budget. Linux $release, $(clang --version | head -n 1 | grep -oE 'version [0-9]+')"
        echo "# family function instructions verified (-: no program of its own)"
        cat "$now"
    } > "$budget"
    echo "$(wc -l < "$now") functions in $budget"
    exit 0
fi

compare=1
if [ ! -s "$now.verified" ]; then
    compare=0
    echo "not root: the verifier's counts are not compared"
elif ! grep -q "^#.* Linux $release," "$budget"; then
    compare=0
    echo "the budget is of another kernel than $release: the verifier's counts are not compared"
fi
awk -v compare="$compare" '
function over(what, is, was) {
    if (is > was * 1.2) { printf "%s %s: %s %d, budget %d\n", $1, $2, what, is, was; bad = 1 }
}
/^#/ { next }
FILENAME == ARGV[1] { size[$1 " " $2] = $3; verified[$1 " " $2] = $4; next }
{
    key = $1 " " $2; count++; seen[key] = 1; sum += $3; most = $4 > most ? $4 : most
    if (!(key in size)) { print key ": not in the budget, run make bpf-budget"; bad = 1; next }
    over("instructions", $3, size[key])
    if (!compare || $4 == "-" || verified[key] == "-") next
    if ($4 < 0 && verified[key] >= 0) { printf "%s: refused by this kernel (%d)\n", key, $4; bad = 1 }
    over("verified instructions", $4, verified[key])
}
END {
    for (key in size) if (!(key in seen)) { print key ": in the budget only, run make bpf-budget"; bad = 1 }
    if (!bad) printf "%d functions of %d instructions within budget, the verifier went through %d at most\n", count, sum, most
    exit bad
}' "$budget" "$now"
