# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A busybox image from the distribution's own static busybox.

make_rootfs() { # DIR
	local busybox applet
	busybox=$(command -v busybox) || bail "needs busybox"
	mkdir -p "$1"/{bin,dev,etc,proc,sys,tmp}
	cp -L "$busybox" "$1/bin/busybox"
	"$busybox" --list | grep -vx busybox | while read -r applet; do
		ln -sf busybox "$1/bin/${applet##*/}"
	done
}
make_rootfs_tar() { # TAR
	make_rootfs "$WORK/rootfs"
	tar -C "$WORK/rootfs" -cf "$1" .
}

# The same as an OCI archive, by hand: podman need not be there.
make_oci_archive() { # ROOTFS_TAR NAME ARCHIVE
	local dir=$WORK/oci layer config manifest
	mkdir -p "$dir/blobs/sha256"
	oci_blob() { # FILE: moves it in, prints its digest
		local sum
		sum=$(sha256sum "$1" | cut -d' ' -f1)
		cp "$1" "$dir/blobs/sha256/$sum"
		echo "$sum"
	}
	oci_size() { stat -c %s "$dir/blobs/sha256/$1"; }
	layer=$(oci_blob "$1")
	printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(dpkg --print-architecture)" "$layer" >"$WORK/oci.json"
	config=$(oci_blob "$WORK/oci.json")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
		"$config" "$(oci_size "$config")" "$layer" "$(oci_size "$layer")" >"$WORK/oci.json"
	manifest=$(oci_blob "$WORK/oci.json")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
		"$manifest" "$(oci_size "$manifest")" "$2" "${2##*:}" >"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	tar -C "$dir" -cf "$3" .
}
