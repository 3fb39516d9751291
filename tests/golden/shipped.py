"""The golden files that depend on the shipped weights, all in one place.

New weights have another name and another fingerprint, and come beside the old ones, whose files still decode. So
whoever ships new weights adds cases here, and runs `python -m tests.golden.write`. Where weights are trained anew under
a name that no release has had, files/NAME-* are deleted before.

Those of DiffC's first version, files/shipped-diffc-*, cannot be made anew. They name the weights by what they were
called before they had a spectrum.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from diffdemo.codecs.base import Codec, Decoder, Preset, Rendering, Target
from diffdemo.engine.examples import example_pixels
from diffdemo.engine.store import load_codec
from diffdemo.models.registry import model_spec

FIRST = {"photo-small": "shipped-diffc", "cdc-small": "shipped-cdc"}
"""What the files are called whose models were the only ones of their codecs."""


@dataclass(frozen=True, slots=True)
class ShippedCase:
    """A file of a piece of Chelsea the cat, 64 x 48 pixels.

    Attributes:
        model: name of one that is shipped.
        preset: of the encoder.
        num_bytes: of the file.
        rendering: how it is decoded.
        version: of the file.
    """

    model: str
    preset: Preset
    num_bytes: int
    rendering: Rendering
    version: int = 1

    @property
    def name(self) -> str:
        version = "v2-" if self.model == "photo-small" and self.version == 2 else ""
        made_by = FIRST.get(self.model, self.model)
        return f"{version}{made_by}-{self.preset}-{self.num_bytes}-{self.rendering.decoder}"

    @property
    def codec_name(self) -> str:
        return model_spec(self.model).codec

    def codec(self) -> Codec:
        return load_codec(model_spec(self.model), torch.device("cpu"))

    def file(self, codec: Codec) -> bytes:
        pixels = np.ascontiguousarray(example_pixels("chelsea")[90:138, 120:184])
        return codec.encode(pixels, Target(self.num_bytes), preset=self.preset, seed=7)


OF_VERSION_1 = (
    *(ShippedCase("photo-small", preset, 500, Rendering(Decoder.MEAN)) for preset in Preset),
    ShippedCase("photo-small", Preset.FAST, 150, Rendering(Decoder.FLOW)),
)
"""Of DiffC."""
CASES = (
    *OF_VERSION_1,
    *(dataclasses.replace(case, version=2) for case in OF_VERSION_1),
    *(dataclasses.replace(case, model="photo-small-2", version=2) for case in OF_VERSION_1),
    ShippedCase("cdc-small", Preset.BALANCED, 120, Rendering(Decoder.DETERMINISTIC, steps=1)),
    ShippedCase("cdc-small", Preset.BALANCED, 400, Rendering(Decoder.DETERMINISTIC, steps=3)),
)
