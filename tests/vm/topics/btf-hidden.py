# SPDX-License-Identifier: BSD-2-Clause
"""BTF from a file: every family through raw_tp, as exact as with the kernel's own."""
import subprocess

from vmlab import topics

BTF_BYTES_MAX = 32 << 10


def prepare(lab):
    made = lab.files / "btf-hidden" / f"{lab.kernel.release}.btf"
    made.parent.mkdir()
    words = [lab.edgeprof, "btf", "--from", lab.kernel.btf(), "--kernel-version", lab.kernel.version.strip(), "--output", made]
    done = subprocess.run([str(word) for word in words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise topics.LabError(f"edgeprof btf --from {lab.kernel.btf()}: {done.stderr.strip()}")
    lab.btf_bytes = made.stat().st_size


def results(guest):
    yield guest.result(f"the file for this kernel has {guest.lab.btf_bytes} bytes", guest.lab.btf_bytes <= BTF_BYTES_MAX)
    yield from topics.load("start").families(guest, "raw_tp")
    for name in ("sched", "memory", "io"):
        yield from topics.load(name).results(guest)
