"""Training DiffC's denoiser at toy size: it learns, stops and resumes at any moment, and leaves weights that load."""

from __future__ import annotations

import csv
import math
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import write_fields
from steady_clock import SteadyClock

from diffdemo.cli.parser import main
from diffdemo.errors import Cancelled, WeightsError
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.training import checkpoint, loop
from diffdemo.training.diffc import overfitting
from diffdemo.training.diffc.criterion import (
    LOG_SIGMA_RANGE,
    VALIDATION_SIGMAS,
    LevelMeans,
    draw_log_sigmas,
    level_weights,
    validate,
)
from diffdemo.training.diffc.recipe import RECIPES, Recipe
from diffdemo.training.diffc.train import Training, train
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder, centres
from diffdemo.training.stopping import Stopping

TINY = Recipe(
    shape=PhotoUNetShape((8, 12), (1, 1), embedding=16),
    steps=30,
    batch=4,
    crop=32,
    large_crop=64,
    warmup_steps=5,
    ema_decay=0.9,
    learning_rate=3e-3,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures of soft colour fields."""
    return write_fields(tmp_path_factory.mktemp("fields"), 4)


@pytest.fixture(scope="module")
def pictures(folder: Path) -> PictureFolder:
    return PictureFolder(folder, smallest_side=32)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open() as file:
        return list(csv.DictReader(file))


def flat(net: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def test_training_learns_resumes_and_exports(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "time", SteadyClock(1.2 / 30))  # The first run below is thirty steps.
    recipe = replace(TINY, steps=None, minutes=0.02)
    weights = train(folder, tmp_path, recipe)
    first = rows(tmp_path)[-1]
    assert float(first["psnr@0.25"]) > 10 * math.log10(4 / 0.25**2)
    assert train(folder, tmp_path, replace(recipe, minutes=0.03)) == weights
    said = capsys.readouterr().out
    assert f"resumed at step {first['step']}" in said
    assert "first step after" in said
    assert int(rows(tmp_path)[-1]["step"]) > int(first["step"])
    assert PhotoDenoiser.load(weights, device=CPU).num_parameters == flat(PhotoUNet(TINY.shape)).numel()
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".json", ".pt", ".safetensors"}


def test_a_finished_run_is_not_trained_again(folder: Path, tmp_path: Path) -> None:
    weights = train(folder, tmp_path, replace(TINY, steps=3))
    before = weights.read_bytes()
    assert train(folder, tmp_path, replace(TINY, steps=3)) == weights
    assert [row["step"] for row in rows(tmp_path)] == ["3"]
    assert weights.read_bytes() == before
    # Killed in its last validation: that is all there is left to do.
    (tmp_path / "log.csv").unlink()
    train(folder, tmp_path, replace(TINY, steps=3))
    assert [row["step"] for row in rows(tmp_path)] == ["3"]


@pytest.mark.parametrize("muon_rate", [0.0, 0.02])
def test_stopping_and_resuming_gives_what_one_run_gives(
    pictures: PictureFolder, tmp_path: Path, muon_rate: float
) -> None:
    whole, first, again = (Training(replace(TINY, muon_rate=muon_rate), CPU) for _ in range(3))
    start = flat(whole.net)
    for _ in range(30):
        whole.advance(pictures)
    for _ in range(14):
        first.advance(pictures)
    checkpoint.save(tmp_path / "c.pt", first.state())
    again.restore(checkpoint.load(tmp_path / "c.pt"))
    assert torch.equal(flat(again.net), flat(first.net))
    while again.elapsed < 1:
        again.advance(pictures)
    assert again.step == whole.step == 30
    # The same crops, noise levels and noise; only the optimizer's moments were rounded to bfloat16.
    assert torch.equal(again.choices.get_state(), whole.choices.get_state())
    assert torch.equal(again.noise.get_state(), whole.noise.get_state())
    for one, other in ((again.net, whole.net), (again.ema, whole.ema)):
        assert (flat(one) - flat(other)).norm() < 0.02 * (flat(other) - start).norm()
    assert float(again.loss) == pytest.approx(float(whole.loss), rel=1e-2)


def test_another_order_of_crops_is_what_the_comparison_would_notice(pictures: PictureFolder) -> None:
    one, other = Training(TINY, CPU), Training(TINY, CPU)
    start = flat(one.net)
    other.choices.manual_seed(99)
    for training in (one, other):
        for _ in range(30):
            training.advance(pictures)
    assert (flat(one.net) - flat(other.net)).norm() > 0.1 * (flat(one.net) - start).norm()


def test_a_checkpoint_takes_ten_bytes_a_parameter(pictures: PictureFolder, tmp_path: Path) -> None:
    training = Training(replace(TINY, shape=PhotoUNetShape((32, 64), (2, 2))), CPU)
    training.advance(pictures)
    checkpoint.save(tmp_path / "c.pt", training.state())
    assert (tmp_path / "c.pt").stat().st_size < 10 * flat(training.net).numel() + 60_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint(
    number: signal.Signals, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Training.advance

    def advance_and_signal(self: Training, pictures: PictureFolder) -> None:
        advance(self, pictures)
        if self.step == 4:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Training, "advance", advance_and_signal)
    before = signal.getsignal(number)
    with pytest.raises(Cancelled, match="stopped at step 4; the same command goes on"):
        train(folder, tmp_path, TINY)
    assert signal.getsignal(number) is before
    assert checkpoint.load(tmp_path / "checkpoint.pt")["step"] == 4
    assert PhotoDenoiser.load(tmp_path / "weights.safetensors", device=CPU).num_parameters > 0
    train(folder, tmp_path, TINY)
    assert rows(tmp_path)[-1]["step"] == "30"


def test_a_second_signal_ends_at_once(request: pytest.FixtureRequest) -> None:
    # A shell that starts tests in the background has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(KeyboardInterrupt), Stopping() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)
        # On a busy machine the signal may reach another thread first, and this one later.
        for _ in range(3000):
            time.sleep(0.01)


def test_a_run_may_begin_with_the_weights_of_another(folder: Path, pictures: PictureFolder, tmp_path: Path) -> None:
    weights = train(folder, tmp_path / "first", TINY)
    crops = pictures.validation_crops(4, 64)
    fresh, begun = Training(TINY, CPU), Training(TINY, CPU)
    begun.begin(weights, pictures)
    assert begun.step == 0
    key = "bpp@0.25"
    assert validate(begun.ema, crops, CPU)[key] == pytest.approx(float(rows(tmp_path / "first")[-1][key]), rel=0.2)
    assert validate(begun.ema, crops, CPU)[key] < 0.9 * validate(fresh.ema, crops, CPU)[key]
    train(folder, tmp_path / "second", replace(TINY, steps=2), start=weights)
    assert [row["step"] for row in Log(tmp_path / "second" / "log.csv").rows()] == [0, 2]
    assert rows(tmp_path / "second")[-1]["step"] == "2"
    wider = replace(TINY, shape=replace(TINY.shape, channels=tuple(2 * c for c in TINY.shape.channels)))
    with pytest.raises(WeightsError, match="another network"):
        train(folder, tmp_path / "third", wider, start=weights)


def test_what_is_learned_by_heart_shows(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a network that has become better on training pictures and worse on held-out ones."""
    weights = train(folder, tmp_path, replace(TINY, steps=2))
    pictures = PictureFolder(folder, smallest_side=64, halvings=0)
    judged = []

    def judge(network: object, crops: torch.Tensor, device: torch.device) -> dict[str, float]:
        judged.append(crops)
        rate = (1.0, 0.9, 1.0, 1.1)[len(judged) - 1]
        return {"bpp@1": rate, "psnr@1": 20.0, "bpp@0.5": 2 * rate, "psnr@0.5": 30.0}

    monkeypatch.setattr(overfitting, "SIDE", 64)
    monkeypatch.setattr(overfitting, "validate", judge)
    assert main(["train", "overfitting", str(folder), str(weights), str(weights), "--pictures", "3"]) == 0
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first == "3 training pictures: -10.00 % of rate at equal PSNR"
    assert second.endswith("held-out pictures: +10.00 % of rate at equal PSNR")
    assert torch.equal(judged[1][:1], centres(pictures.training[:1], 64))
    assert torch.equal(judged[3][:1], centres(pictures.held_out[:1], 64))


def test_a_checkpoint_of_another_network_is_refused(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path, replace(TINY, steps=2))
    with pytest.raises(WeightsError, match="another shape"):
        train(folder, tmp_path, replace(TINY, shape=PhotoUNetShape((8, 16), (1, 1), embedding=16)))


@pytest.mark.parametrize(
    "change",
    [
        {"levels": "uniform"},
        {"weighting": "edm"},
        {"levels": "uniform", "weighting": "bits"},
        {"dequantise": True},
        {"large_share": 1.0},
    ],
)
def test_every_recipe_learns(change: dict[str, object], pictures: PictureFolder) -> None:
    recipe = replace(TINY, **change)
    training = Training(recipe, CPU)
    crops = pictures.validation_crops(2, 64)
    before = validate(training.net, crops, CPU)
    for _ in range(30):
        training.advance(pictures)
    assert validate(training.net, crops, CPU)["bpp@0.25"] < 0.97 * before["bpp@0.25"]


def test_sizes_are_what_they_promise() -> None:
    sizes = {name: flat(PhotoUNet(recipe.shape)).numel() for name, recipe in RECIPES.items()}
    assert sizes.keys() == {"small", "base"}
    assert 3_500_000 < sizes["small"] <= 4_000_000
    assert 12_000_000 < sizes["base"] <= 16_000_000
    assert RECIPES["small"] == Recipe()


def test_the_learning_rate_follows_the_budget_in_steps_or_minutes() -> None:
    training = Training(replace(TINY, steps=100, warmup_steps=10), CPU)
    rates = []
    for training.step in (0, 9, 50, 99, 100):
        rates.append(training.learning_rate / TINY.learning_rate)
    assert rates == pytest.approx([0.1, 0.98, 0.5, 0.0002, 0.0], abs=0.001)
    timed = Training(replace(TINY, steps=None, minutes=10, warmup_steps=1), CPU)
    timed.seconds = 300.0
    assert timed.elapsed == 0.5
    assert timed.learning_rate == pytest.approx(0.5 * TINY.learning_rate)


def test_noise_levels_are_stratified() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([draw_log_sigmas(8, generator) for _ in range(500)])
    assert drawn.mean() == pytest.approx(-1.9, abs=0.05)
    assert drawn.std() == pytest.approx(1.5, abs=0.1)
    assert LOG_SIGMA_RANGE[0] <= drawn.min()
    spread = [draw_log_sigmas(8, generator).mean().item() for _ in range(200)]
    assert np.std(spread) < 0.5 * 1.5 / math.sqrt(8)


def test_uniform_noise_levels_cover_the_range() -> None:
    drawn = draw_log_sigmas(1000, torch.Generator().manual_seed(0), "uniform").sort().values
    low, high = LOG_SIGMA_RANGE
    expected = low + (high - low) * (torch.arange(1000) + 0.5) / 1000
    assert (drawn - expected).abs().max() < (high - low) / 1000


def test_level_means_follow_each_level_on_its_own() -> None:
    means = LevelMeans()
    for _ in range(800):
        means.update(torch.tensor([-3.0, 1.0, 1.0]), torch.tensor([0.2, 4.0, 6.0]))
    assert means(torch.tensor([-3.0, 1.0])).tolist() == pytest.approx([0.2, 5.0], rel=0.01)


def test_weights_of_levels() -> None:
    sigma = torch.tensor([0.1, 1.0])
    assert level_weights(sigma, "bits").tolist() == pytest.approx([100.0, 1.0])
    assert level_weights(sigma, "edm").tolist() == pytest.approx([0.26 / 0.0025, 1.25 / 0.25])


@pytest.mark.parametrize("variance", [0.05, 0.3])
def test_validation_is_the_rate_of_a_gaussian_source(variance: float) -> None:
    """White noise has a closed form: log2(1 + variance / sigma^2) / 2 bits a value, at an error of u."""
    torch.manual_seed(0)
    crops = variance**0.5 * torch.randn(2, 3, 64, 64)
    report = validate(lambda z, sigma: z * variance / (variance + sigma[:, None, None, None] ** 2), crops, CPU)
    for sigma in (0.5, 0.125, 1 / 32):
        bits = 3 * 0.5 * math.log2(1 + variance / sigma**2)
        u = variance * sigma**2 / (variance + sigma**2)
        assert report[f"bpp@{sigma:.4g}"] == pytest.approx(bits, rel=0.05 if sigma == 0.5 else 0.02)
        assert report[f"psnr@{sigma:.4g}"] == pytest.approx(10 * math.log10(4 / u), abs=0.1)
    assert 1 / 64 in VALIDATION_SIGMAS


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_the_same_command_trains_on_a_gpu(compiled: bool, folder: Path, tmp_path: Path) -> None:
    weights = train(folder, tmp_path, replace(TINY, steps=20), device="cuda", compiled=compiled)
    assert PhotoDenoiser.load(weights, device=torch.device("cuda")).num_parameters > 0
    train(folder, tmp_path, replace(TINY, steps=30), device="cuda", compiled=compiled)
    assert [row["step"] for row in rows(tmp_path)] == ["20", "30"]
