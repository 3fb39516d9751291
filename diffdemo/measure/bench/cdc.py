"""CDC measured: time and memory, what files cost over the model's own account of them, and quality by rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from diffdemo.codecs.cdc import SWEEP_CODES, Cdc
from diffdemo.codecs.cdc_payload import BIT_PRICE, MULTIPLE
from diffdemo.codecs.cdc_step import UNIT_CODE, delta_of
from diffdemo.codecs.rendering import Rendering
from diffdemo.coding.container import read_bitstream
from diffdemo.engine.examples import example_pixels
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import Pixels, mirrored, to_image, to_pixels
from diffdemo.measure.bench.usage import forget_peak, peak_mebibytes
from diffdemo.metrics.distortion import bits_per_pixel, psnr_db
from diffdemo.models.cdc.compressor import bits_of, gaussian_likelihood
from diffdemo.models.cdc.model import CdcModel, CdcNetwork, CdcShape, Family

Row = dict[str, str | float]

SIZE = (768, 512)
FULL_WIDTH, FULL_WIDTH_SIDE = 64, 256
"""Base channels of the released models, and the side of the square that one of their steps is timed on."""
QUICK_STEPS, MANY_STEPS = 1, 17


def bench_cdc() -> Iterator[Row]:
    """The shipped model on a photograph, then one step of a network as wide as the released ones."""
    codec = load_shipped(Cdc, choose_device("auto"))
    pixels = np.array(Image.fromarray(example_pixels("coffee")).resize(SIZE, Image.Resampling.LANCZOS))
    yield speed_row(codec, pixels)
    yield from rate_rows(codec, pixels, SWEEP_CODES)
    yield width_row(FULL_WIDTH, FULL_WIDTH_SIDE)


def speed_row(codec: Cdc, pixels: Pixels, code: int = UNIT_CODE) -> Row:
    """Seconds of an encode and of the steps of a decode, and the most memory that they took."""
    height, width = pixels.shape[:2]
    _quality(codec, pixels, codec.write(codec.analyse(pixels), code), QUICK_STEPS)  # The first run compiles.
    forget_peak()
    began = time.perf_counter()
    content = codec.analyse(pixels)
    analysed = time.perf_counter()
    data = codec.write(content, code)
    written = time.perf_counter()
    _quality(codec, pixels, data, QUICK_STEPS)
    shown = time.perf_counter()
    step = _step_times(codec.decode(data, Rendering(steps=MANY_STEPS)))
    return {
        "picture": f"{width}x{height}",
        "delta": delta_of(code),
        "bytes": len(data),
        "encode s": written - began,
        "analyse s": analysed - began,
        f"decode {QUICK_STEPS} step s": shown - written,
        "decode s / step": step.seconds,
        "decode CPU s / step": step.cpu_seconds,
        "peak MiB": peak_mebibytes(),
    }


def rate_rows(codec: Cdc, pixels: Pixels, codes: tuple[int, ...]) -> Iterator[Row]:
    """For each quantisation step: the file, what the model thinks it should take, quality in few steps and in many.

    A file is smaller than the model thinks where its scales are far too narrow: the likelihood then falls to its floor
    of 1e-9, 30 bits, while the coder's escape never costs more than 17 bits and the digits of the symbol.
    """
    height, width = pixels.shape[:2]
    content = codec.analyse(pixels)
    belief = _believe(codec, pixels)
    for code in codes:
        data = codec.write(content, code)
        symbols, _ = content.quantised(code, BIT_PRICE)
        ideal = belief.bits(symbols, code) / 8
        yield {
            "delta": delta_of(code),
            "bytes": len(data),
            "bpp": bits_per_pixel(len(data), width, height),
            "header bytes": read_bitstream(data).header_bytes,
            "likelihood bytes": ideal,
            "over bytes": len(data) - ideal,
            "over %": 100 * (len(data) / ideal - 1),
            f"PSNR dB {QUICK_STEPS} step": _quality(codec, pixels, data, QUICK_STEPS),
            f"PSNR dB {MANY_STEPS} steps": _quality(codec, pixels, data, MANY_STEPS),
        }


def width_row(width: int, side: int, steps: int = 4) -> Row:
    """A denoising step of a network with random weights: how wide it is decides, not what it has learnt."""
    torch.manual_seed(0)
    model = CdcModel(CdcNetwork(CdcShape(Family.X, width)), sha256="", device=choose_device("auto"))
    context = model.context(torch.randn(1, model.compressor.channels, side // 16, side // 16))
    step = _step_times(model.synthesise(context, model.start(context, 0.0, 0), steps))
    return {
        "network": f"width {width}, random weights",
        "picture": f"{side}x{side}",
        "million parameters": model.num_parameters / 1e6,
        "step s": step.seconds,
        "step CPU s": step.cpu_seconds,
    }


@dataclass(frozen=True, slots=True)
class _StepTimes:
    """Of one step, on the clock and summed over cores."""

    seconds: float
    cpu_seconds: float


def _step_times(steps: Iterator[object]) -> _StepTimes:
    """Mean over all steps but the first, which includes what comes before it."""
    moments = [(time.perf_counter(), time.process_time()) for _ in steps]
    (began, cpu_began), (ended, cpu_ended) = moments[0], moments[-1]
    count = len(moments) - 1
    return _StepTimes((ended - began) / count, (cpu_ended - cpu_began) / count)


@dataclass(frozen=True, slots=True, eq=False)
class _Belief:
    """What the model in floating point thinks of a picture; nothing of the coder, its tables or scales is in it."""

    scale: Tensor
    z_bits: float

    def bits(self, symbols: NDArray[np.int32], code: int) -> float:
        """-log2 of the likelihood of a picture's latents, [C,h,w] in quantisation steps from their means."""
        distance = torch.from_numpy(symbols)[None].to(self.scale)
        return self.z_bits + float(bits_of(gaussian_likelihood(distance, self.scale / delta_of(code))))


@torch.inference_mode()
def _believe(codec: Cdc, pixels: Pixels) -> _Belief:
    model = codec.model
    _, z = (latent.to(model.device) for latent in model.analyse(mirrored(to_image(pixels), MULTIPLE)))
    prior = model.compressor.prior
    median = prior.median[None, :, None, None]
    z_hat = (z - median).round() + median
    _, scale = model.compressor.predict(z_hat)
    return _Belief(scale, float(bits_of(prior.likelihood(z_hat))))


def _quality(codec: Cdc, pixels: Pixels, data: bytes, steps: int) -> float:
    *_, last = codec.decode(data, Rendering(steps=steps))
    return psnr_db(pixels, to_pixels(last.image))
