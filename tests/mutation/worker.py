"""Tries a share of the mutants: `python -m tests.mutation.worker SHARE OF`.

Prints a line of JSON for each: its name, and whether a golden test failed. Every mutant lives in a process of its own,
forked from one that has imported the libraries and nothing of ours: it may loop, or write where it should not.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import sys
import time
import warnings

import numba  # noqa: F401 - what is imported here need not be imported for each mutant
import numpy  # noqa: F401
import pytest
import torch
from constriction import stream  # noqa: F401
from PIL import Image  # noqa: F401

from tests.mutation.mutants import Mutant, all_mutants
from tests.mutation.universe import ROOT, change

MAX_SECONDS = 60
UNCOMPILED = ("search",)
"""The encoder's search: no golden test encodes."""
PLUGINS = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception", "warnings", "logging")


def is_killed(mutant: Mutant | None) -> bool:
    """Whether a golden test fails with the change; without one, all of them are tried.

    A mutant that does not come to an end, or ends its process, has failed.
    """
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if _passes(mutant) else 1
        finally:
            os._exit(code)
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status != 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _passes(mutant: Mutant | None) -> bool:
    if mutant is not None:
        change(mutant.module, mutant.source(), UNCOMPILED)
    tests = mutant.tests if mutant else ("header", "randomness", "payload", "tables", "diffc", "cdc", "cod")
    paths = [str(ROOT / "tests" / "golden" / f"test_golden_{name}.py") for name in tests]
    options = ["-x", "-q", "--noconftest", "-c", os.devnull, "--rootdir", str(ROOT), "--assert=plain"]
    for plugin in PLUGINS:
        options += ["-p", f"no:{plugin}"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return pytest.main([*options, *paths]) == pytest.ExitCode.OK


def main(share: int, of: int) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    gc.freeze()
    print(json.dumps(["unchanged", is_killed(None)]), flush=True)
    for mutant in all_mutants()[share::of]:
        print(json.dumps([str(mutant), is_killed(mutant)]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
