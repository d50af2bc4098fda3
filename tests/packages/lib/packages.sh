# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The packages under test. After tests/e2e/lib/e2e.sh.
PACKAGES_BUILD=${EDGEPROF_BUILD:-$E2E/../../build}
PACKAGES_VERSION=$(cat "$E2E/../../VERSION")

package_of() { # NAME ARCHITECTURE
    local deb=$PACKAGES_BUILD/packages/$1_${PACKAGES_VERSION}_$2.deb
    [ -s "$deb" ] || bail "no $deb; run make packages first"
    echo "$deb"
}

# The same package as its next version, with another configuration.
next_package() { # DEB INTO
    dpkg-deb -R "$1" "$WORK/next" || bail "cannot unpack $1"
    sed -i 's/^Version: .*/&+next/' "$WORK/next/DEBIAN/control"
    echo "# of the next version" >>"$WORK/next/etc/edgeprof/edgeprof.conf"
    dpkg-deb --root-owner-group -Zgzip -b "$WORK/next" "$2" >/dev/null || bail "cannot make the next version of $1"
    rm -rf "$WORK/next"
}
