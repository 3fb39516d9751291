"""The small commands, and command lines that are none."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from diffdemo.cli import parser
from diffdemo.codecs.records import Preset
from diffdemo.codecs.rendering import KNOBS, MAX_STEPS
from diffdemo.engine import Engine
from diffdemo.models.photo_unet import PhotoUNetShape
from diffdemo.training.cdc import train as cdc
from diffdemo.training.diffc import cost
from diffdemo.training.diffc import train as diffc
from tests.golden import shipped
from tests.golden.cases import FOLDER


def test_info(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["info", str(file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["codec"], report["width"], report["height"], report["seed"]) == ("diffc", 128, 96, 3)
    assert report["num_bytes"] == file.stat().st_size
    assert report["bpp"] == pytest.approx(8 * file.stat().st_size / (96 * 128))
    assert [step["number"] for step in report["steps"]] == list(range(1, len(report["steps"]) + 1))
    sigmas = [step["sigma"] for step in report["steps"]]
    ends = [step["end_bytes"] for step in report["steps"]]
    assert sigmas == sorted(sigmas, reverse=True)
    assert ends == sorted(ends)
    assert ends[-1] == file.stat().st_size


def test_info_for_people(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["info", str(file)]) == 0
    out = capsys.readouterr().out
    assert "128 x 96 pixels" in out
    assert "; whole" in out
    assert "step" in out.splitlines()[8]
    (tmp_path / "cut.difd").write_bytes(file.read_bytes()[:300])
    assert parser.main(["info", str(tmp_path / "cut.difd")]) == 0
    assert "300 of " in (out := capsys.readouterr().out)
    assert "; cut" in out


@pytest.mark.parametrize("version", [1, 2])
def test_info_names_the_version(version: int, capsys: pytest.CaptureFixture[str]) -> None:
    case = next(case for case in shipped.CASES if (case.codec_name, case.version) == ("diffc", version))
    path = FOLDER / f"{case.name}.difd"
    assert parser.main(["info", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["version"], report["model"], report["preset"]) == (version, "photo-small", "fast")
    assert parser.main(["info", str(path)]) == 0
    assert f"version {version}" in capsys.readouterr().out


def test_models(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["models", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [model["name"] for model in models] == [model.name for model in engine.models()]
    assert {model["codec"] for model in models} == {"diffc", "cdc", "cod-lite"}
    assert [model["codec"] for model in models if model["is_default"]] == ["diffc", "cdc", "cod-lite"]
    assert parser.main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(model["name"] in out for model in models)


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_train_passes_its_arguments_on(codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        f"diffdemo.training.{codec}.train.train", lambda *args, **options: calls.append((args, options))
    )
    command = ["train", codec, str(tmp_path), "-o", "out", "--minutes", "2", "--exclude", "a", "b c"]
    assert parser.main(command) == 0
    (data, out, recipe), options = calls[0]
    assert (data, out, recipe.minutes) == (tmp_path, Path("out"), 2.0)
    assert options == {"exclude": ("a", "b c"), "device": "cpu"}


def test_train_keeps_to_the_recipe_where_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = []
    for name, module in (("diffc", diffc), ("cdc", cdc)):
        monkeypatch.setattr(module, "train", lambda data, out, recipe, **options: recipes.append(recipe))
        assert parser.main(["train", name, str(tmp_path), "-o", "out"]) == 0
    assert recipes == [diffc.Recipe(), cdc.Recipe()]
    assert parser.main(["train", "cdc", str(tmp_path), "-o", "out", "--width", "24"]) == 0
    assert recipes[-1] == cdc.Recipe(width=24)
    assert parser.main(["train", "cdc", str(tmp_path), "-o", "out", "--texture", "0.1"]) == 0
    assert recipes[-1] == cdc.Recipe(texture=0.1)


def test_train_diffc_takes_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = []
    monkeypatch.setattr(diffc, "train", lambda data, out, recipe, **options: recipes.append(recipe))
    assert parser.main(["train", "diffc", str(tmp_path), "-o", "out", "--rate", "0.001", "--muon", "0.006"]) == 0
    assert (recipes[0].learning_rate, recipes[0].muon_rate) == (0.001, 0.006)


def test_train_cdc_goes_on_from_weights_at_a_lower_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(cdc, "train", lambda data, out, recipe, **options: calls.append((recipe, options)))
    assert parser.main(["train", "cdc", str(tmp_path), "-o", "out", "--start", "old.safetensors"]) == 0
    recipe, options = calls[0]
    assert options["start"] == Path("old.safetensors")
    assert recipe.learning_rate < cdc.Recipe().learning_rate / 2


def test_train_cost_says_what_a_step_takes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = diffc.Recipe(shape=PhotoUNetShape((8, 8), (1, 1), embedding=16), batch=16, crop=64)
    monkeypatch.setattr(cost, "RECIPES", {"tiny": tiny, "twice": replace(tiny, batch=32)})
    assert parser.main(["train", "cost"]) == 0
    once, twice = capsys.readouterr().out.splitlines()
    assert once.startswith("tiny: ")
    flop = [float(line.split(" TFLOP a step")[0].split()[-1]) for line in (once, twice)]
    assert flop[1] == pytest.approx(2 * flop[0], rel=0.1)


def test_train_without_pictures(tmp_path: Path, failure: Callable[[], str]) -> None:
    assert parser.main(["train", "diffc", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 1
    assert "There is no folder" in failure()


def test_train_pack_does_not_take_a_folder_for_a_file(tmp_path: Path, failure: Callable[[], str]) -> None:
    assert parser.main(["train", "pack", str(tmp_path), "-o", str(tmp_path)]) == 1
    assert "is a folder; please name a file" in failure()


@pytest.mark.parametrize("command", ["bench", "evaluate"])
def test_commands_with_their_own_parser_get_their_arguments(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        seen.append(arguments)
        return 3

    monkeypatch.setattr(f"{parser.OWN_PARSERS[command][0]}.main", main)
    assert parser.main([command, "channel", "--help", "-x"]) == 3
    assert seen == [["channel", "--help", "-x"]]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "compress a.png",
        "encode a.png",
        "encode -o b",
        "encode a.png -o b --bpp 0",
        "encode a.png -o b --bpp nan",
        "encode a.png -o b --bytes 1.5",
        "encode a.png -o b --bytes 10 --bpp 1",
        "encode a.png -o b --preset slow",
        "encode a.png -o b --seed -1",
        "encode a.png -o b --seed 4294967296",
        "encode a.png -o b --pre fast",
        "decode a.difd -o b.png --decoder none",
        "decode a.difd -o b.png --realism 1.1",
        "decode a.difd -o b.png --bytes 0",
        "decode a.difd -o b.png --gamma 2.1",
        "decode a.difd -o b.png --eta -0.1",
        "decode a.difd -o b.png --steps 0",
        "decode a.difd -o b.png --steps 1.5",
        "train jpeg data -o out",
        "train data -o out",
        "train diffc data -o out --width 8",
        "train cdc data -o out --width 0",
        "train cdc data -o out --texture -1",
    ],
)
def test_wrong_command_lines(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parser.main(command.split())
    assert raised.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_choices_are_those_of_the_engine() -> None:
    assert set(parser.PRESETS) == set(Preset)
    steps = parser._within(KNOBS["steps"])
    assert steps(str(MAX_STEPS)) == MAX_STEPS
    with pytest.raises(argparse.ArgumentTypeError):
        steps(str(MAX_STEPS + 1))
