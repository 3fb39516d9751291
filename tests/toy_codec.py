"""A codec in one file: a picture made smaller by a whole number, as PNG. It writes real bytes and has no network.

`registered` is all that it takes to have it everywhere. `Toys` is the same as a family, a model for each rate.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.records import Description, Encoded, Preset, Rates, Reconstruction, State, Target, Work
from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.coding.container import Bitstream, read_bitstream, require_model, require_whole, write_bitstream
from diffdemo.errors import RateError
from diffdemo.images import Pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.registry import SHIPPED
from diffdemo.models.spec import Kind, ModelFiles, ModelSpec
from diffdemo.models.weights import sha256_of

FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
FAMILY = {0.5: 10, 1.25: 5, 6.5: 2}
"""Rate of a model, which even noise does not exceed, and its factor."""


class Toy(Codec):
    name: ClassVar = "toy"
    label: ClassVar = "Toy"
    sentence: ClassVar = "A small PNG, made large again."
    codec_id: ClassVar = 15
    is_embedded: ClassVar = False
    decoders: ClassVar = (Decoder.DETERMINISTIC,)
    facts: ClassVar = ("factor",)
    rates: ClassVar = Rates(usual=2.0, most=8.0)

    def __init__(self, fingerprint: bytes, factors: Sequence[int] = FACTORS) -> None:
        self.fingerprint = fingerprint
        self.factors = factors

    @classmethod
    def load(cls, spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> Toy:
        factors = FACTORS if spec.rate is None else (FAMILY[spec.rate],)
        return cls(bytes.fromhex(sha256_of(spec.path)[:8]), factors)

    @classmethod
    def describe(cls, data: bytes) -> Description:
        bitstream = read_bitstream(data)
        return Description({"factor": bitstream.header.parameters[0]}, bitstream.header_bytes)

    def encode_progressively(
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Encoded]:
        require_pixels(pixels)
        for factor in self.factors:
            data = self._write(pixels, factor)
            is_small = target.num_bytes is None or len(data) <= target.num_bytes
            if is_small and (target.psnr_db is None or psnr_db(pixels, to_pixels(self._image(data))) >= target.psnr_db):
                picture = partial(self._image, data)
                yield Encoded(data, Reconstruction(picture, len(data), 1, 1, 0.0, Decoder.DETERMINISTIC), done=True)
                return
        raise RateError(f"A toy file of this picture has {len(data)} bytes at least.")

    def files(self, pixels: Pixels, targets: Sequence[Target]) -> Iterator[bytes]:
        factors = [factor for factor in self.factors[::-1] if factor > 1]
        yield from super().files(pixels, targets) if targets else (self._write(pixels, n) for n in factors)

    def coded(self, data: bytes) -> ToyPicture:
        bitstream = read_bitstream(data)
        require_model(bitstream.header.fingerprint, self.fingerprint)
        require_whole(bitstream, self.label)
        return ToyPicture(bitstream)

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        return Work(width * height, 1)

    def _write(self, pixels: Pixels, factor: int) -> bytes:
        height, width = pixels.shape[:2]
        out = io.BytesIO()
        small = max(1, width // factor), max(1, height // factor)
        Image.fromarray(pixels).resize(small, Image.Resampling.BOX).save(out, "png")
        return write_bitstream(
            codec_id=self.codec_id,
            fingerprint=self.fingerprint,
            width=width,
            height=height,
            parameters=(factor,),
            payload=out.getvalue(),
        )

    def _image(self, data: bytes) -> Tensor:
        *_, last = self.decode(data)
        return last.image


class Toys(Toy):
    name: ClassVar = "toys"
    label: ClassVar = "Toys"
    codec_id: ClassVar = 14
    rates: ClassVar = Rates(usual=1.25, most=6.5)
    is_one_rate: ClassVar = True


class ToyPicture(CodedPicture):
    def __init__(self, bitstream: Bitstream) -> None:
        self._bitstream = bitstream

    @property
    def size(self) -> tuple[int, int]:
        return self._bitstream.header.width, self._bitstream.header.height

    @property
    def num_bytes(self) -> int:
        return self._bitstream.num_bytes

    def frames(self, rendering: Rendering = DEFAULT_RENDERING, start: State | None = None) -> Iterator[Reconstruction]:
        header = self._bitstream.header
        small = Image.open(io.BytesIO(self._bitstream.payload))
        large = np.asarray(small.resize((header.width, header.height), Image.Resampling.BICUBIC))
        yield Reconstruction(lambda: to_image(large.copy()), self.num_bytes, 1, 1, 0.0, Toy.decoder_of(rendering))

    def work(self, rendering: Rendering, start: State | None = None) -> Work:
        return Work(self._bitstream.header.width * self._bitstream.header.height, 1)


@contextmanager
def registered(folder: Path) -> Iterator[ModelSpec]:
    """The toy codec, with a model that is a file of a few bytes in a folder."""
    with _listed(Toy, _spec(folder, "toy-model", Toy.name)) as (spec,):
        yield spec


@contextmanager
def registered_family(folder: Path) -> Iterator[tuple[ModelSpec, ...]]:
    """The family, with a model for each rate; the one for the middle rate is used where none is named."""
    specs = [_spec(folder, f"toys-{rate:g}", Toys.name, rate) for rate in (1.25, 0.5, 6.5)]
    with _listed(Toys, *specs) as listed:
        yield listed


def _spec(folder: Path, name: str, codec: str, rate: float | None = None) -> ModelSpec:
    weights = folder / f"{name}.weights"
    weights.write_bytes(f"{name} has learnt nothing".encode())
    return ModelSpec(
        name=name,
        label=name.replace("-", " "),
        codec=codec,
        kind=Kind.PHOTO,
        licence="CC0",
        domain="toys",
        description="No network at all.",
        parameters=0,
        num_bytes=weights.stat().st_size,
        memory=1,
        file=str(weights),
        rate=rate,
    )


@contextmanager
def _listed(codec: type[Toy], *specs: ModelSpec) -> Iterator[tuple[ModelSpec, ...]]:
    CODECS[codec.name] = codec
    SHIPPED.extend(specs)
    try:
        yield specs
    finally:
        for spec in specs:
            SHIPPED.remove(spec)
        del CODECS[codec.name]
