"""Evaluations of models that are not shipped: which ones, as points of one curve, and against published numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.cli.parser import main as cli
from diffdemo.codecs.base import Codec
from diffdemo.codecs.cod import CodLite
from diffdemo.codecs.records import Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.records import ModelInfo
from diffdemo.engine.store import ModelStore
from diffdemo.errors import DiffDemoError, WeightsError
from diffdemo.measure import acceptance, evaluate
from diffdemo.measure.results.joined import joined
from diffdemo.measure.summary import summary
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.registry import DEFAULT_MODEL, FROM_HUB, model_spec
from diffdemo.models.spec import Acceptance, Expected, ModelSpec
from tests.released_cod import formula_model, patterned, tiny_shape

SHAPES = {"cod-lite-0.0312": (16, 8), "cod-lite-0.1250": (8, 8), "cod-lite-0.0156": (16, 4)}
"""Stride and bits of the models that are on this computer."""
SIDE = 32
NAMES = [spec.name for spec in FROM_HUB]


def tiny(model: str) -> CodLite:
    return CodLite(formula_model(tiny_shape(*SHAPES[model])), fingerprint=model[-4:].encode())


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models of CoD-Lite that this computer pretends to have."""
    names = list(SHAPES)
    info, load = ModelStore._info, ModelStore.codec

    def pretended(self: ModelStore, spec: ModelSpec, fingerprint: str) -> ModelInfo:
        return replace(info(self, spec, fingerprint), is_here=spec.is_shipped or spec.name in names)

    def loaded(self: ModelStore, model: str) -> Codec:
        return tiny(model) if model in names else load(self, model)

    monkeypatch.setattr(ModelStore, "_info", pretended)
    monkeypatch.setattr(ModelStore, "codec", loaded)
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, size in (("a", (40, 48)), ("b", (33, 64))):
        Image.fromarray(patterned(*size)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def lines_of(results: Path) -> list[dict]:
    return [row for row in map(json.loads, results.read_text().splitlines()) if row["codec"].startswith("cod-lite")]


def test_all_models_that_are_here_are_points_of_one_curve(here, folder, results, capsys):
    arguments = [str(folder), "-o", str(results), "--codecs", "cod-lite", "--bpp", "1", "--looks", "2", "1", "0.001"]
    assert evaluate.main(arguments) == 0
    rows = [row for row in lines_of(results) if row["picture"] == "a.png"]
    curves = [row for row in rows if "points" in row]
    assert {row["codec"] for row in rows} == {"cod-lite deterministic"}
    assert [row["settings"]["model"] for row in curves] == sorted(SHAPES, key=NAMES.index)
    assert {row["settings"]["fingerprint"] for row in curves} == {name[-4:].encode().hex() for name in SHAPES}
    for row in curves:
        codec = tiny(row["settings"]["model"])
        (point,) = row["points"]
        assert (point["stride"], point["code_bits"]) == SHAPES[row["settings"]["model"]]
        assert point["num_bytes"] == len(codec.encode(patterned(40, 48), Target()))
        assert point["target_bpp"] is None, "a model has one rate, whatever is asked for"
        assert row["settings"].keys() == {"model", "fingerprint", "bpp"}, "it reads no knob"
        assert row["settings"]["bpp"] is None
    out = capsys.readouterr().out
    assert "cod-lite deterministic: means over pictures" in out
    table = [line.split()[:5] for line in out.splitlines() if line.strip().startswith("stride")]
    assert sorted(table) == [["stride", "16,", "code_bits", bits, "2"] for bits in "48"] + [
        ["stride", "8,", "code_bits", "8", "2"]
    ]

    (curve,) = joined(curves)
    assert [point["bpp"] for point in curve["points"]] == sorted(row["points"][0]["bpp"] for row in curves)
    looks = [row for row in rows if "looks" in row]
    assert len(looks) == 3
    (look,) = joined(looks)
    assert [each["rate"] for each in look["looks"]] == [2.0, 1.0]
    assert look["looks"][0]["num_bytes"] == max(each["num_bytes"] for row in looks for each in row["looks"])

    before = results.read_text()
    assert evaluate.main(arguments) == 0
    assert results.read_text() == before, "nothing is measured twice"
    here.remove("cod-lite-0.0156")
    capsys.readouterr()
    assert evaluate.main(arguments) == 0
    assert results.read_text() == before


def test_models_can_be_chosen_by_name(here, folder, results):
    assert evaluate.main([str(folder), "-o", str(results), "--models", "cod-lite-0.1250"]) == 0
    assert {row["settings"]["model"] for row in lines_of(results)} == {"cod-lite-0.1250"}
    assert "diffc" not in results.read_text()


def test_another_model_of_a_codec_of_many_rates_has_a_curve_of_its_own(here, folder, results, monkeypatch):
    gaussian = replace(model_spec(DEFAULT_MODEL), name="other", label="other")
    monkeypatch.setattr("diffdemo.engine.store.SHIPPED", [model_spec(DEFAULT_MODEL), gaussian])
    options = ["--bpp", "0.5", "--preset", "fast", "--decoders", "mean"]
    assert evaluate.main([str(folder), "-o", str(results), "--models", "other", DEFAULT_MODEL, *options]) == 0
    curves = {json.loads(line)["codec"] for line in results.read_text().splitlines()}
    assert {"diffc mean", "diffc mean of other"} <= curves


def test_where_no_model_is_here_it_is_said_what_to_fetch(here, folder, results, capsys):
    here.clear()
    with pytest.raises(WeightsError, match=r"No model of CoD-Lite is on this computer; .* cod-lite-0\.0312"):
        evaluate.main([str(folder), "-o", str(results), "--codecs", "cod-lite"])
    with pytest.raises(WeightsError, match=r"download cod-lite-0\.5000"):
        evaluate.main([str(folder), "-o", str(results), "--models", "cod-lite-0.5000"])
    with pytest.raises(WeightsError, match="There is no model 'nonesuch'"):
        evaluate.main([str(folder), "-o", str(results), "--models", "nonesuch"])
    assert cli(["evaluate", str(folder), "--accept", "cod-lite"]) == 1
    assert "No model of CoD-Lite is on this computer" in capsys.readouterr().err
    assert not results.exists()


def test_the_last_line_about_a_model_counts_and_lines_of_others_stay():
    def line(model: str, bpp: float, psnr: float, codec: str = "cod-lite deterministic") -> dict:
        point = {"num_bytes": 1, "bpp": bpp, "psnr_db": psnr, "stride": 16, "code_bits": 8, "target_bpp": None}
        return {"picture": "a", "codec": codec, "settings": {"model": model}, "points": [{**point, "jpeg": None}]}

    jpeg = line("", 0.5, 20.0, "jpeg")
    rows = [line("x", 0.5, 22.0), jpeg, line("y", 0.004, 19.0), line("x", 0.5, 23.0)]
    kept, curve = joined(rows)
    assert kept is jpeg
    assert [(point["bpp"], point["psnr_db"]) for point in curve["points"]] == [(0.004, 19.0), (0.5, 23.0)]
    cells = [line.split() for line in summary(rows).splitlines()]
    between = 19 + 4 * np.log(0.01 / 0.004) / np.log(0.5 / 0.004)
    assert next(row for row in cells if row[:1] == ["0.01"])[-1] == f"{between:.2f}"


def held(monkeypatch: pytest.MonkeyPatch, means: dict[str, dict[str, Expected]]) -> None:
    """Let models have been published with these means over two middles of 32 x 32."""
    spec = evaluate.Catalogue.spec
    monkeypatch.setattr(
        evaluate.Catalogue,
        "spec",
        lambda self, name: replace(
            spec(self, name), acceptance=Acceptance("Made up.", 2, SIDE, means[name]) if name in means else None
        ),
    )


def true_mean(model: str) -> float:
    squares = patterned(40, 48)[4:36, 8:40], patterned(33, 64)[0:32, 16:48]
    codec = tiny(model)
    pictures = [acceptance.decoded(codec, codec.encode(each, Target()), Rendering()) for each in squares]
    return float(np.mean([psnr_db(*pair) for pair in zip(squares, pictures, strict=True)]))


def test_models_that_give_the_published_numbers_are_accepted(here, folder, monkeypatch, capsys):
    means = {name: {"psnr_db": Expected(true_mean(name) + 0.04, 0.05)} for name in list(SHAPES)[:2]}
    held(monkeypatch, means)
    assert evaluate.main([str(folder), "--accept", "cod-lite"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Expected: Made up."
    assert out[1].split() == ["model", "metric", "found", "expected", "within", "verdict"]
    assert [line.split()[0] for line in out[2:]] == ["cod-lite-0.0312", "cod-lite-0.1250"]
    assert all(line.endswith("as published") for line in out[2:])
    assert f"{true_mean('cod-lite-0.0312'):.2f}" in out[2]


def test_one_number_that_differs_is_enough_to_refuse(here, folder, monkeypatch, capsys):
    name = "cod-lite-0.0312"
    held(monkeypatch, {name: {"psnr_db": Expected(true_mean(name) - 0.06, 0.05), "lpips": Expected(0.2, 0.003)}})
    assert evaluate.main([str(folder), "--accept", "cod-lite", "--models", name]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[2].endswith("differs")
    assert out[3].split()[:3] == [name, "LPIPS", "-"]
    assert out[3].endswith("not measured here")


def test_nothing_that_could_be_measured_is_no_acceptance(here, folder, monkeypatch, capsys):
    held(monkeypatch, {"cod-lite-0.0312": {"lpips": Expected(0.2, 0.003)}})
    assert evaluate.main([str(folder), "--accept", "cod-lite"]) == 1
    for path in folder.iterdir():
        path.unlink()
    Image.fromarray(patterned(16, 64)).save(folder / "c.png")
    held(monkeypatch, {"cod-lite-0.0312": {"psnr_db": Expected(20, 100)}})
    assert evaluate.main([str(folder), "--accept", "cod-lite"]) == 1
    err = capsys.readouterr().err
    assert "'c.png' has 64 x 16 pixels; published is what becomes of 32 x 32." in err
    assert "0 pictures of" in err
    assert "the mean over 2" in err


def test_models_that_nothing_was_published_about(here, folder):
    with pytest.raises(DiffDemoError, match="Nothing was published"):
        evaluate.main([str(folder), "--accept", "diffc"])


def test_an_evaluation_needs_a_file_for_its_results(folder, capsys):
    with pytest.raises(SystemExit):
        evaluate.main([str(folder)])
    assert "-o/--output" in capsys.readouterr().err


def test_what_the_released_models_are_held_to():
    published = {"0.0039": 19.03, "0.0078": 19.80, "0.0156": 20.77, "0.0312": 21.99}
    for rate, level in published.items():
        acceptance = model_spec(f"cod-lite-{rate}").acceptance
        assert acceptance is not None
        assert (acceptance.count, acceptance.side) == (24, 512)
        assert acceptance.means["psnr_db"] == Expected(level, 0.05)
    assert model_spec("cod-lite-0.5000").acceptance is None
