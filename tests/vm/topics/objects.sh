# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# What this kernel's verifier goes through to accept each program.
if ! /lab/lint/bpf_verify /lab/bpf/*.bpf.o >verified 2>verify.log; then
    not_ok "the programs can be verified" "$(tail -n 1 verify.log)"
fi
fact_file verified verified
sha256sum /usr/bin/edgeprof /lab/bpf/*.bpf.o >sums
fact_file sums sums
