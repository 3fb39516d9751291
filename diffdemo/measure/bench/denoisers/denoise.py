"""How good the network behind DiffC is as a denoiser, beside those that were published.

    python -m diffdemo bench denoise DIR [--model NAME]

DiffC's ideal rate is an integral of its network's squared error over noise levels (`docs/diffc.md`), so that a better
denoiser is a better codec, and denoising is measured by everybody. The protocol is that of the literature on colour
denoising: white Gaussian noise of a deviation in 8-bit levels is added to whole pictures, the noisy ones are neither
clipped nor rounded, the network is told the deviation, and its answers are rounded to 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.views import Views
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.hardware.device import choose_device
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.images import Pixels, to_image, to_pixels
from diffdemo.measure.bench.cdc import Row
from diffdemo.measure.comparison.intervals import mean_interval
from diffdemo.measure.results.troubles import say
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.registry import DEFAULT_MODEL
from diffdemo.models.space import PixelSpace
from diffdemo.pictures import load_picture
from diffdemo.pictures.folder import picture_paths, require_picture_file

SIGMAS = (15, 25, 50)
"""Deviations of the noise, in 8-bit levels."""
VIEWS = (1, 2)
PUBLISHED = {
    "FFDNet": {15: 34.63, 25: 32.13, 50: 28.98},
    "DRUNet": {15: 35.31, 25: 32.89, 50: 29.86},
    "Restormer": {15: 35.47, 25: 33.04, 50: 30.01},
}
"""PSNR in dB on Kodak24: Zamir et al. 2022, "Restormer" (arXiv:2111.09881), table on colour denoising, models that are
trained for one noise level after the other or told it."""


@torch.inference_mode()
def bench_denoise(folder: Path, model: str = DEFAULT_MODEL) -> Iterator[Row]:
    """A row for each deviation: mean PSNR over the pictures of a folder by the number of views, and published ones.

    Args:
        folder: with pictures; what is said of others holds for the 24 of Kodak alone.
        model: of DiffC, whose signal are pixels.

    Raises:
        DiffDemoError: there is nothing to denoise, or nothing that denoises pictures.
    """
    network = _network(model)
    pictures = list(_pictures(folder))
    if not pictures:
        raise DiffDemoError(f"There are no pictures in '{folder}' that could be denoised; please name another folder.")
    for sigma in SIGMAS:
        found: dict[int, list[float]] = {views: [] for views in VIEWS}
        for number, pixels in enumerate(pictures):
            for views, value in denoised_psnr(network, pixels, sigma, seed=number).items():
                found[views].append(value)
        row: Row = {"sigma": sigma, "pictures": len(pictures)}
        for views, values in found.items():
            row[f"{views} view{'s' * (views > 1)} dB"] = mean_interval(values).text(".2f")
        yield row | {f"{name} on Kodak dB": values[sigma] for name, values in PUBLISHED.items()}


def denoised_psnr(network: Denoiser, pixels: Pixels, sigma: float, *, seed: int) -> dict[int, float]:
    """PSNR in dB of what a network makes of a noisy picture, by the number of views.

    Args:
        network: of images in [-1, 1].
        pixels: uint8 [H,W,3].
        sigma: deviation of the noise in 8-bit levels.
        seed: of the noise.
    """
    x = to_image(pixels)
    level = sigma / 127.5
    z = x + level * white_noise(tuple(x.shape), seed, stream=0)
    return {count: psnr_db(pixels, to_pixels(Views(network, count).denoise(z, level))) for count in VIEWS}


def _network(model: str) -> Denoiser:
    codec = Catalogue(choose_device("auto"), model=None, memory=None, is_fixed=False).codec(model)
    space = getattr(codec, "space", None)
    if not isinstance(space, PixelSpace):
        raise DiffDemoError(
            f"The model '{model}' does not denoise pictures; please name one of DiffC that works on pixels, such as "
            f"'{DEFAULT_MODEL}'."
        )
    return space.denoiser()


def _pictures(folder: Path) -> Iterator[Pixels]:
    for path in picture_paths(folder):
        try:
            require_picture_file(path)
            yield load_picture(path).pixels
        except ImageError as error:
            say(f"left out: {error}")
