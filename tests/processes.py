"""`python -m diffdemo` for tests to watch."""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
_PR_SET_CHILD_SUBREAPER = 36


def start_anew(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Run it in a new interpreter, which takes seconds to import what most commands need."""
    return subprocess.Popen([sys.executable, "-m", "diffdemo", *map(str, arguments)], **(PIPES | options))


def start(
    *arguments: object, closed: Sequence[int] = (), anew: Sequence[str] = (), **options: Any
) -> subprocess.Popen[str]:
    """Run it in a process that `fork_server` has prepared.

    Args:
        arguments: of the command line.
        closed: descriptors that it is started without.
        anew: packages that it imports itself, because they read the environment when they are imported.
        options: of `subprocess.Popen`.
    """
    beginning = {"closed": [*closed], "anew": [*anew]}
    return _Forked([*map(str, arguments)], preexec_fn=beginning, **(PIPES | options))


class _Forked(subprocess.Popen):
    """A process that another one starts; pipes, waiting and signals are those of any child."""

    def _execute_child(
        self, args, executable, beginning, close_fds, pass_fds, cwd, env, info, flags, shell, *rest
    ) -> None:
        stdin, _, _, stdout, _, stderr, *_ = rest
        request = {
            "arguments": args,
            "folder": str(cwd),
            "variables": dict(os.environ if env is None else env),
            **beginning,
            "interruptible": signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
        }
        given = [own if wanted == -1 else wanted for own, wanted in enumerate((stdin, stdout, stderr))]
        control = _server()
        socket.send_fds(control, [json.dumps(request).encode()], given)
        self.pid = int(control.recv(100))
        self._child_created = True
        self._close_pipe_fds(*rest[:6])


@functools.cache
def _server() -> socket.socket:
    """What the fork server of this process listens to."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # What it forks off is adopted, see there.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, str(ROOT / "tests" / "fork_server.py"), str(theirs.fileno())]
    quiet = dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL)
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=variables, **quiet)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
