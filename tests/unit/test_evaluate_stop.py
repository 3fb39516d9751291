"""Evaluations that are stopped: what was measured is kept, and the status says who stopped them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import start

from diffdemo.engine.classical.files import classical_curve
from diffdemo.images import Pixels
from diffdemo.measure import evaluate, runs


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """JPEG only."""
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: [runs.ClassicalRun("jpeg")])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def save_noise(folder: Path, name: str, height: int, width: int) -> None:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / name)


def pictures_in(results: Path) -> list[str]:
    return [json.loads(line)["picture"] for line in results.read_text().splitlines()]


def test_ctrl_c_keeps_what_was_measured(
    tmp_path: Path, results: Path, quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        save_noise(tmp_path / "A", f"{number}.png", 16 + number, 24)

    def interrupted(pixels: Pixels, codec: str, metrics: Collection[str]) -> list:
        if pixels.shape[0] == 17:
            raise KeyboardInterrupt
        return classical_curve(pixels, codec, metrics)

    monkeypatch.setattr(runs, "classical_curve", interrupted)
    assert evaluate.main([str(tmp_path / "A"), "-o", str(results)]) == 130
    assert pictures_in(results) == ["0.png"]
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("diffdemo: stopped; what was measured is kept in")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_library_swallows_ends_the_run_all_the_same(
    number: signal.Signals,
    status: int,
    tmp_path: Path,
    results: Path,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in range(2):
        save_noise(tmp_path / "A", f"{name}.png", 16 + name, 24)

    def deaf(pixels: Pixels, codec: str, metrics: Collection[str]) -> list:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            return classical_curve(pixels, codec, metrics)
        pytest.fail("the signal was not heard")

    monkeypatch.setattr(runs, "classical_curve", deaf)
    before = signal.getsignal(number)
    assert evaluate.main([str(tmp_path / "A"), "-o", str(results)]) == status
    assert signal.getsignal(number) == before
    assert len(pictures_in(results)) == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_is_told_to_stop_leaves_whole_lines(
    number: signal.Signals, status: int, tmp_path: Path, results: Path
) -> None:
    for height in range(200, 240):
        save_noise(tmp_path / "A", f"{height}.png", height, 200)
    with start("evaluate", tmp_path / "A", "-o", results) as process:
        ends = time.monotonic() + 300
        while not (results.exists() and results.stat().st_size) and time.monotonic() < ends:
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert process.returncode == status
    assert out == ""
    said = [line for line in err.splitlines() if line.startswith("diffdemo: ")]
    assert said == [
        f"diffdemo: stopped; what was measured is kept in '{results}', and the same command goes on from there"
    ]
    assert "Traceback" not in err
    assert len(pictures_in(results)) >= 1
