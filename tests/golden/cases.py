"""What the golden files are: for each a way to make it, and a codec that decodes it.

    files/NAME.difd            the bytes
    files/NAME.png             what they decode to
    files/NAME.cut.png         what the first two thirds of them decode to (DiffC)
    files/walks.json           levels and stages of every DiffC file, integer by integer

`python -m tests.golden.write` makes those that are missing. To make one anew is to change the format: existing files
of users would decode to something else. See FORMAT.md, "Changes".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffdemo.codecs.base import Preset, Rendering
from diffdemo.codecs.cdc import Cdc, Content
from diffdemo.codecs.cdc_step import FINEST, delta_of
from diffdemo.codecs.diffc import DiffC
from diffdemo.models.cdc.model import Family
from tests.golden import sources
from tests.golden.numbers import noise

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True, slots=True)
class DiffCCase:
    """A DiffC file.

    Attributes:
        preset, views, steps: of the encoder.
        prompt: in the file; with one, or where `is_latent`, the signal is not a picture.
        seed: of the file.
        num_bytes: of the file, at most.
        parameters: that its header has.
    """

    preset: Preset
    views: int
    parameters: int
    steps: int = 12
    prompt: str = ""
    is_latent: bool = False
    seed: int = 1
    num_bytes: int = 600

    @property
    def name(self) -> str:
        kind = f"latent-{len(self.prompt)}-" if self.is_latent else ""
        return f"{kind}{self.preset}-{self.views}-{self.steps}"

    def codec(self) -> DiffC:
        return sources.diffc_of_latents() if self.is_latent else sources.diffc()


DIFFC_CASES = (
    *(DiffCCase(preset, views, 3 + (views > 1)) for preset in Preset for views in (1, 2, 3, 4)),
    # Steps of more than 1024 stages, which are divided into trees, and a seed of 32 bits. Few and large steps are also
    # what shows best how a sample is scaled.
    *(DiffCCase(preset, 2, 4, steps=2, num_bytes=1600) for preset in (Preset.BALANCED, Preset.BEST)),
    DiffCCase(Preset.FAST, 1, 3, steps=2, seed=(1 << 32) - 1, num_bytes=1600),
    DiffCCase(Preset.FAST, 1, 5, steps=6, is_latent=True, num_bytes=200),
    DiffCCase(Preset.BALANCED, 3, 6, steps=6, prompt="brighter, öh", is_latent=True, num_bytes=200),
)


@dataclass(frozen=True, slots=True)
class CdcCase:
    """A CDC file whose latents are whole numbers of steps, so that no float decides a symbol.

    Attributes:
        family: of the model.
        code: of the quantisation step.
        rendering: how it is decoded.
    """

    family: Family
    code: int
    rendering: Rendering

    @property
    def name(self) -> str:
        return f"cdc-{self.family}-{self.code}"

    def codec(self) -> Cdc:
        return sources.cdc(self.family)

    def content(self, codec: Cdc) -> Content:
        """Latents of a picture of 70 x 50 pixels, which is mirrored to 128 x 64; a few are far outside their tables."""
        height, width = 1, 2
        z_symbols = np.rint(2 * noise((codec.model.shape.hyper_channels, height, width), 50)).astype(np.int32)
        z_symbols[0, 0] = (-700, 90_000)
        means, scales = codec._predict(z_symbols)
        steps = np.rint(noise(means.shape, 51) * np.maximum(1, scales * FINEST / delta_of(self.code)))
        steps[1, 0, :4] = (-300, 1000, -70_000, 1_000_000)
        return Content(70, 50, z_symbols, means * FINEST + steps * delta_of(self.code), means, scales)


CDC_CASES = (
    CdcCase(Family.X, 0, Rendering(steps=1)),
    CdcCase(Family.X, 32, Rendering(steps=3)),
    CdcCase(Family.X, 77, Rendering(steps=2)),
    CdcCase(Family.X, 223, Rendering(steps=1)),
    CdcCase(Family.EPSILON, 45, Rendering(steps=3)),
)
