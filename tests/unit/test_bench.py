"""The measuring commands measure what they say; short runs of each."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from diffdemo.codecs.cdc import Cdc
from diffdemo.coding.tree_code import FAST
from diffdemo.engine import Engine, bench, bench_cdc, bench_theory, cdc_rates, evaluate
from diffdemo.engine.records import CurvePoint
from diffdemo.engine.summary import bd_rate, summary
from diffdemo.engine.theory import power_law


@pytest.fixture
def folder(tmp_path):
    """One picture of 64 x 48."""
    y, x = np.mgrid[0:48, 0:64]
    noise = np.random.default_rng(0).normal(0, 12, (48, 64, 3))
    pixels = np.clip(np.stack([x * 4, y * 5, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    return tmp_path / "pictures"


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
    assert "channel, codec, drift, cdc" in capsys.readouterr().err


def test_bd_rate_of_known_curves():
    anchor = [CurvePoint(0, bpp, 30 + 6 * np.log2(bpp), None) for bpp in (0.25, 0.5, 1.0, 2.0, 4.0)]
    half = [CurvePoint(0, p.bpp / 2, p.psnr_db, None) for p in anchor]
    assert bd_rate(anchor, half) == pytest.approx(-50, abs=0.1)
    assert bd_rate(half, anchor) == pytest.approx(100, abs=0.5)


def test_bd_rate_of_curves_that_share_no_quality():
    curve = [CurvePoint(0, bpp, 30 + 6 * np.log2(bpp), None) for bpp in (1.0, 2.0, 4.0)]
    better = [CurvePoint(0, p.bpp, p.psnr_db + 20, None) for p in curve]
    bad = [CurvePoint(0, p.bpp, p.psnr_db - 20, None) for p in curve]
    assert bd_rate(curve, better) is None
    assert bd_rate(curve, bad) is None
    assert bd_rate(curve, curve[:1]) is None
    assert bd_rate(curve, []) is None


def test_evaluation_writes_lines_and_goes_on_where_it_stopped(folder, tmp_path, capsys):
    results = tmp_path / "results.jsonl"
    arguments = [str(folder), "-o", str(results), "--bpp", "3", "--preset", "fast"]
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


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evaluation_of_cdc_measures_nothing_twice(folder, tmp_path, monkeypatch, capsys):
    results = tmp_path / "results.jsonl"
    arguments = [str(folder), "-o", str(results), "--codecs", "cdc", "--steps"]
    monkeypatch.setattr(cdc_rates, "SWEEP_CODES", (96, 32))
    assert evaluate.main([*arguments, "1"]) == 0
    first = lines_of(results)
    assert [line["codec"] for line in first][-1:] == ["cdc 1 step"]
    assert not any(line["codec"].startswith("diffc") for line in first)

    analysed = []
    analyse = Cdc.analyse
    monkeypatch.setattr(Cdc, "analyse", lambda self, pixels: analysed.append(1) or analyse(self, pixels))
    monkeypatch.setattr(Engine, "classical_curve", lambda *args: pytest.fail("measured again"))
    assert evaluate.main([*arguments, "1", "2", "--gamma", "0", "0.5"]) == 0
    added = lines_of(results)[len(first) :]
    assert [line["codec"] for line in added] == ["cdc 2 steps", "cdc 1 step gamma 0.5", "cdc 2 steps gamma 0.5"]
    assert len(analysed) == 1
    assert evaluate.main([*arguments, "2", "1"]) == 0
    assert len(lines_of(results)) == len(first) + len(added)
    assert len(analysed) == 1

    before, after = first[-1], added[0]
    assert before["settings"].items() >= {"model": "cdc-small", "gamma": 0.0, "steps": 1, "bpp": None}.items()
    assert before["versions"] == after["versions"]
    assert [p["delta"] for p in before["points"]] == [4.0, 1.0]
    assert [p["num_bytes"] for p in before["points"]] == [p["num_bytes"] for p in after["points"]], "the same files"
    for point in before["points"]:
        assert point["bpp"] == pytest.approx(8 * point["num_bytes"] / (48 * 64))
        assert point["jpeg"]["num_bytes"] >= point["num_bytes"]
    out = capsys.readouterr().out
    assert "cdc 2 steps gamma 0.5: means over pictures" in out


def test_evaluation_of_cdc_at_given_rates(folder, tmp_path):
    results = tmp_path / "results.jsonl"
    assert (
        evaluate.main([str(folder), "-o", str(results), "--codecs", "cdc", "--steps", "1", "--bpp", "0.01", "1", "4"])
        == 0
    )
    points = lines_of(results)[-1]["points"]
    assert [p["target_bpp"] for p in points] == [1.0, 4.0], "no file is as small as the first target"
    assert points[0]["bpp"] <= 1
    assert points[0]["bpp"] < points[1]["bpp"] <= 4
    assert points[0]["delta"] > points[1]["delta"]


@pytest.mark.parametrize("options", [["--bpp", "-1"], ["--bpp", "much"], ["--codecs", "jpeg"], ["--steps", "few"]])
def test_evaluations_that_make_no_sense(options, folder, tmp_path):
    with pytest.raises(SystemExit):
        evaluate.main([str(folder), "-o", str(tmp_path / "r"), *options])


def cdc_line(picture, *points):
    """What `evaluate` writes: delta, then bytes and PSNR of the file and of the JPEG beside it, if there is one."""

    def measured(num_bytes, psnr_db):
        return {"num_bytes": num_bytes, "bpp": num_bytes / 1000, "psnr_db": psnr_db, "ms_ssim": None}

    rows = [
        {**measured(*own), "delta": delta, "target_bpp": None, "jpeg": jpeg and measured(*jpeg)}
        for delta, own, jpeg in points
    ]
    return {"picture": picture, "codec": "cdc 1 step", "points": rows}


def test_the_summary_sets_cdc_beside_jpeg_at_equal_bytes():
    rows = [
        cdc_line("b", (2.0, (1, 1.0), (1, 1.0))),
        cdc_line("a", (2.0, (1000, 30.0), (1100, 28.0)), (1.0, (3000, 33.0), (3100, 34.0))),
        cdc_line("b", (2.0, (2000, 31.0), (2500, 30.0)), (1.0, (5000, 35.0), None)),
    ]
    lines = summary(rows).splitlines()
    coarse, fine = (" ".join(line.split()) for line in lines if line.strip().startswith("delta"))
    assert coarse == "delta 2.00 2 1,500 1.500 30.50 - 1,800 +1.50 +1.00 2 of 2"
    assert fine == "delta 1.00 2 4,000 4.000 34.00 - 3,100 -1.00 -1.00 0 of 1"
    assert lines[-1] == "above JPEG in the mean at 1 of 2 points, for 2 of 3 files"


def test_bench_of_cdc(monkeypatch, capsys):
    monkeypatch.setattr(bench_cdc, "SIZE", (64, 48))
    monkeypatch.setattr(bench_cdc, "SWEEP_CODES", (64, 32))
    monkeypatch.setattr(bench_cdc, "MANY_STEPS", 3)
    monkeypatch.setattr(bench_cdc, "FULL_WIDTH", 4)
    monkeypatch.setattr(bench_cdc, "FULL_WIDTH_SIDE", 64)
    assert bench.main(["cdc", "--json"]) == 0
    speed, coarse, fine, wide = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert {row["part"] for row in (speed, coarse, fine, wide)} == {"cdc"}
    assert 0 < speed["analyse s"] < speed["encode s"]
    assert 0 < speed["decode s / step"] < speed["decode 1 step s"] * 10
    assert speed["peak MiB"] > 50
    assert (coarse["delta"], fine["delta"]) == (2.0, 1.0)
    assert speed["bytes"] == fine["bytes"] > coarse["bytes"]
    for row in (coarse, fine):
        assert {"PSNR dB 1 step", "PSNR dB 3 steps"} < set(row)
        assert row["over bytes"] == pytest.approx(row["bytes"] - row["likelihood bytes"])
        # It may be less than the model expects, where that is wrong about rare symbols, but not much more.
        assert row["over bytes"] < row["header bytes"] + 8 + 0.02 * row["bytes"]
    assert wide["million parameters"] > 0
    assert wide["step s"] > 0


def test_ancestral_sampling_meets_its_closed_form_on_a_white_source(monkeypatch):
    monkeypatch.setattr(bench_theory, "ROUNDS", 100)
    rows = list(bench_theory._ancestral_rows(power_law(0.0)))
    assert [row["steps"] for row in rows] == list(bench_theory.STEPS)
    assert all(abs(row["above closed form dB"]) < 0.1 for row in rows)
