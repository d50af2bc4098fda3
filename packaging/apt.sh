#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Packages of any Debian suite and architecture, fetched from the mirror that
# this machine's own apt uses, with lists of their own: nothing is installed and
# the machine's package state stays as it is.
#	apt.sh [-a ARCH] [-s SUITE[,SUITE...]] COMMAND
#	  download DIR PACKAGE...    the .deb files into DIR; prints their paths
#	  unpack DIR PACKAGE...      their contents below DIR
#	  source DIR PACKAGE         upstream's source of the package, as the suite holds it, below DIR
#	  newest REGEX               the newest package name that matches as a whole
# What was downloaded is kept in $EDGEPROF_CACHE (default ~/.cache/edgeprof).
set -euo pipefail

fail() {
    echo "apt.sh: $*" >&2
    exit 1
}

architecture=$(dpkg --print-architecture)
# shellcheck source=/dev/null
suites=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
while getopts a:s: option; do
    case $option in
    a) architecture=$OPTARG ;;
    s) suites=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || fail "usage: apt.sh [-a ARCH] [-s SUITE,...] download|unpack DIR PACKAGE... | source DIR PACKAGE | newest REGEX"

cache=${EDGEPROF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeprof}
state=$cache/apt/$architecture-${suites//,/+}
archive=$cache/debs
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$archive"
exec 9>"$state/lock"

# The mirrors of this machine: one for releases, one for security updates.
site_of() {
    local suite=$1 kind='!~'
    case $suite in *-security) kind='~' ;; esac
    apt-get indextargets --format '$(SITE) $(RELEASE)' 2>/dev/null |
        awk -v suite="$suite" '$2 == suite { print $1; found = 1; exit } END { exit !found }' ||
        apt-get indextargets --format '$(SITE) $(RELEASE)' 2>/dev/null |
        awk "\$2 $kind /-security\$/ { print \$1; exit }"
}

write_sources() {
    local suite site
    for suite in ${suites//,/ }; do
        site=$(site_of "$suite")
        [ -n "$site" ] || fail "this machine's apt names no mirror for $suite; run apt-get update, or add one"
        echo "deb $site $suite main"
        echo "deb-src $site $suite main"
    done
}

apt_options=(
    -q -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::State::lists=$state/lists"
    -o "Dir::Cache=$state/cache" -o "Dir::Cache::archives=$archive" -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=-
    -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o APT::Sandbox::User=root
    -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Install-Recommends=0
)

update() {
    local now
    now=$(write_sources)
    touch "$state/status"
    if [ "$(cat "$state/sources.list" 2>/dev/null)" = "$now" ] && [ -n "$(find "$state/updated" -mmin -720 2>/dev/null)" ]; then
        return
    fi
    echo "$now" >"$state/sources.list"
    apt-get "${apt_options[@]}" update >"$state/log" 2>&1 || fail "cannot read the package lists of $suites: $(grep -m1 -E '^E:' "$state/log" || tail -n1 "$state/log")"
    touch "$state/updated"
}

# The path of a package's .deb, fetched when it is not there yet.
download() {
    local package=$1 uri
    # Asked elsewhere, where the file is not "already downloaded".
    uri=$(cd "$state" && apt-get "${apt_options[@]}" --print-uris download "$package" 2>"$state/log") ||
        fail "no package $package for $architecture in $suites: $(grep -m1 -E '^E:' "$state/log")"
    read -r _ file _ <<<"$uri"
    if [ ! -s "$archive/$file" ]; then
        (cd "$archive" && apt-get "${apt_options[@]}" download "$package" >"$state/log" 2>&1) ||
            fail "cannot fetch $package for $architecture from $suites: $(grep -m1 -E '^E:' "$state/log" || echo "see $state/log")"
    fi
    echo "$archive/$file"
}

command=$1
shift
flock 9
update
case $command in
download | unpack)
    into=$1
    shift
    mkdir -p "$into"
    for package in "$@"; do
        deb=$(download "$package")
        if [ "$command" = unpack ]; then
            dpkg-deb -x "$deb" "$into"
        else
            ln -f "$deb" "$into/" 2>/dev/null || cp "$deb" "$into/"
            echo "$into/${deb##*/}"
        fi
    done
    ;;
source)
    mkdir -p "$1"
    (cd "$archive" && apt-get "${apt_options[@]}" --tar-only source "$2" >"$state/log" 2>&1) ||
        fail "cannot fetch the source of $2 from $suites: $(grep -m1 -E '^E:' "$state/log" || tail -n1 "$state/log")"
    # Asked elsewhere, where the file is not "already downloaded".
    tarball=$(cd "$state" && apt-get "${apt_options[@]}" --print-uris --tar-only source "$2" | awk '/^.http/ { print $2; exit }')
    tar -xf "$archive/$tarball" -C "$1"
    ;;
newest)
    found=$(apt-cache "${apt_options[@]}" pkgnames | grep -xE "$1" | sort -V | tail -n1) || true
    [ -n "$found" ] || fail "no package like $1 for $architecture in $suites"
    echo "$found"
    ;;
*) fail "unknown command $command" ;;
esac
