# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# The BPF programs' own tests, static, on this kernel, through both doors.
for test in /lab/tests/test_*; do
    case " $LAB_LEAVE_OUT " in
    *" ${test##*/} "*) note "${test##*/} is left out in this guest" ;;
    *) tap "${test##*/}" "$test" ;;
    esac
done
