"""The training commands at toy size: they learn, resume, and leave weights that load."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.errors import WeightsError
from diffdemo.models.cdc import CdcModel, CdcShape, Family
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.training import cdc
from diffdemo.training.cdc_start import start_compressor, start_denoiser
from diffdemo.training.diffc import LOG_SIGMA_RANGE, LevelMeans, Recipe, draw_log_sigmas, train
from diffdemo.training.pictures import PictureFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty small pictures of soft colour fields: enough names for some to be held out."""
    path = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(60):
        small = random.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC).save(path / f"field{number}.png")
    return path


def test_training_learns_resumes_and_exports(folder, tmp_path, capsys):
    recipe = Recipe(minutes=0.08, pixels=4 * 32 * 32, crop=32, large_crop=64, warmup_steps=5, ema_decay=0.9)
    weights = train(folder, tmp_path, recipe)
    with (tmp_path / "log.csv").open() as file:
        first = list(csv.DictReader(file))[-1]
    assert float(first["psnr@0.25"]) > 10 * math.log10(4 / 0.25**2)
    longer = Recipe(**{**{k: getattr(recipe, k) for k in recipe.__slots__}, "minutes": 0.12})
    assert train(folder, tmp_path, longer) == weights
    assert f"resumed at step {first['step']}" in capsys.readouterr().out
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["step"]) > int(first["step"])
    assert PhotoDenoiser.load(weights, device=torch.device("cpu")).num_parameters > 3_000_000
    assert not list(tmp_path.glob("*.tmp"))


def test_cdc_passes_through_its_stages_resumes_and_exports(folder, tmp_path, capsys):
    recipe = cdc.Recipe(minutes=0.1, batch=2, crop=64, warmup_steps=5)
    weights = cdc.train(folder, tmp_path, recipe)
    with (tmp_path / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    # Soft fields are all content: what the principal components of the start carry is nearly everything.
    assert float(last["psnr@1"]) > 25
    assert float(last["bpp@8"]) < float(last["bpp@1"])
    longer = replace(recipe, minutes=0.12)
    assert cdc.train(folder, tmp_path, longer) == weights
    assert f"resumed at step {last['step']}" in capsys.readouterr().out
    model = CdcModel.load(weights, device=torch.device("cpu"))
    assert model.shape == recipe.shape
    with pytest.raises(WeightsError, match="width 16, not 24"):
        cdc.train(folder, tmp_path, replace(recipe, width=24))
    assert not list(tmp_path.glob("*.tmp"))


def test_cdc_starts_as_a_transform_that_the_denoiser_hands_through(folder):
    torch.manual_seed(0)
    student = cdc.Student(CdcShape(Family.X, 16, (16, 48, 64, 64)))
    crops = PictureFolder(folder, smallest_side=64).crops(16, 64, torch.Generator().manual_seed(0))
    start_compressor(student.network, student.head, crops)
    plain = dict(cdc.validate(student, crops[:4], plain=True))
    start_denoiser(student.network, student.head)
    handed = dict(cdc.validate(student, crops[:4], plain=False))
    assert plain["psnr@1"] > 30
    assert handed["psnr@1"] > 20


def test_noise_levels_are_stratified():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([draw_log_sigmas(8, generator) for _ in range(500)])
    assert drawn.mean() == pytest.approx(-1.9, abs=0.05)
    assert drawn.std() == pytest.approx(1.5, abs=0.1)
    assert LOG_SIGMA_RANGE[0] <= drawn.min()
    spread = [draw_log_sigmas(8, generator).mean().item() for _ in range(200)]
    assert np.std(spread) < 0.5 * 1.5 / math.sqrt(8)


def test_level_means_follow_each_level_on_its_own():
    means = LevelMeans()
    for _ in range(800):
        means.update(torch.tensor([-3.0, 1.0]), torch.tensor([0.2, 5.0]))
    assert means(torch.tensor([-3.0, 1.0])).tolist() == pytest.approx([0.2, 5.0], rel=0.01)
