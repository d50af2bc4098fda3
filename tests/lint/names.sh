#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Names that may not stand in the sources: functions without a bound or with a
# shell behind them, markers of unfinished work, folders and package hosts of
# the machine it was written on; and blanks at the end of a line.
set -eu
cd "$(dirname "$0")/../.."
bad=0

# search WHAT REGEX FILES...
search() {
    what=$1 regex=$2
    shift 2
    if found=$(grep -InE -- "$regex" "$@" /dev/null); then
        printf '%s\n' "$found" | sed "s/\$/  <- $what/"
        bad=1
    fi
}

# Hosts of this machine's package configuration, but for the well-known ones.
package_hosts() {
    {
        apt-get indextargets --format '$(SITE)' 2>/dev/null || true
        env | grep -iE '^(pip|uv|npm|cargo|go|https?)_?[a-z_]*(proxy|url|registry)=' || true
        cat /etc/pip.conf "${HOME:-/}/.pip/pip.conf" "${HOME:-/}/.config/pip/pip.conf" \
            "${HOME:-/}/.npmrc" 2>/dev/null || true
    } | grep -oE 'https?://[^/ ,|]+' | sed -E 's|^https?://([^@]*@)?||; s|:[0-9]+$||' | sort -u |
        grep -vE '(^|\.)(debian\.org|ubuntu\.com|pypi\.org|npmjs\.org|golang\.org|localhost|127\.0\.0\.1)$' || true
}

# Tests work on paths and words of their own: there these functions are safe.
c_files=$(tests/lint/sources.sh '*.c' '*.h' | grep -v '^tests/')
texts=$(tests/lint/sources.sh '*' | grep -Ev '\.(patch|svg|png|bin)$')
# shellcheck disable=SC2086 # lists of words from here on
{
    search 'banned function' '\<(v?sprintf|strcpy|strcat|gets|atoi|atol|strtok|system|popen)[ ]?\(' $c_files
    search 'marker of unfinished work' '\<(TO[D]O|FIX[M]E|X[X]X)\>' $texts
    search 'folder of one machine' '(^|[^A-Za-z0-9_.-])/([w]ork|ho[m]e|ro[o]t|Us[e]rs)/[A-Za-z0-9_.]' $texts
    search 'blank at the end' '[[:blank:]]+$' $texts
    for host in $(package_hosts); do
        search 'package host of one machine' "$(printf '%s' "$host" | sed 's/[.]/[.]/g')" $texts
    done
}
[ "$bad" -eq 1 ] || echo "$(printf '%s\n' "$texts" | wc -l) files, no name that may not stand there"
exit "$bad"
