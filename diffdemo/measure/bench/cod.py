"""CoD-Lite measured: time, memory, and how near its networks come to the pace of a plain convolution.

The networks have their real size and random weights: what is computed does not depend on what they have learnt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from diffdemo.codecs.cod import CodLite
from diffdemo.codecs.records import Target
from diffdemo.engine.examples import example_pixels
from diffdemo.engine.hardware.device import choose_device
from diffdemo.measure.bench.cdc import Row
from diffdemo.measure.bench.usage import forget_peak, peak_mebibytes
from diffdemo.models.cod.denoiser import CodDenoiser
from diffdemo.models.cod.model import PURE_NOISE, CodModel
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.shape import PATCH, CodShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.evaluation import finished

SHAPE = CodShape(stride=16, bits=8)
"""Of the model for 0.0312 bits per pixel."""
PRETRAINED = CodShape(stride=32, bits=4)
"""Of the diffusion model from which CoD-Lite was made."""
SIDE = 512
REPETITIONS = 5
CHANNELS = 128
"""Of the plain convolution, 3x3 at half the picture's sides: the encoder's dearest layers are such ones."""


def bench_cod() -> Iterator[Row]:
    """A plain convolution, then an encode and a decode of a square picture, and the denoiser of before."""
    device = choose_device("auto")
    yield convolution_row(device)
    torch.manual_seed(0)
    codec = CodLite(CodModel(CodNetwork(SHAPE), sha256="", device=device), fingerprint=bytes(4))
    pixels = np.array(Image.fromarray(example_pixels("coffee")).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    data = codec.encode(pixels, Target())
    encoded, decoded = macs(SHAPE, SIDE)
    yield _row("encode", lambda: codec.encode(pixels, Target()), encoded)
    yield _row("decode", lambda: list(codec.decode(data)), decoded)
    denoiser = CodDenoiser(CodNetwork(PRETRAINED), device=device)
    noise = torch.randn(1, 3, SIDE, SIDE)
    yield _row("denoise", lambda: denoiser.denoise(noise, 1.0), denoiser_macs(SIDE))


@torch.inference_mode()
def convolution_row(device: torch.device) -> Row:
    """What this machine can do: one layer, over and over."""
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = torch.randn(1, CHANNELS, SIDE // 2, SIDE // 2, device=device).contiguous(
        memory_format=torch.channels_last
    )
    return _row(f"convolution, {CHANNELS} channels", lambda: float(layer(features)[0, 0, 0, 0]), layer_macs())


def layer_macs() -> float:
    """Multiplications of that convolution."""
    return 9 * CHANNELS**2 * (SIDE // 2) ** 2


@torch.no_grad()
def macs(shape: CodShape, side: int) -> tuple[float, float]:
    """Multiplications of an encode and of a decode of a square picture, counted without computing."""
    with torch.device("meta"):
        network = CodNetwork(shape).eval()
        image = torch.empty(1, 3, side, side)
        codes = torch.empty(1, side // shape.stride, side // shape.stride, dtype=torch.int64)
        modulations = network.modulations(PURE_NOISE)
        table = position_table(TablePrecision.FLOAT32).to("meta")
    with FlopCounterMode(display=False) as encoding:
        network.y_embedder.encoder(image)
    with FlopCounterMode(display=False) as decoding:
        finished(network.decoding(codes, modulations, table))
    return encoding.get_total_flops() / 2, decoding.get_total_flops() / 2


@torch.no_grad()
def denoiser_macs(side: int) -> float:
    """Multiplications of one evaluation of the pre-trained model on a square picture, whose context is known."""
    with torch.device("meta"):
        network = CodNetwork(PRETRAINED).eval()
        noisy = torch.empty(1, 3, side, side)
        context = torch.empty(1, PRETRAINED.width, side // PATCH, side // PATCH)
        modulations = network.modulations(PURE_NOISE)
        table = position_table(TablePrecision.FLOAT32).to("meta")
    with FlopCounterMode(display=False) as counting:
        network.clean(context, modulations, table, noisy)
    return counting.get_total_flops() / 2


def _row(what: str, work: Callable[[], object], multiplications: float) -> Row:
    """Least time of several runs, after one that is not counted, and the most memory that they took."""
    work()
    forget_peak()
    times = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    giga = multiplications / 1e9
    return {
        "what": what,
        "picture": f"{SIDE}x{SIDE}",
        "s": min(times),
        "GMAC": giga,
        "GMAC/s": giga / min(times),
        "peak MiB": peak_mebibytes(),
    }
