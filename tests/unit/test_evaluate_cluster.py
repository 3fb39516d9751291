"""An evaluation on a cluster of Ray, one of whose two workers is killed, against one on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from diffdemo.codecs.records import Preset
from diffdemo.errors import DiffDemoError
from diffdemo.measure import evaluate
from diffdemo.measure.cluster import workers
from diffdemo.measure.options import parse

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed")
OPTIONS = ["--bpp", "3", "--preset", str(Preset.FAST), "--decoders", "mean", "flow", "--looks", "1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, and something that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[0:64, 0:96]
    for number in range(5):
        noise = np.random.default_rng(number).normal(0, 8, (64, 96, 3))
        pixels = np.clip(np.stack([x * 2, y * 3, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "x.png").write_bytes(b"no picture")
    return folder


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
                if "Worker.measure" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    return
            except psutil.Error:
                continue
        time.sleep(0.01)
    pytest.fail("no worker was seen at work")


def lines_of(path: Path) -> list[str]:
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in path.read_text().splitlines())


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray
def test_a_cluster_whose_worker_is_killed_finds_what_one_machine_finds(
    folder: Path, cluster: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    address, session = cluster
    assert evaluate.main([str(folder), "-o", str(tmp_path / "here.jsonl"), *OPTIONS]) == 0
    here = capsys.readouterr()
    waited, killed = workers._next, []

    def kill_then_wait(*arguments: Any) -> Iterator[Any]:
        if not killed:
            killed.append(session)
            kill_one_at_work(session)
        return waited(*arguments)

    monkeypatch.setattr(workers, "_next", kill_then_wait)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            status = evaluate.main([str(folder), "-o", str(tmp_path / "there.jsonl"), *OPTIONS, "--ray", address])
            break
        except DiffDemoError as error:  # The head is not up yet.
            assert "There is no cluster" in str(error)
            assert time.monotonic() < deadline
            time.sleep(1)
    there = capsys.readouterr()
    assert status == 0
    assert killed
    assert "2 workers on the cluster" in there.err
    assert lines_of(tmp_path / "there.jsonl") == lines_of(tmp_path / "here.jsonl")
    assert there.out == here.out, "the summary does not depend on the order of the lines"
    assert "left out: " in there.err


class _Failing:
    """A run that ends after a line."""

    name = "failing"

    def __call__(self, sheet: Any, rates: Any) -> Iterator[dict]:
        yield sheet.line("failing", [], {})
        raise MemoryError


def test_a_worker_reports_what_went_wrong_and_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    args = parse([str(tmp_path), "-o", "results.jsonl", *OPTIONS], "")
    monkeypatch.setattr(workers, "runs_for", lambda *arguments: [_Failing(), _Failing()])
    found = workers.Worker(args).measure("a.png", np.zeros((8, 8, 3), np.uint8), [])
    assert [each.codec for each in found] == ["failing", "failing"]
    assert all(len(each.rows) == 1 and "memory" in each.reason for each in found)


def test_without_ray_it_is_said_what_to_install(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DiffDemoError, match="pip install ray"):
        evaluate.main([str(folder), "-o", str(tmp_path / "results.jsonl"), *OPTIONS, "--ray", "local"])
