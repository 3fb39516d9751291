"""How DiffC's denoiser is trained, for each size of the network."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.models.photo_unet import PhotoUNetShape
from diffdemo.training.criterion import Levels, Weighting

SMALL = PhotoUNetShape((32, 64, 96, 128, 160), (2, 2, 2, 2, 2))
BASE = PhotoUNetShape((64, 128, 192, 256, 320), (2, 2, 2, 2, 2))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome besides pictures and hardware.

    Attributes:
        shape: of the network.
        minutes: training time over all resumed runs; the learning rate follows the elapsed fraction of it.
        steps: if given, what is elapsed is counted in steps instead, and the outcome does not depend on the speed.
        batch, crop: crops a step, and their side.
        large_crop, large_share: side of larger crops (fewer a step), and their share of the steps of the second half.
        levels, weighting: see `criterion`; "relative" divides by the running mean of each noise level's loss.
        dequantise: whether the pictures get back the uniform noise of half a grey level that rounding took.
    """

    shape: PhotoUNetShape = SMALL
    minutes: float = 98.0
    steps: int | None = None
    batch: int = 8
    crop: int = 128
    large_crop: int = 256
    large_share: float = 0.5
    levels: Levels = "normal"
    weighting: Weighting = "relative"
    dequantise: bool = False
    learning_rate: float = 1.5e-3
    warmup_steps: int = 300
    ema_decay: float = 0.999
    weight_decay: float = 1e-4
    seed: int = 0


RECIPES = {
    "small": Recipe(),
    "base": Recipe(shape=BASE, batch=64, learning_rate=1e-3, ema_decay=0.9995),
}
"""By size of the network. Twice as wide a network wants a lower rate; a batch for a large GPU bears it."""
