# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash source=/dev/null
# As on a kernel without BTF: the types come from a file made on the host, and
# the same figures are right.
mount -t tmpfs none /sys/kernel/btf
check "there is no BTF of the kernel's own" [ ! -e /sys/kernel/btf/vmlinux ]
mkdir -p /var/lib/edgeprof/btf
cp "$LAB_FILES/btf-hidden/"*.btf /var/lib/edgeprof/btf/
. /lab/topics/sched.sh
. /lab/topics/memory.sh
. /lab/topics/io.sh
