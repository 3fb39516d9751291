"""The measuring commands measure what they say; short runs of each."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from diffdemo.coding.tree_code import FAST
from diffdemo.engine import bench, evaluate
from diffdemo.engine.records import CurvePoint


def test_tree_row_reports_an_unbiased_coder():
    row = bench._tree_row(FAST, 3 * 32 * 32, 150, 6)
    assert abs(row["mean shift %"]) < 4
    assert 0.95 < row["residual variance"] < 1.05
    assert 11 < row["overhead %"] < 16
    assert row["encode kbit/s"] > 0


def test_files_are_compared_with_their_ideal(tmp_path, capsys):
    y, x = np.mgrid[0:32, 0:40]
    Image.fromarray(np.stack([x * 4, y * 5, x + y], axis=2).astype(np.uint8)).save(tmp_path / "small.png")
    assert bench.main(["files", str(tmp_path / "small.png"), "--bpp", "1.5", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [row["preset"] for row in rows] == ["fast", "balanced", "best"]
    for row in rows:
        assert row["bytes"] <= 1.5 * 32 * 40 / 8
        assert row["file / ideal"] == pytest.approx(8 * row["bytes"] / row["ideal bits"], rel=0.01)
        assert row["peak MiB"] > 50
        assert 0 < row["network share"] < 1


def test_unknown_measurements_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "channel, codec, drift" in capsys.readouterr().err


def test_bd_rate_of_known_curves():
    anchor = [CurvePoint(0, bpp, 30 + 6 * np.log2(bpp), None) for bpp in (0.25, 0.5, 1.0, 2.0, 4.0)]
    half = [CurvePoint(0, p.bpp / 2, p.psnr_db, None) for p in anchor]
    assert evaluate.bd_rate(anchor, half) == pytest.approx(-50, abs=0.1)
    assert evaluate.bd_rate(half, anchor) == pytest.approx(100, abs=0.5)


def test_evaluation_writes_lines_and_goes_on_where_it_stopped(tmp_path, capsys):
    y, x = np.mgrid[0:64, 0:96]
    noise = np.random.default_rng(0).normal(0, 12, (64, 96, 3))
    pixels = np.clip(np.stack([x * 2, y * 3, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    results = tmp_path / "results.jsonl"
    arguments = [str(tmp_path / "pictures"), "-o", str(results), "--bpp", "3", "--preset", "fast"]
    assert evaluate.main(arguments) == 0
    first = results.read_text()
    rows = {row["codec"]: row for row in map(json.loads, first.splitlines())}
    assert {"jpeg", "webp", "diffc mean", "diffc flow"} <= set(rows)
    points = rows["diffc mean"]["points"]
    assert [p["num_bytes"] for p in points] == sorted(p["num_bytes"] for p in points)
    assert points[-1]["bpp"] == pytest.approx(3, abs=0.02)
    assert "diffc mean against jpeg" in capsys.readouterr().out
    assert evaluate.main(arguments) == 0
    assert results.read_text() == first
