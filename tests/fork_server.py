"""A process that has imported what is slow to import; others fork off it and become `python -m diffdemo`.

    python tests/fork_server.py DESCRIPTOR

`processes.start` starts it and asks it. What becomes of a fork is decided after the fork: its environment, folder,
descriptors and standard streams, and then everything that `diffdemo.__main__` does.
"""

from __future__ import annotations

import gc
import io
import json
import os
import runpy
import signal
import socket
import sys

import diffdemo.engine  # noqa: F401 - which is what takes time


def forked(control: socket.socket) -> tuple[dict, list[int]]:
    """Fork off a process for every request; returns in each of those: what it is asked to be, and its descriptors.

    The process in between ends at once, so that whoever asked adopts the one that is wanted and can wait for it.
    """
    while True:
        request, descriptors, *_ = socket.recv_fds(control, 1 << 17, 3)
        if not request:
            os._exit(0)
        read, write = os.pipe()
        between = os.fork()
        if not between:
            pid = os.fork()
            if not pid:
                for descriptor in (read, write, control.detach()):
                    os.close(descriptor)
                return json.loads(request), descriptors
            os.write(write, str(pid).encode())
            os._exit(0)
        os.waitpid(between, 0)
        control.send(os.read(read, 100))
        for descriptor in (read, write, *descriptors):
            os.close(descriptor)


def stream(number: int, mode: str, errors: str, *, is_buffered: bool) -> io.TextIOWrapper | None:
    """A standard stream as Python opens it when it starts."""
    try:
        raw = open(number, mode + "b", -1 if is_buffered else 0, closefd=False)  # noqa: SIM115
    except OSError:
        return None
    is_by_line = is_buffered and (raw.isatty() or number == 2)
    return io.TextIOWrapper(raw, "utf-8", errors, "\n", is_by_line, write_through=not is_buffered)


def become(
    arguments: list[str],
    folder: str,
    variables: dict[str, str],
    closed: list[int],
    anew: list[str],
    interruptible: bool,
) -> None:
    """What a process would be that has just started `python -m diffdemo`, and has yet to import what is `anew`."""
    for name in [name for name in sys.modules if name.partition(".")[0] in anew]:
        del sys.modules[name]
    for number in closed:
        os.close(number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv[1:] = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler if interruptible else signal.SIG_IGN)
    is_buffered = not variables.get("PYTHONUNBUFFERED")
    sys.stdin = sys.__stdin__ = stream(0, "r", "strict", is_buffered=True)
    sys.stdout = sys.__stdout__ = stream(1, "w", "strict", is_buffered=is_buffered)
    sys.stderr = sys.__stderr__ = stream(2, "w", "backslashreplace", is_buffered=is_buffered)
    runpy.run_module("diffdemo", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    gc.freeze()  # A fork that looks through all that was imported would copy it.
    asked, given = forked(socket.socket(fileno=int(sys.argv[1])))
    for number, descriptor in enumerate(given):
        os.dup2(descriptor, number)
        os.close(descriptor)
    become(**asked)
