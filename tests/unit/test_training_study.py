"""The study of what is worth bits, the page with the logs, and the commands for both."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.cli import parser
from diffdemo.errors import DiffDemoError
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.training.diffc import study, train
from diffdemo.training.diffc.criterion import REPORTED, VALIDATION_SIGMAS
from diffdemo.training.diffc.recipe import RECIPES, Recipe
from diffdemo.training.gain import last_hour, rate_change
from diffdemo.training.log import Log
from diffdemo.training.plot import figure


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of soft colour fields, just large enough for validation."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    for number in range(40):
        small = random.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(small).resize((256, 256), Image.Resampling.BICUBIC).save(folder / f"f{number}.webp", quality=90)
    assert parser.main(["train", "pack", str(folder), "-o", str(folder / "pictures.tar")]) == 0
    return folder / "pictures.tar"


def curve(rate: float = 1.0, *, quality: float = 0.0, name: str = study.BASELINE) -> study.Row:
    """Six decibels an octave of noise, and a rate inverse to it, scaled."""
    row: study.Row = {"run": name, "name": name, "differs": "", "steps": 5, "parameters": 7}
    row |= {"forward_s": 0.01, "step_s": 0.1}
    for i in REPORTED:
        sigma = VALIDATION_SIGMAS[i]
        row[f"bpp@{sigma:.4g}"] = rate * 0.1 / sigma
        row[f"psnr@{sigma:.4g}"] = 20 - 20 * math.log10(sigma) + quality
    return row


def test_the_rate_change_joins_rate_and_quality() -> None:
    base = curve()
    assert rate_change(base, base) == 0
    assert rate_change(curve(0.9), base, study.JUDGED) == pytest.approx(-0.1)
    # Twenty decibels are a factor of ten in rate: one decibel is 10^(1/20).
    assert rate_change(curve(quality=1.0), base, study.JUDGED) == pytest.approx(10 ** (-1 / 20) - 1, abs=1e-6)
    assert rate_change(curve(10 ** (1 / 20), quality=1.0), base, study.JUDGED) == pytest.approx(0, abs=1e-6)


def test_the_table_has_a_line_for_each_row_in_the_order_of_the_ablations() -> None:
    lines = study.table([curve(0.9, name="dequantise"), curve(), curve(1.1, name="weight-edm")]).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| baseline", "| weight-edm", "| dequantise"]
    assert [line.split(" | ")[-1] for line in lines[2:]] == ["- |", "+10.0 % |", "-10.0 % |"]
    assert len({line.count("|") for line in lines}) == 1
    with pytest.raises(DiffDemoError, match="baseline is not finished"):
        study.table([curve(name="seed")])


def test_every_ablation_differs_from_the_baseline_in_what_it_says() -> None:
    base = study.base_recipe(100)
    recipes = [replace(base, **ablation.changes) for ablation in study.ABLATIONS]
    settings = {(repr(recipe), ablation.halvings) for recipe, ablation in zip(recipes, study.ABLATIONS, strict=True)}
    assert len(settings) == len(study.ABLATIONS) == len({ablation.name for ablation in study.ABLATIONS})
    for recipe in recipes:
        assert recipe.batch * recipe.crop**2 == base.batch * base.crop**2
        parameters = sum(p.numel() for p in PhotoUNet(recipe.shape).parameters())
        assert parameters == pytest.approx(981_020, rel=0.05)


def test_a_study_runs_and_goes_on(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "NARROW", PhotoUNetShape((8, 8), (1, 1), embedding=16))
    monkeypatch.setattr(study, "ABLATIONS", study.ABLATIONS[:3])
    command = ["train", "study", str(archive), "-o", str(tmp_path), "--steps", "5"]
    assert parser.main([*command, "--only", "weight-edm"]) == 0
    path = tmp_path / "study.jsonl"
    first = path.read_text()
    # A warm average of five steps forgets faster than 0.9: beside it there is only the network itself.
    assert [json.loads(line)["name"] for line in first.splitlines()] == ["baseline", "ema-0", "weight-edm"]
    assert parser.main(command) == 0
    assert path.read_text().startswith(first)
    rows = study.read_rows(path)
    assert [row["name"] for row in rows] == ["baseline", "ema-0", "weight-edm", "seed"]
    assert len({row["bpp@0.25"] for row in rows}) == 4
    assert all(row["step_s"] > 0 and row["forward_s"] > 0 for row in rows)


def test_a_study_is_repeatable(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "NARROW", PhotoUNetShape((8, 8), (1, 1), embedding=16))
    one, two = (study.study(archive, tmp_path / name, steps=3, only=["baseline"]) for name in ("a", "b"))
    assert one[0]["bpp@0.25"] == two[0]["bpp@0.25"]


def test_a_study_of_unknown_or_mixed_runs(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "study", str(archive), "-o", str(tmp_path)]
    assert parser.main([*command, "--only", "magic"]) == 1
    assert "no ablation 'magic'; choose from baseline, seed" in capsys.readouterr().err
    (tmp_path / "study.jsonl").write_text(json.dumps(curve()) + "\n")
    assert parser.main([*command, "--steps", "6"]) == 1
    assert "runs of 5 steps, not 6" in capsys.readouterr().err
    assert parser.main(["train", "table", "-o", str(tmp_path)]) == 0
    assert "| baseline |" in capsys.readouterr().out


def test_the_last_hour_is_counted_from_the_last_validation_before_it() -> None:
    rows = [curve(rate) | {"minutes": minutes} for rate, minutes in ((2.0, 10), (1.5, 40), (1.2, 50), (0.9, 110))]
    assert last_hour(rows) == (60, pytest.approx(0.9 / 1.2 - 1))
    assert last_hour(rows[:2]) == (30, pytest.approx(1.5 / 2.0 - 1))
    assert last_hour(rows[:1]) is None
    backwards = [dict(reversed(row.items())) for row in rows]
    assert last_hour(backwards) == last_hour(rows)


def test_the_page_with_the_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rate in (("first", 1.0), ("second", 0.9)):
        (tmp_path / name).mkdir()
        log = Log(tmp_path / name / "log.csv")
        for step in (100, 200):
            values = {k: v for k, v in curve(rate * 100 / step).items() if "@" in k}
            log.add({"step": step, "minutes": step / 50, "loss": 1.0} | values)
    runs = [tmp_path / "first", tmp_path / "second"]
    assert Log(runs[0] / "log.csv").last_step() == 200
    assert Log(tmp_path / "log.csv").last_step() is None
    drawn = figure(runs, over="step")
    # Four noise levels in rate and in quality, and the last curve, for each run.
    assert len(drawn.data) == 2 * (4 + 4 + 1)
    assert list(drawn.data[0].x) == [100, 200]
    ends = [trace for trace in drawn.data if "step 200" in (trace.name or "")]
    assert [len(trace.x) for trace in ends] == [len(REPORTED)] * 2
    assert ends[1].x[0] == pytest.approx(0.9 * ends[0].x[0], rel=1e-5)
    page = tmp_path / "plot.html"
    assert parser.main(["train", "plot", *map(str, runs), "-o", str(page)]) == 0
    assert "second" in page.read_text(encoding="utf-8")
    told = capsys.readouterr().out
    assert told.count("the last 2 minutes changed the rate at equal PSNR by -50.00 %") == 2
    assert told.endswith(f"{runs[1]}: -10.00 % against {runs[0]}\n")
    assert parser.main(["train", "plot", str(tmp_path), "-o", str(page)]) == 1
    assert "has no log yet" in capsys.readouterr().err


def test_the_command_line_trains_every_size(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(train, "train", lambda *args, **options: calls.append((args, options)))
    command = ["train", "diffc", str(archive), "-o", str(tmp_path)]
    assert parser.main([*command, "--size", "base", "--steps", "9", "--batch", "3", "--compile"]) == 0
    assert parser.main(command) == 0
    (first, first_options), (second, second_options) = calls
    assert first == (archive, tmp_path, replace(RECIPES["base"], steps=9, batch=3))
    assert first_options == {"exclude": (), "device": "cpu", "compiled": True}
    assert second[2] == Recipe()
    assert second_options == {"exclude": (), "device": "cpu"}
    assert set(parser.SIZES) == set(RECIPES)


@pytest.mark.parametrize(
    "command",
    ["train pack x", "train plot -o a.html", "train study x -o y --steps 0", "train diffc x -o y --size huge"],
)
def test_wrong_commands(command: str) -> None:
    with pytest.raises(SystemExit) as raised:
        parser.main(command.split())
    assert raised.value.code == 2


def test_packing_to_nowhere(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["train", "pack", str(archive), "-o", str(tmp_path / "no" / "a.tar")]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_both_devices_take_the_same_batch(archive: Path) -> None:
    """Crops are chosen by the CPU wherever the pictures lie."""
    from diffdemo.training.pictures import PictureFolder

    pictures = PictureFolder(archive)
    generator = torch.Generator().manual_seed(3)
    before = pictures.crops(2, 128, generator)
    moved = pictures.to(torch.device("meta"))
    assert moved.crops(2, 128, generator.manual_seed(3)).shape == before.shape
    assert all(picture.device.type == "meta" for picture in moved.training)
