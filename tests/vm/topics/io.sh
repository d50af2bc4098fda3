# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# Block I/O of a container on ext4 and virtio-blk against the kernel's io.stat.
BLOCKS=64

kernel_figures() { # NAME: rbytes wbytes rios wios
    local bytes
    if [ -d "$CGROUP/blkio" ]; then
        bytes=$(container_file "$1" io blkio.throttle.io_service_bytes)
        cat "$bytes" "$(container_file "$1" io blkio.throttle.io_serviced)" |
            awk '$2 == "Read" { r[++i] = $3 } $2 == "Write" { w[++j] = $3 } END { printf "%.0f %.0f %.0f %.0f\n", r[1], w[1], r[2], w[2] }'
    else
        tr ' ' '\n' <"$(container_file "$1" io io.stat)" | awk -F= '{ sum[$1] += $2 }
            END { printf "%.0f %.0f %.0f %.0f\n", sum["rbytes"], sum["wbytes"], sum["rios"], sum["wios"] }'
    fi
}
direct() { # NAME if=...: blocks of 64 KiB past the page cache
    local name=$1
    shift
    container_run "$name" dd bs=64k count=$BLOCKS "$@" 2>/dev/null
}

dd if=/dev/zero of="$LAB_DISK/direct" bs=64k count=$BLOCKS 2>/dev/null
sync
container_make direct
container_make synced
# shellcheck disable=SC2086 # options
agent_start ${AGENT_OPTIONS:-}
check "direct writes" direct direct if=/dev/zero of="$LAB_DISK/direct" oflag=direct conv=notrunc
check "direct reads" direct direct if="$LAB_DISK/direct" of=/dev/null iflag=direct
fact io_bytes $((BLOCKS << 16))
fact io_blocks $BLOCKS
fact direct_figures "$(kernel_figures direct)"
check "synced writes" direct synced if=/dev/zero of="$LAB_DISK/synced" conv=fsync
fact synced_figures "$(kernel_figures synced)"
messages 2
fact io_quiet_ns "$(uptime_ns)"
rm -f "$LAB_DISK/direct" "$LAB_DISK/synced"
for name in direct synced; do container_remove $name; done
agent_stop
