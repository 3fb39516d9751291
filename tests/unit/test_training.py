"""Training CDC at toy size: it passes through its stages, resumes, and leaves weights that load."""

from __future__ import annotations

import csv
import signal
from dataclasses import replace

import pytest
import torch
from picture_files import write_fields
from steady_clock import SteadyClock

from diffdemo.errors import Cancelled, WeightsError
from diffdemo.models.cdc.model import CdcModel, CdcShape, Family
from diffdemo.training import loop
from diffdemo.training.cdc import train
from diffdemo.training.cdc.losses import compressor_loss, synthesis_loss
from diffdemo.training.cdc.recipe import Recipe
from diffdemo.training.cdc.start import start_compressor, start_denoiser
from diffdemo.training.pictures import PictureFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small pictures of soft colour fields."""
    return write_fields(tmp_path_factory.mktemp("pictures"), 4)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A tenth of a minute, the budget of most runs below, is ten steps."""
    monkeypatch.setattr(loop, "time", SteadyClock(6 / 10))


@pytest.fixture
def two_rates(monkeypatch):
    """A run ends with a validation, at no more quantisation steps than are looked at."""
    monkeypatch.setattr(train, "OCTAVES", (0, 3))


@pytest.mark.parametrize("muon_rate", [0.0, 0.005])
def test_cdc_passes_through_its_stages_resumes_and_exports(two_rates, folder, tmp_path, capsys, muon_rate):
    recipe = Recipe(minutes=0.1, width=12, batch=2, crop=64, large=128, warmup_steps=5, muon_rate=muon_rate)
    weights = train.train(folder, tmp_path, recipe)
    with (tmp_path / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    # Soft fields are all content: what the principal components of the start carry is nearly everything.
    assert float(last["psnr@1"]) > 25
    assert float(last["bpp@8"]) < float(last["bpp@1"])
    longer = replace(recipe, minutes=0.12)
    assert train.train(folder, tmp_path, longer) == weights
    assert f"resumed at step {last['step']}" in capsys.readouterr().out
    model = CdcModel.load(weights, device=torch.device("cpu"))
    assert model.shape == recipe.shape
    with pytest.raises(WeightsError, match="width 12, not 24"):
        train.train(folder, tmp_path, replace(recipe, width=24))
    with pytest.raises(WeightsError, match="Please choose another folder, or its --muon"):
        train.train(folder, tmp_path, replace(recipe, muon_rate=0.005 - muon_rate))
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".json", ".pt", ".safetensors"}


def test_the_last_stage_changes_what_decodes_and_nothing_that_decides_bits(two_rates, folder, tmp_path, monkeypatch):
    seen = []

    def watched(network, *args):
        seen.append({name: tensor.detach().clone() for name, tensor in network.state_dict().items()})
        return synthesis_loss(network, *args)

    monkeypatch.setattr(train, "synthesis_loss", watched)
    recipe = Recipe(
        minutes=0.1, width=12, batch=2, crop=64, large=64, warmup_steps=5, compressor_until=0.2, both_until=0.3
    )
    train.train(folder, tmp_path, recipe)
    first, last = seen[0], seen[-1]
    changed = {name for name in first if not torch.equal(first[name], last[name])}
    assert any(name.startswith("unet.") for name in changed)
    # Medians follow the prior, which stays.
    assert {name.split(".")[1] for name in changed if name.startswith("compressor.")} == {"context_decoder"}


def test_cdc_that_is_asked_to_stop_keeps_its_work(folder, tmp_path, monkeypatch):
    """A signal in the middle of a step; the run after it begins where this one has ended."""
    recipe = Recipe(minutes=1.0, width=12, batch=2, crop=64, large=128, warmup_steps=5)
    steps = []

    def interrupted(*args: object) -> torch.Tensor:
        steps.append(args)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGTERM)
        return compressor_loss(*args)

    monkeypatch.setattr(train, "compressor_loss", interrupted)
    with pytest.raises(Cancelled, match="stopped at step 3"):
        train.train(folder, tmp_path, recipe)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 3


def test_cdc_starts_as_a_transform_that_the_denoiser_hands_through(folder):
    torch.manual_seed(0)
    student = train.Student(CdcShape(Family.X, 16, (16, 48, 64, 64)))
    crops = PictureFolder(folder, smallest_side=64).crops(16, 64, torch.Generator().manual_seed(0))
    start_compressor(student.network, student.head, crops)
    plain = dict(train.validate(student, crops[:4], plain=True))
    start_denoiser(student.network, student.head)
    handed = dict(train.validate(student, crops[:4], plain=False))
    assert plain["psnr@1"] > 30
    assert handed["psnr@1"] > 20
