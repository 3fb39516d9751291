"""Evaluations: what they write, that they measure nothing twice, and what the summary makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.codecs import cdc
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.records import Preset
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.engine.store import load_shipped
from diffdemo.measure import embedded, evaluate, runs
from diffdemo.measure.comparison.delta_rate import ENOUGH_POINTS, bd_rate
from diffdemo.measure.comparison.mean_curves import flow_below_mean
from diffdemo.measure.summary import summary
from diffdemo.metrics.curves import value_at
from diffdemo.metrics.distortion import psnr_db
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.sets.patches import features_to_text
from diffdemo.metrics.sets.realism import FEATURES, REVISION
from diffdemo.pictures import load_picture


@pytest.fixture
def folder(tmp_path):
    """One picture of 64 x 48."""
    y, x = np.mgrid[0:48, 0:64]
    noise = np.random.default_rng(0).normal(0, 12, (48, 64, 3))
    pixels = np.clip(np.stack([x * 4, y * 5, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    return tmp_path / "pictures"


def test_bd_rate_of_known_curves():
    anchor = [CurvePoint(0, bpp, {"psnr_db": 30 + 6 * np.log2(bpp)}) for bpp in (0.25, 0.5, 1.0, 2.0, 4.0)]
    half = [CurvePoint(0, p.bpp / 2, {"psnr_db": p.psnr_db}) for p in anchor]
    assert bd_rate(anchor, half) == pytest.approx(-50, abs=0.1)
    assert bd_rate(half, anchor) == pytest.approx(100, abs=0.5)


def test_bd_rate_of_curves_that_share_no_quality():
    curve = [CurvePoint(0, bpp, {"psnr_db": 30 + 6 * np.log2(bpp)}) for bpp in (1.0, 2.0, 4.0)]
    better = [CurvePoint(0, p.bpp, {"psnr_db": p.psnr_db + 20}) for p in curve]
    bad = [CurvePoint(0, p.bpp, {"psnr_db": p.psnr_db - 20}) for p in curve]
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
    monkeypatch.setattr(cdc, "SWEEP_CODES", (96, 32))
    assert evaluate.main([*arguments, "1"]) == 0
    first = lines_of(results)
    assert [line["codec"] for line in first][-1:] == ["cdc 1 step"]
    assert not any(line["codec"].startswith("diffc") for line in first)

    analysed = []
    analyse = Cdc.analyse
    monkeypatch.setattr(Cdc, "analyse", lambda self, pixels: analysed.append(1) or analyse(self, pixels))
    monkeypatch.setattr(runs, "classical_curve", lambda *args: pytest.fail("measured again"))
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


@pytest.fixture
def two_pictures(tmp_path):
    """Two of 128 x 64: a slope with fine noise, and noise that is not fine."""
    folder = tmp_path / "two"
    folder.mkdir()
    y, x = np.mgrid[0:64, 0:128]
    slope = np.stack([x, y, x + y], axis=2) + 60.0
    rng = np.random.default_rng(0)
    for name, deviation in (("a", 1.0), ("b", 25.0)):
        pixels = slope + rng.normal(0, deviation, slope.shape)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_looks_are_measured_at_equal_rates_and_not_twice(two_pictures, tmp_path, monkeypatch, capsys):
    results = tmp_path / "results.jsonl"
    arguments = [str(two_pictures), "-o", str(results), "--bpp", "1.5", "--preset", "fast", "--looks", "0.5", "1.5"]
    arguments += ["--decoders", "mean", "flow", "ancestral", "--realism", "0.5", "1"]
    assert evaluate.main(arguments) == 0
    first = lines_of(results)
    looks = {row["codec"]: row["looks"] for row in first if "looks" in row and row["picture"] == "a.png"}
    curves = {row["codec"]: row["points"] for row in first if "points" in row and row["picture"] == "a.png"}
    names = {"diffc mean", "diffc flow", "diffc flow 0.5", "diffc ancestral"}
    assert names < set(curves)
    assert names | {"original", "jpeg"} < set(looks)
    for name in names:
        assert [look["rate"] for look in looks[name]] == [0.5, 1.5]
        for look in looks[name]:
            assert 0.95 * look["rate"] < look["bpp"] <= look["rate"]
            assert look["blotches"]["share"] > 0.5
    assert all(len(curves[name]) >= ENOUGH_POINTS for name in names)
    flow = {point["num_bytes"]: point["psnr_db"] for point in curves["diffc flow"]}
    for look in looks["diffc flow"]:
        assert flow[look["num_bytes"]] == look["psnr_db"], "one decode serves both"
    assert len({look["features"] for name in names for look in looks[name]}) == 2 * len(names), "each looks another way"
    out = capsys.readouterr().out
    assert "at most 0.5 bpp" in out
    assert "diffc flow against mean from 0.5 bpp on: " in out

    monkeypatch.setattr(DiffC, "encode_progressively", lambda *args, **named: pytest.fail("encoded again"))
    assert evaluate.main(arguments) == 0
    assert lines_of(results) == first


def test_looks_are_added_to_a_file_that_has_curves(folder, tmp_path):
    results = tmp_path / "results.jsonl"
    arguments = [str(folder), "-o", str(results), "--codecs", "cdc", "--steps", "1", "--bpp", "1"]
    assert evaluate.main(arguments) == 0
    before = lines_of(results)
    assert evaluate.main([*arguments, "--looks", "1", "3"]) == 0
    added = lines_of(results)[len(before) :]
    assert all("looks" in row for row in added)
    assert {"original", "jpeg", "cdc 1 step"} <= {row["codec"] for row in added}
    cdc = next(row for row in added if row["codec"] == "cdc 1 step")
    assert cdc["settings"]["rates"] == [1.0, 3.0]
    assert all(look["bpp"] <= look["rate"] for row in added if row["codec"] != "original" for look in row["looks"])


def test_other_weights_are_measured_anew(folder, tmp_path, monkeypatch):
    results = tmp_path / "results.jsonl"
    arguments = [str(folder), "-o", str(results), "--bpp", "1", "--preset", "fast", "--decoders", "mean"]
    assert evaluate.main(arguments) == 0
    rows = lines_of(results)
    assert rows[-1]["settings"]["fingerprint"] == load_shipped(DiffC, torch.device("cpu")).fingerprint.hex()
    rows[-1]["settings"]["fingerprint"] = "00000000"
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluate.main(arguments) == 0
    assert [row["codec"] for row in lines_of(results)[len(rows) :]] == ["diffc mean"]


def test_a_prefix_decoded_from_where_its_encoder_was_is_the_one_decoded_from_the_start(folder):
    codec = load_shipped(DiffC, torch.device("cpu"))
    pixels = load_picture(folder / "a.png").pixels
    sweep = embedded.sweep(codec, pixels, 2.0, Preset.FAST, [300, 5])
    assert 5 not in sweep.states, "before the first step there is nothing to see"
    assert set(sweep.states) == {300, len(sweep.data)}
    for rendering in (Rendering(Decoder.MEAN), Rendering(Decoder.ANCESTRAL)):
        for size in sweep.states:
            *_, last = codec.decode(sweep.data[:size], rendering)
            whole = ((last.image[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
            np.testing.assert_array_equal(sweep.picture(size, rendering), whole)
    last = sweep.means[-1]
    assert (last.num_bytes, last.values["ms_ssim"]) == (len(sweep.data), None), "too small for MS-SSIM"
    assert last.psnr_db == psnr_db(pixels, sweep.picture(last.num_bytes, Rendering(Decoder.MEAN)))


def test_curves_are_interpolated_over_the_logarithm_of_the_rate():
    curve = [CurvePoint(0, 0.25, {"psnr_db": 30.0}), CurvePoint(0, 1.0, {"psnr_db": 34.0})]
    assert value_at(curve, "psnr_db", 0.5) == pytest.approx(32)
    assert value_at(curve, "psnr_db", 0.2) is None
    assert value_at(curve, "psnr_db", 1.1) is None
    assert value_at(curve, "ms_ssim", 0.5) is None


def test_the_flow_is_compared_with_the_mean_at_equal_bytes():
    mean = [CurvePoint(0, 0.25, {"psnr_db": 30.0}), CurvePoint(0, 1.0, {"psnr_db": 34.0})]
    flow = [
        CurvePoint(0, 0.3, {"psnr_db": 20.0}),
        CurvePoint(0, 0.5, {"psnr_db": 31.5}),
        CurvePoint(0, 1.0, {"psnr_db": 33.9}),
    ]
    (line,) = flow_below_mean({"diffc mean": {"a": mean}, "diffc flow": {"a": flow}})
    assert "-0.30 dB (-0.50 to -0.10 over 2 points)" in line
    assert list(flow_below_mean({"diffc mean": {"a": mean}})) == []


def look_line(picture, codec, features, **look):
    """What `evaluate --looks` writes."""
    numbers = {"rate": 0.3, "num_bytes": 100, "bpp": 0.29, "psnr_db": 30.0, "ms_ssim": None, "blotches": None}
    content = {**numbers, **look, "features": features_to_text(features)}
    return {"picture": picture, "codec": codec, "settings": {"features": REVISION}, "looks": [content]}


def test_the_summary_sets_looks_side_by_side():
    rng = np.random.default_rng(0)
    rows = []
    for picture in "abcd":
        features = rng.normal(size=(40, FEATURES)).astype(np.float16)
        rows += [
            look_line(picture, "original", features, rate=None),
            look_line(picture, "same", features),
            look_line(
                picture, "other", features + np.float16(0.5), blotches={"luma": 3.0, "chroma": 4.0, "share": 0.2}
            ),
        ]
    rows[-1]["looks"][0]["blotches"] = {"luma": 1.0, "chroma": 0.0, "share": 0.6}
    stale = look_line("a", "stale", features)
    stale["settings"] = {"features": REVISION - 1}
    lines = summary([*rows, stale]).splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines if line.split()[:1] in (["same"], ["other"])}
    assert cells["same"] == ["4", "0.290", "30.00", "0.000", "0.000", "-", "-"]
    assert float(cells["other"][3]) > 0.1
    # Half of what is flat lies in the three pictures with 3 and 4 levels, half in the one with 1 and 0.
    assert cells["other"][5:] == ["2.24", "2.83"]
    assert not any("stale" in line for line in lines)


def test_lines_of_older_files_can_be_read():
    point = {"num_bytes": 100, "bpp": 0.5, "psnr_db": 30.0, "ms_ssim": 0.9}
    better = {"num_bytes": 200, "bpp": 1.0, "psnr_db": 33.0, "ms_ssim": 0.95}
    old = [
        {"picture": "a", "codec": codec, "settings": {"bpp": 1.5, "preset": "balanced"}, "points": [point, better]}
        for codec in ("jpeg", "diffc mean")
    ]
    lines = summary(old).splitlines()
    assert lines[1].removeprefix("diffc mean against jpeg: ")[1:].startswith("0.0 %")
    assert next(line.split() for line in lines if line.strip().startswith("0.6")) == ["0.6", "30.79", "30.79"]
