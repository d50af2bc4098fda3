# SPDX-License-Identifier: BSD-2-Clause
"""The initramfs of a guest: a cpio archive in the kernel's "newc" format,
written here so that device nodes need no privileges."""
import lzma
import pathlib
import shlex
import stat
import subprocess

from .guests import HERE, LabError

# What every guest needs, as far as its kernel does not have it built in.
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "crc32c_generic", "ext4")
STRIP = {"arm64": "aarch64-linux-gnu-strip", "amd64": "strip"}
TRAILER = "TRAILER!!!"


class Archive:
    def __init__(self):
        self.parts = []
        self.folders = set()
        self.inode = 1

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.parts.append(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, name):
        for parent in [*reversed(pathlib.PurePosixPath(name).parents), pathlib.PurePosixPath(name)]:
            if str(parent) not in (".", "/") and str(parent) not in self.folders:
                self.folders.add(str(parent))
                self._entry(str(parent), stat.S_IFDIR | 0o755)

    def data(self, name, data, mode=0o644):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFREG | mode, data)

    def file(self, name, path, mode=0o755):
        self.data(name, pathlib.Path(path).read_bytes(), mode)

    def link(self, name, target):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def console(self):
        self.folder("dev")
        self._entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))

    def write(self, path):
        self._entry(TRAILER, 0)
        pathlib.Path(path).write_bytes(b"".join(self.parts))


class _Modules:
    """Modules of a kernel's package with what they depend on, in loading order."""

    def __init__(self, folder):
        self.folder, self.order = folder, []
        self.depends, self.paths = {}, {}
        for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
            path, depends = line.split(":")
            self.paths[self.name(path)] = path
            self.depends[path] = depends.split()
        builtin = (folder / "modules.builtin").read_text(encoding="ascii").split()
        self.builtin = {self.name(path) for path in builtin}

    @staticmethod
    def name(path):
        return pathlib.PurePosixPath(path).name.split(".ko")[0].replace("-", "_")

    def add(self, name):
        if name in self.builtin:
            return
        if name not in self.paths:
            raise LabError(f"{self.folder}: the kernel has no module {name}")
        path = self.paths[name]
        for needed in [*reversed(self.depends[path]), path]:  # the deepest one stands last
            if needed not in self.order:
                self.order.append(needed)

    def data(self, path):
        data = (self.folder / path).read_bytes()
        return lzma.decompress(data) if path.endswith(".xz") else data


def _add_modules(archive, kernel, names):
    order = []
    if kernel.modules:
        modules = _Modules(kernel.modules)
        for name in names:
            modules.add(name.replace("-", "_"))
        for path in modules.order:
            order.append(modules.name(path) + ".ko")
            archive.data(f"lab/modules/{order[-1]}", modules.data(path))
    archive.data("lab/modules/order", "".join(f"{name}\n" for name in order).encode())


def _stripped(arch, program, scratch):
    """Debug information would only fill the guest's memory."""
    out = scratch / program.name
    done = subprocess.run([STRIP[arch], "-g", "-o", str(out), str(program)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LabError(f"cannot strip {program}: {done.stderr.strip()}")
    return out.read_bytes()


def _is_program(path):
    return path.is_file() and not path.suffix and path.stat().st_mode & 0o100


def _add_programs(archive, arch, build, scratch):
    """The shipped program as it is; tests and loads without debug information."""
    archive.file("usr/bin/edgeprof", build / "edgeprof")
    archive.link("bin/edgeprof", "/usr/bin/edgeprof")
    for folder, source in (("tests", "tests/bpf"), ("tools", "tests/tools"), ("lint", "tests/lint")):
        for program in sorted((build / source).glob("*")):
            if _is_program(program):
                archive.data(f"lab/{folder}/{program.name}", _stripped(arch, program, scratch), 0o755)
    for bpf_object in sorted((build / "bpf").glob("*.bpf.o")):
        archive.file(f"lab/bpf/{bpf_object.name}", bpf_object, 0o644)


def _add_lab(archive, files):
    archive.file("init", HERE / "guest" / "init")
    archive.file("lab/lib.sh", HERE / "guest" / "lib.sh", 0o644)
    archive.file("lab/cgroups.sh", HERE / "guest" / "cgroups.sh", 0o644)
    for topic in sorted((HERE / "topics").glob("*.sh")):  # one may include another
        archive.file(f"lab/topics/{topic.name}", topic, 0o644)
    archive.folder("lab/files")
    for file in sorted(p for p in files.rglob("*") if p.is_file()):
        archive.file(f"lab/files/{file.relative_to(files)}", file, file.stat().st_mode & 0o777)


def build(path, guest, kernel, busybox, build_folder, files, scratch, settings):
    """Writes the initramfs; settings: what the guest's shell finds in /lab/settings."""
    archive = Archive()
    for folder in ("dev", "proc", "sys", "run", "tmp", "etc", "var/lib", "lab"):
        archive.folder(folder)
    archive.console()
    archive.file("bin/busybox", busybox)
    archive.link("bin/sh", "busybox")
    archive.data("etc/passwd", b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    archive.data("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    archive.data("lab/settings", "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items()).encode())
    _add_modules(archive, kernel, (*MODULES, *guest.modules))
    _add_programs(archive, guest.arch, build_folder, scratch)
    _add_lab(archive, files)
    archive.write(path)
