"""The measuring commands measure what they say; short runs of each."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from diffdemo.coding.tree_search import FAST
from diffdemo.measure.bench import cdc, channel, cod, main, theory
from diffdemo.models.cod.shape import CodShape
from diffdemo.theory.real_files import Landing
from diffdemo.theory.sources import power_law
from tests.released_cod import tiny_shape


def test_tree_row_reports_an_unbiased_coder():
    row = channel.tree_row(FAST, 3 * 32 * 32, 150, 6)
    assert abs(row["mean shift %"]) < 4
    assert abs(row["mean shift %"]) < 4 * row["+- %"]
    assert 0.95 < row["residual variance"] < 1.05
    assert 5 < row["overhead %"] < 9
    assert row["encode kbit/s"] > 0


def test_both_coders_are_measured_on_steps_of_the_same_sizes(monkeypatch, capsys):
    monkeypatch.setattr(channel, "DIMENSIONS", 3 * 32 * 32)
    monkeypatch.setattr(channel, "STAGES", (50, 100))
    monkeypatch.setattr(channel, "STAGES_IN_ALL", 200)
    monkeypatch.setattr(channel, "POISSON_DIMENSIONS", 512)
    monkeypatch.setattr(channel, "POISSON_BITS", (100.0, 200.0))
    monkeypatch.setattr(channel, "POISSON_REPETITIONS", 20)
    assert main.main(["channel", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    trees = [row for row in rows if row["coder"].startswith("tree code")]
    poisson = [row for row in rows if row["coder"].startswith("Poisson")]
    assert len(trees) == 3 * 2
    assert [round(row["bits"], -2) for row in trees[:2]] == [row["bits"] for row in poisson[:2]] == [100, 200]
    short, exact = poisson[1], poisson[3]
    assert short["mean shift %"] < -4 * short["+- %"], "too few candidates make samples too short"
    assert abs(exact["mean shift %"]) < abs(short["mean shift %"])
    assert min(row["overhead %"] for row in poisson) > max(row["overhead %"] for row in trees)


def test_files_are_compared_with_their_ideal(tmp_path, capsys):
    y, x = np.mgrid[0:16, 0:24]
    Image.fromarray(np.stack([x * 4, y * 5, x + y], axis=2).astype(np.uint8)).save(tmp_path / "small.png")
    assert main.main(["files", str(tmp_path / "small.png"), "--bpp", "1.5", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [row["preset"] for row in rows] == ["fast", "balanced", "best"]
    for row in rows:
        assert row["bytes"] <= 1.5 * 16 * 24 / 8
        assert row["file / ideal"] == pytest.approx(8 * row["bytes"] / row["ideal bits"], rel=0.01)
        assert row["peak MiB"] > 50
        assert 0 < row["network share"] < 1


def test_unknown_measurements_are_refused(capsys):
    with pytest.raises(SystemExit):
        main.main(["speed"])
    assert "channel, codec, drift, cdc" in capsys.readouterr().err


def test_bench_of_cdc(monkeypatch, capsys):
    monkeypatch.setattr(cdc, "SIZE", (64, 48))
    monkeypatch.setattr(cdc, "SWEEP_CODES", (64, 32))
    monkeypatch.setattr(cdc, "MANY_STEPS", 3)
    monkeypatch.setattr(cdc, "FULL_WIDTH", 4)
    monkeypatch.setattr(cdc, "FULL_WIDTH_SIDE", 64)
    assert main.main(["cdc", "--json"]) == 0
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


def test_bench_of_cod(monkeypatch, capsys):
    monkeypatch.setattr(cod, "SHAPE", tiny_shape())
    monkeypatch.setattr(cod, "PRETRAINED", tiny_shape(32, 4))
    monkeypatch.setattr(cod, "SIDE", 64)
    assert main.main(["cod", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["what"] for row in rows] == ["convolution, 128 channels", "encode", "decode", "denoise"]
    for row in rows:
        assert row["GMAC/s"] == pytest.approx(row["GMAC"] / row["s"])
        assert row["peak MiB"] > 50


def test_multiplications_of_cod_are_those_of_its_layers():
    assert cod.layer_macs() == 9 * 128 * 128 * 256 * 256
    encoded, decoded = cod.macs(CodShape(16, 8), 512)
    assert (round(encoded / 1e9), round(decoded / 1e9)) == (88, 55)
    assert round(cod.denoiser_macs(512) / 1e9) == 43


def test_ancestral_sampling_meets_its_closed_form_on_a_white_source(monkeypatch):
    monkeypatch.setattr(theory, "ROUNDS", 100)
    rows = list(theory._ancestral_rows(power_law(0.0)))
    assert [row["steps"] for row in rows] == list(theory.STEPS)
    assert all(abs(row["above closed form dB"]) < 0.1 for row in rows)


def test_files_are_set_against_what_any_codec_could_do():
    source = power_law(0.0)
    # Of one variance: R(D) and DiffC's mean are the same, 1/2 log2(1 + t), and R under realism is that of the flow.
    decoders = {"mean": 1 / 4, "flow": 2 * (1 - (3 / 4) ** 0.5), "ancestral": 2 / 4}
    snr_db = {name: -10 * math.log10(error) for name, error in decoders.items()}
    landing = Landing(1000, 1.1, 1.0, 3**-0.5, snr_db, snr_db)
    (row,) = theory._bound_rows(source, [landing])
    assert row["bits a dimension"] == "1.100"
    assert row["mean dB"] == "6.02"
    exact = ("R(D)", "ideal DiffC", "ideal DiffC-F", "perfect realism by flow", "ideal DiffC-A")
    assert {row[f"over {name}"] for name in exact} == {"+10%"}
    # D = 1/2 under realism: 2 (1 - rho) = 1/2, R = -1/2 log2(1 - rho^2).
    least = -0.5 * math.log2(1 - 0.75**2)
    assert row["over perfect realism by ancestral"] == f"{1.1 / least - 1:+.0%}"
