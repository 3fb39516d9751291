"""An evaluation on a cluster of Ray, one of whose two workers is killed, against one on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ray_cluster import once_it_is_up, with_ray

from diffdemo.codecs.records import Preset
from diffdemo.errors import DiffDemoError
from diffdemo.measure import cluster as workers
from diffdemo.measure import evaluate
from diffdemo.measure.options import parse

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


def lines_of(path: Path) -> list[str]:
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in path.read_text().splitlines())


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray
def test_a_cluster_whose_worker_is_killed_finds_what_one_machine_finds(
    folder: Path, killing: tuple[str, list[int]], tmp_path: Path, capsys: Any
) -> None:
    address, killed = killing
    assert evaluate.main([str(folder), "-o", str(tmp_path / "here.jsonl"), *OPTIONS]) == 0
    here = capsys.readouterr()
    arguments = [str(folder), "-o", str(tmp_path / "there.jsonl"), *OPTIONS, "--ray", address]
    assert once_it_is_up(lambda: evaluate.main(arguments)) == 0
    there = capsys.readouterr()
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
    found = workers.Worker(args).do("a.png", np.zeros((8, 8, 3), np.uint8), [])
    assert [each.codec for each in found] == ["failing", "failing"]
    assert all(len(each.rows) == 1 and "memory" in each.reason for each in found)


def test_without_ray_it_is_said_what_to_install(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DiffDemoError, match="pip install ray"):
        evaluate.main([str(folder), "-o", str(tmp_path / "results.jsonl"), *OPTIONS, "--ray", "local"])
