#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print what an edgeprof agent publishes, one line per container.

Needs what distributions ship: python3-protobuf, protobuf-compiler and
libnanomsg. The messages' Python module is made from edgeprof.proto at start.
"""
import argparse
import ctypes
import ctypes.util
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile

TOPIC = b"ep1snap|"
AF_SP, NN_SUB, NN_SUB_SUBSCRIBE = 1, 33, 1
NN_SOL_SOCKET, NN_RCVMAXSIZE = 0, 16
NN_MSG = ctypes.c_size_t(-1)


def load_messages(proto_root):
    """Compile edgeprof.proto and return its module."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["protoc", f"--proto_path={proto_root}", f"--python_out={folder}", "edgeprof/v1/edgeprof.proto"],
            check=True,
        )
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("edgeprof.v1.edgeprof_pb2")
        finally:
            sys.path.remove(folder)


def find_proto():
    """The folder that holds edgeprof/v1/edgeprof.proto: the source tree's or the installed one."""
    here = pathlib.Path(__file__).resolve().parent
    for root in (here.parent / "proto", pathlib.Path("/usr/share/edgeprof")):
        if (root / "edgeprof/v1/edgeprof.proto").exists():
            return root
    sys.exit("edgeprof.proto not found; give its folder with --proto")


class Subscription:
    """A nanomsg SUB socket."""

    def __init__(self, address):
        self.nn = ctypes.CDLL(ctypes.util.find_library("nanomsg") or "libnanomsg.so.5", use_errno=True)
        self.nn.nn_recv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.nn.nn_freemsg.argtypes = [ctypes.c_void_p]
        self.nn.nn_setsockopt.argtypes = [
            ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
        self.socket = self.check(self.nn.nn_socket(AF_SP, NN_SUB))
        size = ctypes.c_int(4 << 20)
        self.check(self.nn.nn_setsockopt(
            self.socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, ctypes.byref(size), ctypes.sizeof(size)))
        self.check(self.nn.nn_setsockopt(self.socket, NN_SUB, NN_SUB_SUBSCRIBE, TOPIC, len(TOPIC)))
        self.check(self.nn.nn_connect(self.socket, address.encode()))

    @staticmethod
    def check(result):
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def receive(self):
        """The next message without its topic; blocks."""
        message = ctypes.c_void_p()
        size = self.check(self.nn.nn_recv(self.socket, ctypes.byref(message), NN_MSG, 0))
        try:
            return ctypes.string_at(message, size)[len(TOPIC):]
        finally:
            self.nn.nn_freemsg(message)


def show(rates, name, scale, unit):
    """A figure that the agent does not know is absent, never 0."""
    return f"{getattr(rates, name) * scale:.1f} {unit}" if rates.HasField(name) else "-"


def print_envelope(envelope, pb):
    for c in envelope.snapshot.containers:
        memory = "-"
        if c.totals.HasField("memory_usage_bytes"):
            memory = f"{c.totals.memory_usage_bytes / 2**20:.1f} MiB"
        print(f"{envelope.node} #{envelope.snapshot_number} {c.name}"
              f" {pb.Runtime.Name(c.runtime)[len('RUNTIME_'):].lower()}"
              f" cpu {show(c.rates, 'cpu_cores', 100, '%')}"
              f" wait {show(c.rates, 'run_queue_wait_cores', 100, '%')} memory {memory}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="ipc:///run/edgeprof/live.ipc")
    parser.add_argument("--count", type=int, default=0, help="end after so many messages")
    parser.add_argument("--proto", help="folder of edgeprof/v1/edgeprof.proto")
    options = parser.parse_args()
    pb = load_messages(options.proto or find_proto())
    subscription = Subscription(options.address)
    last, received = None, 0
    while not options.count or received < options.count:
        envelope = pb.Envelope.FromString(subscription.receive())
        # A large snapshot comes in several messages; each holds whole containers.
        if last and last[0] == envelope.agent_id and envelope.sequence > last[1] + 1:
            print(f"{envelope.sequence - last[1] - 1} messages lost", file=sys.stderr)
        last = (envelope.agent_id, envelope.sequence)
        print_envelope(envelope, pb)
        received += 1


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
