# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Userlands of other Debian suites for arm64: a cached tree under an overlay, whose
# programs qemu-user runs. After tests/e2e/lib/e2e.sh.
#   userland SUITE FUNCTION...   calls FUNCTION in mount and network namespaces of its
#                                own; ROOT is the tree, with /proc, /sys and /dev in it
# In that function:
#   inside COMMAND...            runs in ROOT; what the command starts in turn does not
#   inside_start COMMAND...      the same in the background; sets STARTED
#   inside_all COMMAND...        runs in ROOT, and so does all that it starts

QEMU=$(command -v qemu-aarch64-static) || bail "needs qemu-aarch64-static (packaging/dependencies.sh packages)"
USERLAND_CACHE=${EDGEPROF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeprof}/userlands
USERLAND_SECONDS=400
AARCH64_MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
AARCH64_MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

# --- the cached tree -----------------------------------------------------------------------
# bullseye stands for JetPack 4 and 5: /bin beside /usr/bin, systemd-sysusers. In
# trixie adduser has to make users.
userland_options() { # SUITE
    case $1 in
    bullseye) echo --no-merged-usr --include=adduser,init-system-helpers,ncurses-base,systemd ;;
    *) echo --include=adduser,init-system-helpers,ncurses-base ;;
    esac
}

# This machine's mirror of releases has them all.
userland_mirror() {
    apt-get indextargets --format '$(SITE) $(RELEASE)' | awk '$2 !~ /-/ { print $1; exit }'
}

# debootstrap's second stage would take minutes under emulation. Nothing here needs
# what the packages' scripts do beyond users and the package database.
finish_tree() { # TREE DEBS
    local tree=$1 package path deb
    while read -r package path; do
        deb=$2/${path##*/}
        case " $(cat "$tree/debootstrap/base") " in
        *" $package "*) dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink || return ;;
        esac
        dpkg-deb -f "$deb" | sed "1a Status: install ok installed" && echo
        : >"$tree/var/lib/dpkg/info/$package.list"
        : >"$tree/var/lib/dpkg/info/$package:arm64.list"
    done <"$tree/debootstrap/debpaths" >"$tree/var/lib/dpkg/status"
    cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
    cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
    : >"$tree/etc/shadow"
    rm -rf "$tree/proc" "$tree/debootstrap"
    mkdir -p "$tree/proc" "$tree/sys" "$tree/run/emulator"
}

# Prints the folder of the tree, which it makes when it is not there yet.
userland_tree() { # SUITE
    local suite=$1 tree
    tree=$USERLAND_CACHE/$suite-arm64-$(declare -f userland_options finish_tree | sha256sum | cut -c1-12)
    mkdir -p "$USERLAND_CACHE/debs"
    (
        flock 9
        [ -d "$tree" ] && exit
        rm -rf "$tree.new"
        # shellcheck disable=SC2046 # a list of words
        timeout "$USERLAND_SECONDS" debootstrap --foreign --arch=arm64 --variant=minbase $(userland_options "$suite") \
            --cache-dir="$USERLAND_CACHE/debs" "$suite" "$tree.new" "$(userland_mirror)" >"$tree.log" 2>&1 &&
            finish_tree "$tree.new" "$USERLAND_CACHE/debs" 2>>"$tree.log" &&
            mv "$tree.new" "$tree"
    ) 9>"$USERLAND_CACHE/lock" || {
        tail -3 "$tree.log" >&2
        return 1
    }
    echo "$tree"
}

# --- in it ---------------------------------------------------------------------------------
enter_userland() { # FUNCTION ARGUMENT...
    local folder
    mount -t overlay userland -o "lowerdir=$TREE,upperdir=$UPPER,workdir=$UPPER.work" "$ROOT" || return
    for folder in proc sys dev; do
        mount --rbind "/$folder" "$ROOT/$folder" || return
    done
    install "$QEMU" "$ROOT/run/emulator/qemu"
    ip link set lo up
    "$@"
    [ "$FAILED" = 0 ]
}

inside() { chroot "$ROOT" /run/emulator/qemu "$@"; }

inside_start() {
    setpriv --pdeathsig TERM chroot "$ROOT" /run/emulator/qemu "$@" &
    # shellcheck disable=SC2034 # for the caller
    STARTED=$!
}

# In a user namespace of one's own, binfmt_misc is too (Linux 6.7).
inside_all() {
    local status=0 namespace
    mkfifo "$UPPER.ready" "$UPPER.mapped"
    unshare --user --mount --pid --fork --kill-child bash -c 'register_and_run "$@"' bash "$@" &
    namespace=$!
    read -r <"$UPPER.ready"
    echo "0 0 65536" >"/proc/$namespace/uid_map"
    echo "0 0 65536" >"/proc/$namespace/gid_map"
    echo >"$UPPER.mapped"
    wait "$namespace" || status=$?
    rm -f "$UPPER.ready" "$UPPER.mapped"
    return "$status"
}
register_and_run() {
    echo >"$UPPER.ready"
    read -r <"$UPPER.mapped"
    mount -t proc none "$ROOT/proc" && mount -t proc none /proc && mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || return
    printf '%s' ":arm64:M::$AARCH64_MAGIC:$AARCH64_MASK:$QEMU:OCF" >/proc/sys/fs/binfmt_misc/register || return
    exec chroot "$ROOT" "$@"
}

userland() { # SUITE FUNCTION ARGUMENT...
    local -x TREE ROOT=$WORK/$1/root UPPER=$WORK/$1/upper
    TREE=$(userland_tree "$1") || bail "cannot make the userland of $1"
    mkdir -p "$UPPER" "$UPPER.work" "$ROOT"
    export QEMU AARCH64_MAGIC AARCH64_MASK WORK PYTHON
    # shellcheck disable=SC2046 # a list of names
    export -f $(compgen -A function)
    FAILED=0 unshare --mount --propagation private --net bash -u -o pipefail -c 'enter_userland "$@"' bash "${@:2}" </dev/null ||
        FAILED=$((FAILED + 1))
}
