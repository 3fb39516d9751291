"""What the golden files are: for each a way to make it, and a codec that decodes it.

    files/NAME.difd            the bytes
    files/NAME.png             what they decode to
    files/NAME.cut.png         what the first two thirds of them decode to (DiffC)
    files/walks.json           levels and stages of every DiffC file, integer by integer

`python -m tests.golden.write` makes those that are missing. To make one anew is to change the format: existing files
of users would decode to something else. See FORMAT.md, "Changes".

DiffC files of version 1 have names without a prefix, and nobody makes them any more: no encoder writes that version.
They are what proves that it is read as ever. Those of version 2 begin with `v2-`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffdemo.codecs.base import Preset, Rendering
from diffdemo.codecs.cdc import Cdc, Content
from diffdemo.codecs.cdc_step import FINEST, delta_of
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import FileHead
from diffdemo.codecs.diffc_payload import PayloadWriter, level_of
from diffdemo.coding.philox import philox_words
from diffdemo.models.cdc.model import Family
from tests.golden import sources
from tests.golden.numbers import noise

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True, slots=True)
class DiffCCase:
    """A DiffC file that an encoder wrote.

    Attributes:
        preset, views, steps: of the encoder.
        prompt: in the file; with one, or where `is_latent`, the signal is not a picture.
        seed: of the file.
        num_bytes: of the file, at most.
        parameters: that its header has.
        version: of the file.
        has_spectrum: whether its model has one.
    """

    preset: Preset
    views: int
    parameters: int
    steps: int = 12
    prompt: str = ""
    is_latent: bool = False
    seed: int = 1
    num_bytes: int = 600
    version: int = 1
    has_spectrum: bool = False

    @property
    def name(self) -> str:
        version = "" if self.version == 1 else f"v{self.version}-"
        kind = f"latent-{len(self.prompt)}-" if self.is_latent else "spectrum-" if self.has_spectrum else ""
        return f"{version}{kind}{self.preset}-{self.views}-{self.steps}"

    @property
    def tree(self) -> int:
        """Number of the tree code in the file."""
        return 3 * (self.version - 1) + tuple(Preset).index(self.preset)

    def codec(self) -> DiffC:
        return sources.diffc_of_latents() if self.is_latent else sources.diffc(has_spectrum=self.has_spectrum)


@dataclass(frozen=True, slots=True)
class DrawnCase:
    """A DiffC file of version 2 that nobody searched for: symbols at random, a sample of the prior.

    Its model has a spectrum, and its states lie at every resolution that there is.

    Attributes:
        tree, views: of the file.
        width, height: of the picture.
        growth: of the steps.
    """

    tree: int
    views: int
    width: int = 37
    height: int = 29
    growth: int = 40
    version = 2
    seed = 5
    prompt = ""
    sigmas = (12.0, 7.0, 5.5, 3.2, 2.98, 2.0, 1.21, 1.19, 0.4, 0.05)

    @property
    def name(self) -> str:
        return f"v2-drawn-{self.tree}-{self.views}-{self.width}x{self.height}"

    @property
    def parameters(self) -> int:
        """That its header has."""
        return 3 + (self.views > 1)

    def codec(self) -> DiffC:
        return sources.diffc(has_spectrum=True)

    def file(self) -> bytes:
        """The whole file."""
        head = FileHead(sources.FINGERPRINT, self.width, self.height, self.seed, self.tree, self.growth, self.views)
        writer = PayloadWriter(head.rule)
        for number, sigma in enumerate(self.sigmas):
            stages = writer.rule
            writer.begin_step(level_of(sigma), stages)
            words = philox_words(stages, (self.tree, self.views), stream=(number, 0, 9))
            writer.bits.symbols((words & 3).astype(np.uint8))
        return head.to_file(writer.bits.to_bytes())


CASES_OF_VERSION_1 = (
    *(DiffCCase(preset, views, 3 + (views > 1)) for preset in Preset for views in (1, 2, 3, 4)),
    # Steps of more than 1024 stages, which are divided into trees, and a seed of 32 bits. Few and large steps are also
    # what shows best how a sample is scaled.
    *(DiffCCase(preset, 2, 4, steps=2, num_bytes=1600) for preset in (Preset.BALANCED, Preset.BEST)),
    DiffCCase(Preset.FAST, 1, 3, steps=2, seed=(1 << 32) - 1, num_bytes=1600),
    DiffCCase(Preset.FAST, 1, 5, steps=6, is_latent=True, num_bytes=200),
    DiffCCase(Preset.BALANCED, 3, 6, steps=6, prompt="brighter, öh", is_latent=True, num_bytes=200),
)


CASES_OF_VERSION_2 = (
    *(dataclasses.replace(case, version=2) for case in CASES_OF_VERSION_1),
    *(DiffCCase(preset, 2, 4, version=2, has_spectrum=True) for preset in Preset),
    # Steps of more than 1024 stages, in classes.
    DiffCCase(Preset.BALANCED, 4, 4, steps=2, num_bytes=1600, version=2, has_spectrum=True),
    *(DrawnCase(tree, views) for tree in (3, 4, 5) for views in (1, 2, 3, 4)),
    # Pictures without whole blocks, without classes that others have, and with a long side.
    *(DrawnCase(3, 2, width, height) for width, height in ((1, 1), (5, 3), (70, 8), (2, 61))),
)
DIFFC_CASES = (*CASES_OF_VERSION_1, *CASES_OF_VERSION_2)


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
