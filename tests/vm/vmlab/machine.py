# SPDX-License-Identifier: BSD-2-Clause
"""One guest running: QEMU, its channel, and the subscriber outside."""
import ctypes
import json
import signal
import socket
import subprocess
import sys
import threading
import time

from .guests import HERE, LabError

sys.path.insert(0, str(HERE.parent / "e2e" / "lib"))
from snapshots import Tree  # noqa: E402

AGENT_PORT = 5570
LINE_BYTES_MAX = 4 << 20
DISK_MIB = 256
PR_SET_PDEATHSIG = 1


def _dies_with_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(words, **files):
    try:
        return subprocess.Popen(words, stdin=files.pop("stdin", subprocess.DEVNULL), preexec_fn=_dies_with_us, **files)
    except OSError as error:
        raise LabError(f"cannot run {words[0]}: {error.strerror}; packaging/dependencies.sh vm installs it") from error


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_disk(path):
    with open(path, "wb") as file:
        file.truncate(DISK_MIB << 20)
    words = ["/sbin/mke2fs", "-q", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", str(path)]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LabError(f"cannot make a guest's disk: {done.stderr.strip()}")


def qemu_words(guest, kernel, scratch, port, console, channel):
    machine = {
        "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-accel", "tcg,thread=multi"],
        # One thread for all its CPUs: with several, an emulated x86 CPU may run an int3 that the
        # kernel's code patching has already taken back, and the kernel dies or hangs.
        "amd64": ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=single"],
    }[guest.arch]
    terminal = {"arm64": "ttyAMA0", "amd64": "ttyS0"}[guest.arch]
    append = f"console={terminal} panic=-1 loglevel=4 psi=1 delayacct {guest.append}".strip()
    return [
        *machine, "-m", str(guest.memory_mib), "-smp", str(guest.cpus),
        "-nodefaults", "-display", "none", "-no-reboot", "-serial", console,
        "-kernel", str(kernel.image), "-initrd", str(scratch / "initramfs"), "-append", append,
        "-device", "virtio-serial-pci", "-chardev", f"{channel},id=lab",
        "-device", "virtserialport,chardev=lab,name=lab",
        "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:{AGENT_PORT}",
        "-device", "virtio-net-pci,netdev=net,romfile=",
        "-drive", f"if=none,id=disk,file={scratch}/disk,format=raw,cache=unsafe", "-device", "virtio-blk-pci,drive=disk",
        "-device", "virtio-rng-pci", *guest.devices]


class Watch:
    """What a subscriber outside of the guest receives, as it arrives."""

    def __init__(self, edgeprof, port, folder):
        self.messages = []
        self.arrived = threading.Condition()
        self.errors = open(folder / "watch.log", "wb")
        self.kept = open(folder / "watch.json", "wb")
        words = [str(edgeprof), "watch", "--json", "--count", "1000000", "--wait", "0", "--address", f"tcp://127.0.0.1:{port}"]
        self.process = start(words, stdout=subprocess.PIPE, stderr=self.errors)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.kept.write(line)
            try:
                message = json.loads(line, object_hook=Tree)
            except ValueError:
                continue
            with self.arrived:
                self.messages.append(message)
                self.arrived.notify_all()

    def wait_for(self, count, seconds):
        """True when so many more arrived in time."""
        with self.arrived:
            wanted = len(self.messages) + count
            return self.arrived.wait_for(lambda: len(self.messages) >= wanted, seconds)

    def close(self):
        stop(self.process)
        self.errors.close()
        self.kept.flush()


class Channel:
    """Lines from the guest and answers to it."""

    def __init__(self, path, process, until):
        self.until, self.rest = until, b""
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(path))
                return
            except OSError as error:
                if process.poll() is not None or time.monotonic() > until:
                    raise LabError("QEMU does not start; see qemu.log") from error
                time.sleep(0.02)

    def lines(self):
        """Until the guest is gone. TimeoutError when its time is up."""
        while True:
            line, newline, rest = self.rest.partition(b"\n")
            if newline:
                self.rest = rest
                yield line.decode(errors="replace")
                continue
            if len(self.rest) > LINE_BYTES_MAX:
                raise LabError("the guest sends a line without an end")
            self.socket.settimeout(max(0.01, self.until - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                return
            self.rest += data

    def answer(self, word):
        self.socket.sendall(f"{word}\n".encode())

    def close(self):
        self.socket.close()


class Machine:
    """scratch: its disk and initramfs; logs: what it leaves."""

    def __init__(self, guest, kernel, scratch, logs, edgeprof):
        self.began = time.monotonic()
        self.watch = self.channel = None
        port = free_port()
        self.errors = open(logs / "qemu.log", "wb")
        words = qemu_words(guest, kernel, scratch, port, f"file:{logs}/console.log", f"socket,path={scratch}/channel,server=on,wait=off")
        self.process = start(words, stderr=self.errors)
        try:
            self.channel = Channel(scratch / "channel", self.process, self.began + guest.timeout_s)
            self.watch = Watch(edgeprof, port, logs)
        except BaseException:
            self.close()
            raise

    def lines(self):
        return self.channel.lines()

    def wait(self, seconds):
        """For the guest to switch itself off."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def close(self):
        stop(self.process)
        for part in (self.watch, self.channel, self.errors):
            if part:
                part.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def interactive(guest, kernel, scratch):
    """A shell on the guest's console; what it says on the channel is not read."""
    words = qemu_words(guest, kernel, scratch, free_port(), "stdio", "null")
    return subprocess.call(words) == 0
