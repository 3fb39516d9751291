"""Denoising as a yardstick: what is added, what is asked of whom, and what comes out on a source that is known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from diffdemo.errors import DiffDemoError
from diffdemo.measure.bench import main
from diffdemo.measure.bench.denoisers import denoise
from diffdemo.metrics.distortion import psnr_db


class _Watched:
    """Answers with what it was shown, and remembers it."""

    sigma_min = 0.01

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, float]] = []

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        self.seen.append((z.clone(), sigma))
        return z


class _Wiener:
    """The posterior mean of independent values of a known variance around 0."""

    sigma_min = 0.01

    def __init__(self, variance: float) -> None:
        self._variance = variance

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        return z * self._variance / (self._variance + sigma**2)


def test_the_noise_has_the_deviation_and_is_not_clipped() -> None:
    black = np.zeros((96, 128, 3), np.uint8)
    network = _Watched()
    denoise.denoised_psnr(network, black, 25, seed=0)
    (one, sigma), *_ = network.seen
    noise = (one + 1) * 127.5
    assert sigma == pytest.approx(25 / 127.5)
    assert float(noise.std()) == pytest.approx(25, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0, abs=0.5), "a clipped one would lie above"
    assert sum(len(z) for z, _ in network.seen) == sum(denoise.VIEWS)


def test_without_denoising_the_error_is_that_of_the_noise() -> None:
    grey = np.full((96, 128, 3), 127, np.uint8)
    found = denoise.denoised_psnr(_Watched(), grey, 15, seed=1)
    assert found[1] == pytest.approx(20 * math.log10(255 / 15), abs=0.1)
    assert found[2] == pytest.approx(found[1], abs=1e-3), "a view of the same noise, turned back"


def test_the_right_denoiser_of_a_gaussian_source_has_the_error_of_its_closed_form() -> None:
    deviation, sigma = 20.0, 25.0
    rng = np.random.default_rng(0)
    pixels = np.clip(np.rint(127.5 + deviation * rng.normal(size=(256, 256, 3))), 0, 255).astype(np.uint8)
    found = denoise.denoised_psnr(_Wiener((deviation / 127.5) ** 2), pixels, sigma, seed=2)
    error = deviation**2 * sigma**2 / (deviation**2 + sigma**2)
    assert found[1] == pytest.approx(10 * math.log10(255**2 / error), abs=0.05)


def test_the_command_prints_a_row_for_each_deviation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.stack([x * 4, y * 5, x + y], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    monkeypatch.setattr(denoise, "SIGMAS", (15, 50))
    assert main.main(["denoise", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [(row["sigma"], row["pictures"]) for row in rows] == [(15, 1), (50, 1)]
    noisy = [20 * math.log10(255 / row["sigma"]) for row in rows]
    for row, before in zip(rows, noisy, strict=True):
        assert float(row["1 view dB"]) > before + 3, "the shipped network denoises"
        assert float(row["2 views dB"]) > before + 3
    assert rows[0]["DRUNet on Kodak dB"] == 35.31
    assert "left out" in said.err


def test_what_cannot_be_denoised_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DiffDemoError, match="There are no pictures"):
        main.main(["denoise", str(tmp_path)])
    with pytest.raises(DiffDemoError, match="'cdc-small' does not denoise pictures"):
        main.main(["denoise", str(tmp_path), "--model", "cdc-small"])
    with pytest.raises(SystemExit):
        main.main(["denoise"])
    assert "takes one folder" in capsys.readouterr().err


def test_views_are_averaged() -> None:
    class _Uneven:
        """Adds what depends on the column, so that a mirrored view makes another mistake."""

        sigma_min = 0.01

        def denoise(self, z: Tensor, sigma: float) -> Tensor:
            return torch.linspace(-0.2, 0.2, z.shape[3]).expand(z.shape)

    grey = np.full((32, 64, 3), 127, np.uint8)
    found = denoise.denoised_psnr(_Uneven(), grey, 50, seed=0)
    assert found[2] > 45 > 30 > found[1]
    assert found[2] == pytest.approx(psnr_db(grey, np.full_like(grey, 128)), abs=1e-6)
