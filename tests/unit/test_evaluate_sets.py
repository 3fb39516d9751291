"""FID and KID of an evaluation, of a network that is none: what is kept of each picture, and the tables of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffdemo.errors import DiffDemoError
from diffdemo.images import Pixels
from diffdemo.measure import evaluate
from diffdemo.measure.report.figures import set_figures
from diffdemo.metrics.sets.inception import FEATURES, fid, kid
from diffdemo.metrics.sets.patches import Features, features_from_text
from diffdemo.metrics.sets.registry import DESCRIPTIONS, INCEPTION

SIDE, COUNT, RATES = 32, 3, (3.0, 6.0)
DECODERS = ("mean", "flow", "ancestral")
CURVES = tuple(f"diffc {decoder}" for decoder in DECODERS)


def projected(pixels: Pixels) -> Features:
    """The picture as one patch, seen in random directions."""
    directions = np.random.default_rng(0).normal(0, 1 / pixels.size**0.5, (pixels.size, FEATURES))
    return (pixels.reshape(1, -1) / 255 @ directions).astype(np.float16)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array file, as ImageNet-64 and CIFAR-10 have them."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    smooth = np.stack([x * 4, y * 5, x + y], axis=2)
    noise = np.random.default_rng(1).normal(40, 20, (COUNT, SIDE, SIDE, 3))
    images = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("set") / "a.npz"
    np.savez(path, data=images.transpose(0, 3, 1, 2).reshape(COUNT, -1))
    return path


@pytest.fixture(scope="module")
def measured(pictures: Path) -> Iterator[str]:
    """Lines of the 64x64 protocol, while Inception is here, so to say."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(DESCRIPTIONS, "inception", replace(INCEPTION, describe=projected, missing=lambda: ""))
        output = pictures.with_name("results.jsonl")
        options = ["--preset", "fast", "--bpp", "6", "--decoders", *DECODERS, "--looks", *map(str, RATES)]
        assert evaluate.main([str(pictures), "-o", str(output), *options]) == 0
        yield output.read_text()


@pytest.fixture
def again(measured: str, pictures: Path, tmp_path: Path) -> list[str]:
    """The command that says what these lines say."""
    (tmp_path / "results.jsonl").write_text(measured)
    return [str(pictures), "-o", str(tmp_path / "results.jsonl"), "--no-measure"]


def of_sets(text: str, rate: float) -> dict[str, list[str]]:
    """FID and KID of each curve, in the table for a rate."""
    head, *lines = (
        [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in text.split(f"at most {rate:g} bpp\n")[1].split("\n\n")[0].splitlines()
    )
    return {line[0]: line[head.index("FID") : head.index("KID") + 1] for line in lines if line[0] in CURVES}


def test_one_command_gives_fid_over_rate_for_every_decoder(
    measured: str, again: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    looks = [row for row in map(json.loads, measured.splitlines()) if "looks" in row]
    originals = {row["sha256"]: row["looks"][0]["inception"] for row in looks if row["codec"] == "original"}
    assert len(originals) == COUNT
    assert evaluate.main(again) == 0
    said = capsys.readouterr()
    assert f"FID and KID are over {COUNT} patches" in said.out
    assert "left out" not in said.err
    for rate in RATES:
        expected = {}
        for curve in CURVES:
            own = {
                row["sha256"]: look["inception"]
                for row in looks
                if row["codec"] == curve
                for look in row["looks"]
                if look["rate"] == rate
            }
            x, y = ([features_from_text(side[p], FEATURES) for p in originals] for side in (originals, own))
            expected[curve] = [f"{fid(x, y).value:.2f}", f"{kid(x, y).value:.5f}"]
        assert of_sets(said.out, rate) == expected


def test_a_report_draws_fid_over_the_rate(again: list[str], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    figures = dict(set_figures(rows))
    assert {"FID", "KID"} <= set(figures)
    lines = {trace.name: (list(trace.x), list(trace.y)) for trace in figures["FID"].data}
    assert set(CURVES) <= set(lines)
    for rates, values in (lines[curve] for curve in CURVES):
        assert len(rates) == len(RATES)
        assert all(rate <= most for rate, most in zip(rates, RATES, strict=True))
        assert values == sorted(values, reverse=True), "more bits are nearer to the originals"


def test_a_picture_that_was_not_described_is_left_out_of_all(
    again: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(again) == 0
    before = of_sets(capsys.readouterr().out, RATES[0])
    path = tmp_path / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    row = next(row for row in rows if row["codec"] == "diffc mean" and "looks" in row)
    del row["looks"][0]["inception"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluate.main(again) == 0
    after = of_sets(capsys.readouterr().out, RATES[0])
    assert all(before[curve] != after[curve] for curve in CURVES)


def test_numbers_that_are_torn_are_refused(again: list[str], tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    look = next(look for row in rows for look in row.get("looks", []))
    look["inception"] = look["inception"][:400]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DiffDemoError, match="inception is not what it should be"):
        evaluate.main(again)


def test_without_the_network_the_rest_is_measured_and_a_notice_says_how_to_have_it(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(INCEPTION, missing=lambda: "It is not here.", how_to_get=("fetch it",))
    monkeypatch.setitem(DESCRIPTIONS, "inception", gone)
    output = tmp_path / "results.jsonl"
    options = ["--first", "1", "--codecs", "cdc", "--steps", "1", "--bpp", "1", "--looks", "1"]
    assert evaluate.main([str(pictures), "-o", str(output), *options]) == 0
    said = capsys.readouterr()
    assert "FID and KID are left out: It is not here. To have them: fetch it" in said.err
    assert "FID" not in said.out
    assert '"features"' in output.read_text()
    assert '"inception"' not in output.read_text()
