"""The training command at toy size: it learns, resumes, and leaves weights that load."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.models.photo import PhotoDenoiser
from diffdemo.training.diffc import LOG_SIGMA_RANGE, LevelMeans, Recipe, draw_log_sigmas, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty small pictures of soft colour fields: enough names for some to be held out."""
    path = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(60):
        small = random.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC).save(path / f"field{number}.png")
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
