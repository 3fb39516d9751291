"""A trained compressor that is made wider: nothing is lost, and what was missing can be learned quickly."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from picture_files import write_fields
from steady_clock import SteadyClock

from diffdemo.errors import WeightsError
from diffdemo.models.cdc.model import CdcModel, CdcShape, Family
from diffdemo.training import loop
from diffdemo.training.cdc import recipe as cdc_recipe
from diffdemo.training.cdc import train
from diffdemo.training.cdc.losses import Student, compressor_loss
from diffdemo.training.cdc.start import start_compressor
from diffdemo.training.cdc.wider import fit_head, widened
from diffdemo.training.loop import export
from diffdemo.training.pictures import PictureFolder

NARROW = CdcShape(Family.X, 16, (16, 48, 80, 96), hyper=96)
WIDER = replace(NARROW, widths=(16, 48, 80, 128), rising=(96, 64, 24, 16))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small pictures with more in them than 96 numbers for a block can say."""
    return write_fields(tmp_path_factory.mktemp("pictures"), 32)


@pytest.fixture(scope="module")
def crops(folder):
    return PictureFolder(folder, smallest_side=64).crops(48, 64, torch.Generator().manual_seed(0))


@pytest.fixture
def student(crops):
    torch.manual_seed(0)
    student = Student(NARROW)
    start_compressor(student.network, student.head, crops)
    return student


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def decoded(student: Student, crops: torch.Tensor) -> torch.Tensor:
    compressor = student.network.compressor
    with torch.no_grad():
        return student.head(compressor.context(compressor.analyse(crops)[0])[0])


def test_a_wider_model_says_and_shows_what_the_narrow_one_did(student, crops):
    wider = widened(student, WIDER, crops)
    old, new = student.network.compressor, wider.network.compressor
    with torch.no_grad():
        (y, z), (more, same) = old.analyse(crops), new.analyse(crops)
        # Not to the last digit: norms take their mean over more channels.
        assert _difference(more[:, :96], y) < 0.01
        assert _difference(same, z) < 0.01
        for half, narrow in zip(new.hyper_decoder(z).chunk(2, 1), old.hyper_decoder(z).chunk(2, 1), strict=True):
            torch.testing.assert_close(half[:, :96], narrow)
    change = (decoded(wider, crops) - decoded(student, crops)).square().mean()
    error = (decoded(student, crops) - crops).square().mean()
    assert change < 0.05 * error


def test_new_latents_say_what_the_old_ones_left_out(student, crops):
    """A linear function of all latents misses less of the picture than one of the old ones, on other crops as well."""
    torch.manual_seed(1)
    wider = widened(student, WIDER, crops[:40])
    with torch.no_grad():
        more = wider.network.compressor.analyse(crops[40:])[0].permute(0, 2, 3, 1).flatten(0, 2)
    error = crops[40:] - decoded(student, crops[40:])
    missing = torch.nn.functional.unfold(error, 16, stride=16).transpose(1, 2).flatten(0, 1)
    new = more[:, 96:] / more[:, 96:].std()
    slope = torch.linalg.lstsq(new, missing).solution
    assert (missing - new @ slope).square().mean() < 0.7 * missing.square().mean()
    # Nothing is said twice.
    told = more[:, :96] - more[:, :96].mean(0)
    correlation = (told.T @ (new - new.mean(0))) / len(new) / told.std(0)[:, None] / new.std(0)
    assert correlation.square().mean().sqrt() < 0.25


def test_other_changes_of_shape_are_refused(student, crops):
    for shape in (
        replace(WIDER, widths=(16, 48, 96, 128)),
        replace(WIDER, widths=(16, 48, 80, 80)),
        replace(WIDER, rising=(64, 64, 24, 16)),
        replace(WIDER, hyper=64),
    ):
        with pytest.raises(WeightsError, match="nothing else"):
            widened(student, shape, crops)


def test_the_head_is_fitted_to_the_finest_context(student, crops):
    before = (decoded(student, crops) - crops).square().mean()
    with torch.no_grad():
        student.head.weight.normal_()
        student.head.bias.normal_()
    assert (decoded(student, crops) - crops).square().mean() > 10 * before
    fit_head(student, crops)
    assert (decoded(student, crops) - crops).square().mean() < 1.01 * before


def test_a_run_begins_with_narrower_weights_and_lets_them_settle(folder, crops, student, tmp_path, monkeypatch):
    weights = tmp_path / "narrow.safetensors"
    export(student.network, weights, "CDC", step=0, minutes=0)
    monkeypatch.setattr(cdc_recipe, "RISING", (6, 4, 1.5, 1))
    monkeypatch.setattr(cdc_recipe, "STAGES", (1, 3, 5, 8))
    monkeypatch.setattr(cdc_recipe, "HYPER", 6)
    monkeypatch.setattr(train, "SETTLING_STEPS", 2)
    monkeypatch.setattr(train, "OCTAVES", (0, 3))
    monkeypatch.setattr(loop, "time", SteadyClock(0.5))  # The budget below is six steps.
    recipe = cdc_recipe.Recipe(
        minutes=0.05, batch=4, crop=64, large=64, warmup_steps=1, compressor_until=1.0, both_until=1.0
    )
    assert recipe.shape.stages == WIDER.stages
    seen = []

    def watched(student: Student, *args: object) -> torch.Tensor:
        seen.append({name: tensor.detach().clone() for name, tensor in student.network.compressor.state_dict().items()})
        return compressor_loss(student, *args)

    monkeypatch.setattr(train, "compressor_loss", watched)
    trained = CdcModel.load(train.train(folder, tmp_path / "run", recipe, start=weights), device=torch.device("cpu"))
    assert trained.shape == recipe.shape
    begun, settled, later = seen[0], seen[2], seen[4]
    changed = {name.split(".")[0] for name in begun if not torch.equal(begun[name], settled[name])}
    assert changed >= {"context_decoder", "hyper_encoder", "hyper_decoder"}
    assert "encoder" not in changed
    assert not torch.equal(settled["encoder.3.1.weight"], later["encoder.3.1.weight"])
    assert math.isfinite(trained.compressor.prior.median.sum().item())
