"""The golden files that depend on the shipped weights, all in one place.

New weights have another fingerprint, and files of the old ones are refused by name. So whoever ships new weights
deletes files/v2-shipped-* and files/shipped-cdc-*, and runs `python -m tests.golden.write`; nobody else does.

Those of DiffC's first version, files/shipped-diffc-*, cannot be made anew. They name the weights by what they were
called before they had a spectrum, and decode for as long as the same weights are shipped.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from diffdemo.codecs.base import Codec, Decoder, Preset, Rendering, Target
from diffdemo.engine.examples import example_pixels
from diffdemo.engine.store import load_codec
from diffdemo.models.registry import default_model, model_spec


@dataclass(frozen=True, slots=True)
class ShippedCase:
    """A file of a piece of Chelsea the cat, 64 x 48 pixels.

    Attributes:
        codec_name: whose default model is taken.
        preset: of the encoder.
        num_bytes: of the file.
        rendering: how it is decoded.
        version: of the file.
    """

    codec_name: str
    preset: Preset
    num_bytes: int
    rendering: Rendering
    version: int = 1

    @property
    def name(self) -> str:
        version = "" if self.version == 1 else f"v{self.version}-"
        return f"{version}shipped-{self.codec_name}-{self.preset}-{self.num_bytes}-{self.rendering.decoder}"

    def codec(self) -> Codec:
        return load_codec(model_spec(default_model(self.codec_name)), torch.device("cpu"))

    def file(self, codec: Codec) -> bytes:
        pixels = np.ascontiguousarray(example_pixels("chelsea")[90:138, 120:184])
        return codec.encode(pixels, Target(self.num_bytes), preset=self.preset, seed=7)


OF_VERSION_1 = (
    *(ShippedCase("diffc", preset, 500, Rendering(Decoder.MEAN)) for preset in Preset),
    ShippedCase("diffc", Preset.FAST, 150, Rendering(Decoder.FLOW)),
)
"""Of DiffC."""
CASES = (
    *OF_VERSION_1,
    *(dataclasses.replace(case, version=2) for case in OF_VERSION_1),
    ShippedCase("cdc", Preset.BALANCED, 120, Rendering(Decoder.DETERMINISTIC, steps=1)),
    ShippedCase("cdc", Preset.BALANCED, 400, Rendering(Decoder.DETERMINISTIC, steps=3)),
)
