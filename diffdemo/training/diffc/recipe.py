"""How DiffC's denoiser is trained, for each size of the network."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.models.photo_unet import PhotoUNetShape
from diffdemo.training.diffc.criterion import Levels, Weighting
from diffdemo.training.recipe import BaseRecipe, cosine

SMALL = PhotoUNetShape((32, 64, 96, 128, 160), (2, 2, 2, 2, 2))
BASE = PhotoUNetShape((64, 128, 192, 256, 320), (2, 2, 2, 2, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(BaseRecipe):
    """How a denoiser is trained.

    Attributes:
        shape: of the network.
        large_crop, large_share: side of larger crops (fewer a step), and their share of the steps of the second half.
        levels, weighting: see `criterion`; "relative" divides by the running mean of each noise level's loss.
        dequantise: whether the pictures get back the uniform noise of half a grey level that rounding took.
        weight_decay: of all weights.
    """

    shape: PhotoUNetShape = SMALL
    minutes: float = 98.0
    large_crop: int = 256
    large_share: float = 0.5
    levels: Levels = "normal"
    weighting: Weighting = "relative"
    dequantise: bool = False
    learning_rate: float = 1.5e-3
    warmup_steps: int = 300
    ema_decay: float = 0.999
    weight_decay: float = 1e-4

    def rate(self, fraction: float) -> float:
        """A cosine of the elapsed fraction, to zero: its last part brings most."""
        return self.learning_rate * cosine(fraction)


RECIPES = {
    "small": Recipe(),
    "base": Recipe(shape=BASE, batch=64, learning_rate=1e-3, ema_decay=0.9995),
}
"""By size of the network. Twice as wide a network wants a lower rate; a batch for a large GPU bears it."""
