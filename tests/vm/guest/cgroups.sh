# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# The cgroup hierarchies of a layout, as a node's init system mounts them.
CGROUP=/sys/fs/cgroup

cgroup_mount_v1() { # CONTROLLERS: one hierarchy for them
    mkdir -p "$CGROUP/$1"
    if mount -t cgroup -o "$1" cgroup "$CGROUP/$1" 2>/dev/null; then
        case $1 in cpu,cpuacct) ln -s cpu,cpuacct "$CGROUP/cpu" && ln -s cpu,cpuacct "$CGROUP/cpuacct" ;; esac
    else
        rmdir "$CGROUP/$1"
    fi
}

cgroup_enable() { # FOLDER: every controller for what is below
    tr ' ' '\n' <"$1/cgroup.controllers" | while read -r controller; do
        echo "+$controller" >"$1/cgroup.subtree_control" 2>/dev/null
    done
}

cgroups_mount() { # LAYOUT
    local controllers
    if [ "$1" = v2 ]; then
        mount -t cgroup2 cgroup2 $CGROUP
        cgroup_enable $CGROUP
        return
    fi
    mount -t tmpfs -o mode=755 cgroup $CGROUP
    for controllers in cpu,cpuacct memory pids blkio freezer devices; do cgroup_mount_v1 "$controllers"; done
    mkdir $CGROUP/systemd
    mount -t cgroup -o none,name=systemd cgroup $CGROUP/systemd
    [ "$1" = hybrid ] || return 0
    # What the kernel no longer has under v1 comes here.
    mkdir $CGROUP/unified
    mount -t cgroup2 cgroup2 $CGROUP/unified
    cgroup_enable $CGROUP/unified
}

# Every hierarchy's folder, one a line.
cgroup_roots() {
    local folder
    if [ -e $CGROUP/cgroup.procs ]; then
        echo $CGROUP
        return
    fi
    for folder in "$CGROUP"/*; do
        [ -L "$folder" ] || [ ! -e "$folder/cgroup.procs" ] || echo "$folder"
    done
}

# The root of a controller's hierarchy; 1 when this layout does not offer it.
cgroup_root_of() { # CONTROLLER
    local root
    if [ -e "$CGROUP/$1/cgroup.procs" ]; then
        echo "$CGROUP/$1"
        return
    fi
    for root in "$CGROUP" "$CGROUP/unified"; do
        if grep -qw "$1" "$root/cgroup.controllers" 2>/dev/null; then
            echo "$root"
            return
        fi
    done
    return 1
}

cgroups_clear() { # whatever a topic left
    local root
    for root in $(cgroup_roots); do
        find "$root" -mindepth 1 -depth -type d | while read -r folder; do rmdir "$folder" 2>/dev/null; done
    done
}
