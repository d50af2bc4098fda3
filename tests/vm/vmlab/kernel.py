# SPDX-License-Identifier: BSD-2-Clause
"""Kernels of guests: the distribution's packages, fetched by packaging/apt.sh
and kept unpacked in the cache, or what kernels/build.sh builds."""
import fcntl
import gzip
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from .guests import HERE, LabError

APT = HERE.parent.parent / "packaging" / "apt.sh"
# Series: the suites that hold it for an architecture, and its packages' names.
# The newest 5.10 of arm64 is listed in bullseye-security but no longer there.
SUITES = {
    ("5.10", "amd64"): "bullseye-security",
    ("5.10", "arm64"): "bullseye",
    ("6.1", "amd64"): "bookworm,bookworm-security",
    ("6.1", "arm64"): "bookworm,bookworm-security",
    ("6.12", "amd64"): "bookworm-security",
    ("6.12", "arm64"): "bookworm-security",
}
BTF_MAGIC = b"\x9f\xeb\x01\x00\x18\x00\x00\x00"
BTF_BYTES_MIN = 100_000
# How long the newest package's name is believed, as apt.sh does with its lists.
REMEMBERED_S = 12 * 3600


def cache():
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "edgeprof"
    return pathlib.Path(os.environ.get("EDGEPROF_CACHE") or default)


def _command(*words):
    """Its output; its last line of error is the user's."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise LabError(f"cannot run {words[0]}: {error.strerror}") from error
    if done.returncode:
        lines = (done.stderr.strip() or f"ended with {done.returncode}").splitlines()
        raise LabError(f"{pathlib.Path(words[0]).name}: {lines[-1]}")
    return done.stdout.strip()


def apt(arch, suites, *words):
    return _command(str(APT), "-a", arch, "-s", suites, *words)


class _Lock:
    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "w", encoding="ascii")

    def __enter__(self):
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def _unpack(deb):
    """The folder of a package's contents, made once and as a whole."""
    into = cache() / "vm" / "unpacked" / deb.stem
    with _Lock(cache() / "vm" / "lock"):
        if not into.is_dir():
            part = into.with_name(into.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            _command("dpkg-deb", "-x", str(deb), str(part))
            for modules in part.glob("lib/modules/*"):
                _command("/sbin/depmod", "-b", str(part), modules.name)
            part.rename(into)
    return into


def _fetch(arch, suites, pattern):
    package = apt(arch, suites, "newest", pattern)
    return _unpack(pathlib.Path(apt(arch, suites, "download", str(cache() / "vm" / "debs"), package).splitlines()[-1]))


def unpacked(arch, suites, pattern):
    """The newest package of that name; without a mirror the last one that was."""
    note = cache() / "vm" / "newest" / re.sub("[^a-z0-9.+-]", "_", f"{arch}-{suites}-{pattern}")
    kept = pathlib.Path(note.read_text(encoding="utf-8")) if note.is_file() else None
    if kept and kept.is_dir() and time.time() - note.stat().st_mtime < REMEMBERED_S:
        return kept
    try:
        found = _fetch(arch, suites, pattern)
    except LabError as error:
        if not kept or not kept.is_dir():
            raise
        print(f"# {error}; going on with {kept.name}", file=sys.stderr)
        return kept
    _keep(note, str(found).encode())
    return found


def _decompressed(image):
    """The kernel proper: the payload of an x86 bzImage, else the file itself."""
    data = image.read_bytes()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[0x202:0x206] != b"HdrS":
        return data
    for magic, unpack in ((b"\xfd7zXZ\x00", _unxz), (b"\x28\xb5\x2f\xfd", _unzstd), (b"\x1f\x8b\x08", _ungzip)):
        at = data.find(magic, 0x1000)
        if at > 0:
            return unpack(data[at:])
    raise LabError(f"{image}: compressed in a way that is not known here")


def _unxz(data):
    return lzma.LZMADecompressor().decompress(data)


def _ungzip(data):
    return subprocess.run(["gzip", "-dcq"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def _unzstd(data):
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


class Kernel:
    """image; folder of modules or None; release; version as /proc/version tells it."""

    def __init__(self, image, modules=None, vmlinux=None):
        self.image, self.modules, self.vmlinux = image, modules, vmlinux
        self._proper = None

    def proper(self):
        if self._proper is None:
            self._proper = _decompressed(self.image)
        return self._proper

    @property
    def version(self):
        # An image may hold it twice, once without the number of the build.
        found = re.search(rb"Linux version \d[^\0\n]*#\d[^\0\n]*\n", self.proper())
        return found[0].decode() if found else None

    @property
    def release(self):
        if self.modules:
            return self.modules.name
        return self.version.split()[2] if self.version else None

    def btf(self):
        """A file with the BTF that the image holds, or None."""
        kept = cache() / "vm" / "btf" / f"{self.release}.btf"
        if kept.is_file():
            return kept
        data = self.proper()
        at = data.find(BTF_MAGIC)
        while at >= 0:
            total = 24 + sum(int.from_bytes(data[at + 12 + i:at + 16 + i], "little") for i in (4, 8))
            if BTF_BYTES_MIN < total <= len(data) - at:
                return _keep(kept, data[at:at + total])
            at = data.find(BTF_MAGIC, at + 1)
        return None


def _keep(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
    return path


def _distribution(arch, series):
    flavour = {"5.10": r"5\.10\.0-[0-9]+", "6.1": r"6\.1\.0-[0-9]+", "6.12": r"6\.12\.[0-9]+\+deb12"}[series]
    folder = unpacked(arch, SUITES[series, arch], f"linux-image-{flavour}-{arch}-unsigned")
    image = next(folder.glob("boot/vmlinuz-*"), None)
    modules = next(folder.glob("lib/modules/*"), None)
    if not image or not modules:
        raise LabError(f"{folder.name} holds no kernel with modules; remove {folder} and try again")
    return Kernel(image, modules)


def _built(name):
    script = HERE / "kernels" / "build.sh"
    if not (HERE / "kernels" / f"{name}.config").is_file():
        raise LabError(f"no kernel '{name}': neither a series of {', '.join(sorted({s for s, _ in SUITES}))} nor kernels/{name}.config")
    folder = pathlib.Path(_command(str(script), name).splitlines()[-1])
    vmlinux = folder / "vmlinux"
    return Kernel(folder / "Image", vmlinux=vmlinux if vmlinux.is_file() else None)


def find(guest):
    if (guest.kernel, guest.arch) in SUITES:
        return _distribution(guest.arch, guest.kernel)
    return _built(guest.kernel)


def busybox(arch):
    folder = unpacked(arch, "bookworm", "busybox-static")
    return folder / "bin" / "busybox"
