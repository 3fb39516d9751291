"""How CDC is trained: the shape of its networks, the stages of a run, learning rates and prices."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.models.cdc.model import CdcShape, Family
from diffdemo.training.recipe import BaseRecipe, cosine

OCTAVES = range(-1, 5)
"""Training covers delta = 2^-1 ... 2^4: from more than 1.5 down to 0.1 bits per pixel on photographs."""
STAGES = (1, 3, 8, 16)
RISING = (14, 7, 2.5, 1)
"""Wide where resolution is low and channels are cheap: a block of 16x16 pixels is 256 latents, and on its way back
passes through at least 224 numbers; see `CdcShape`."""
HYPER = 10
CONTINUED_RATE = 3.0e-4
"""Of a compressor that has been trained before: rate does not survive more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(BaseRecipe):
    """How compressor and denoiser are trained; the stages, too, follow the elapsed fraction.

    Attributes:
        width: base channels, at least 12; the encoder's stages have `STAGES` times as many, the context decoder's
            blocks `RISING` times, the hyperprior `HYPER` times.
        crop: a multiple of 64.
        large: side of the crops of every other step of the first stage, fewer of them a step. The hyperprior has one
            value for 64 pixels: on small crops it meets hardly anything but borders.
        learning_rate, synthesis_learning_rate: at the beginning of the first and of the third stage.
        texture: weight of the energy score of draws from noise in the third stage, see `synthesis_loss`.
        first_price: lambda at delta = 1: squared error on [-1, 1] that a bit per pixel has to save.
        compressor_until, both_until: elapsed fractions at which the second and the third stage begin.
    """

    minutes: float = 50.0
    width: int = 16
    large: int = 256
    first_price: float = 1.5e-3
    compressor_until: float = 0.5
    both_until: float = 0.6
    learning_rate: float = 7.0e-4
    synthesis_learning_rate: float = 6.0e-4
    texture: float = 0.0
    warmup_steps: int = 200
    ema_decay: float = 0.998

    @property
    def shape(self) -> CdcShape:
        """Of the model."""
        return CdcShape(
            Family.X,
            self.width,
            tuple(self.width * factor for factor in STAGES),
            tuple(int(self.width * factor) for factor in RISING),
            self.width * HYPER,
        )

    def rate(self, fraction: float) -> float:
        """Learning rate at an elapsed fraction.

        It falls as long as latents and scales are learned, which do not survive a rise; what comes behind them gets a
        cosine of its own.
        """
        if fraction < self.both_until:
            return self.learning_rate * (0.2 + 0.8 * cosine(fraction / self.both_until))
        return self.synthesis_learning_rate * (
            0.02 + 0.98 * cosine((fraction - self.both_until) / (1 - self.both_until))
        )

    def crops(self, stage: str, step: int) -> tuple[int, int]:
        """How many crops a step takes, and their side."""
        if stage == "compressor" and step % 2:
            return max(1, self.batch * self.crop**2 // self.large**2), self.large
        return self.batch, self.crop

    def stage(self, fraction: float) -> str:
        """What is trained at an elapsed fraction: "compressor", "both" or "synthesis"."""
        if fraction < self.compressor_until:
            return "compressor"
        return "both" if fraction < self.both_until else "synthesis"
