#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs tests and adds them up: run.sh LOG_DIR TEST...
# A test is a program that prints TAP lines (ok / not ok) and ends with 0 when
# all passed. One that ends otherwise without a `not ok` counts as a failure,
# and so does one that prints no result at all. tests/not-run.txt names the
# tests that a machine cannot run, each with its reason.
set -u
logs=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$logs"
passed=0
failed=0

# Prints the reason why a test cannot run here; 1 when it can.
not_run_reason() {
    local name condition reason
    while IFS=$'\t' read -r name condition reason; do
        case "$name" in '' | '#'*) continue ;; esac
        if [ "$name" = "$1" ] && eval "$condition"; then
            echo "$reason"
            return 0
        fi
    done <"$here/not-run.txt"
    return 1
}

for test in "$@"; do
    name=$(basename "$test")
    if reason=$(not_run_reason "$name"); then
        echo "-- $name: not run: $reason"
        continue
    fi
    log=$logs/$name.log
    began=$SECONDS
    CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 "${TEST_TIMEOUT:-600}" "$test" >"$log" 2>&1 </dev/null
    status=$?
    sed -i -E 's/^ok\b(.*# SKIP)/not ok\1/I' "$log" # what was skipped did not pass
    good=$(grep -cE '^ok\b' "$log")
    bad=$(grep -cE '^not ok\b' "$log")
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then
        bad=1
        echo "not ok - $name ended with status $status" >>"$log"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    printf '%s %s: %d passed, %d failed (%d s)\n' "$([ "$bad" -eq 0 ] && echo ok || echo FAIL)" "$name" "$good" "$bad" $((SECONDS - began))
    if [ "$bad" -ne 0 ]; then
        grep -nE '^not ok\b' "$log" | head -20
        tail -n 25 "$log" | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
