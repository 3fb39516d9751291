"""A cluster of Ray on this machine, with two workers, one of which can be killed while it works."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from diffdemo.errors import DiffDemoError

ROOT = Path(__file__).parents[1]
PATIENCE_S = 240
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Address of a head with two processors, and its process group."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
    options = ["start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": "/tmp"}
    with (tmp_path / "head.log").open("wb") as log:
        head = subprocess.Popen(
            [*ray, *options, "--node-ip-address=127.0.0.1"],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield f"127.0.0.1:{port}", head.pid
        finally:
            for process in members(head.pid):
                with contextlib.suppress(psutil.NoSuchProcess):  # It has ended since it was listed.
                    process.kill()
            head.wait()


def members(session: int) -> list[psutil.Process]:
    """Everything that the head has started."""
    try:
        head = psutil.Process(session)
    except psutil.NoSuchProcess:
        return []
    return [*head.children(recursive=True), head]


def kill_one_at_work(session: int) -> None:
    """The worker that is found measuring first."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for process in members(session):
            try:
                if "Worker.do" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    return
            except psutil.Error:
                continue
        time.sleep(0.01)
    pytest.fail("no worker was seen at work")


@pytest.fixture
def killing(cluster: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[int]]:
    """Address of a head, and what is not empty once a worker was killed: the first that is waited for."""
    from diffdemo.engine.hardware import cluster as pool

    address, session = cluster
    waited, killed = pool._next, []

    def kill_then_wait(*arguments: Any) -> Any:
        if not killed:
            killed.append(session)
            kill_one_at_work(session)
        return waited(*arguments)

    monkeypatch.setattr(pool, "_next", kill_then_wait)
    return address, killed


def once_it_is_up(work: Callable[[], Any]) -> Any:
    """What work comes to when the head takes it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except DiffDemoError as error:
            assert "There is no cluster" in str(error)
            assert time.monotonic() < deadline
            time.sleep(1)
