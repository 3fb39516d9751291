"""What one evaluation of the networks on the Hub costs on this machine, told without fetching them.

The networks are built at their real size with random weights: time and memory do not depend on what they have learned.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.codecs.records import Preset
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.measure.bench.cdc import Row
from diffdemo.measure.bench.usage import forget_peak, peak_mebibytes
from diffdemo.models.registry import DEFAULT_MODEL

DDPM_256 = {
    "sample_size": 256,
    "block_out_channels": (128, 128, 256, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D",) * 4 + ("AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D") + ("UpBlock2D",) * 4,
    "attention_head_dim": None,
}
DDPM_32 = {
    "sample_size": 32,
    "block_out_channels": (128, 256, 256, 256),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": None,
}
SD_1 = {"sample_size": 64, "block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768}
BK_TINY = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 768,
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3,
    "up_block_types": ("CrossAttnUpBlock2D",) * 3,
    "mid_block_type": None,
}
AUTOENCODER = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
}


def bench_networks() -> Iterator[Row]:
    """One evaluation each, and what the evaluations of a balanced encode take at that pace."""
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel, UNet2DModel

    latents, words = (1, 4, 64, 64), (1, 77, 768)

    def predict(network: Any) -> object:
        return network(_zeros(network, latents), 500, _zeros(network, words))

    def show(network: Any) -> object:
        return network.decode(_zeros(network, latents))

    for name, config, side in (("ddpm-cifar10-32", DDPM_32, 32), ("ddpm-*-256", DDPM_256, 256)):
        yield _row(name, UNet2DModel, config, functools.partial(_evaluate, shape=(1, 3, side, side)))
    for name, config in (("bk-sdm-tiny, 512x512", BK_TINY), ("sd-1.5, 512x512", SD_1)):
        yield _row(name, UNet2DConditionModel, config, predict)
    for name, kind, config in (
        ("their autoencoder, 512x512, decode", AutoencoderKL, AUTOENCODER),
        ("their preview, 512x512, decode", AutoencoderTiny, {}),
    ):
        yield _row(name, kind, config, show, is_codec=False)


def bench_compile() -> Iterator[Row]:
    """The shipped denoiser as it is, and compiled by torch.compile."""
    codec = load_shipped(DiffC, choose_device("auto"))
    denoiser, z = codec.space.denoiser(), torch.zeros(1, 3, 256, 256)
    row: Row = {"network": f"{DEFAULT_MODEL}, 256x256", "eager s": _seconds(lambda: denoiser.denoise(z, 0.5), 20)}
    compiled = torch.compile(denoiser.denoise)
    row["to compile s"] = _seconds(lambda: compiled(z, 0.5), 1, warm_up=0)
    yield row | {"compiled s": _seconds(lambda: compiled(z, 0.5), 20)}


def _row(name: str, kind: Any, config: dict[str, Any], run: Callable[[Any], object], *, is_codec: bool = True) -> Row:
    forget_peak()
    device = choose_device("auto")
    network = kind(**config).eval().requires_grad_(False).to(device, torch.float16 if device.type == "cuda" else None)
    seconds = _seconds(lambda: run(network), 2)
    row: Row = {
        "network": name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "s": seconds,
        "peak MiB": peak_mebibytes(),
    }
    return row | {"encode min": seconds * EFFORTS[Preset.BALANCED].plain_steps / 60} if is_codec else row


@torch.inference_mode()
def _seconds(work: Callable[[], object], repetitions: int, *, warm_up: int = 1) -> float:
    """Of one run, in the mean; the first ones, which set things up, are not counted."""
    for _ in range(warm_up):
        work()
    _wait()
    began = time.perf_counter()
    for _ in range(repetitions):
        work()
    _wait()
    return (time.perf_counter() - began) / repetitions


def _wait() -> None:
    """Until a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _evaluate(network: Any, shape: tuple[int, ...]) -> object:
    return network(_zeros(network, shape), 500)


def _zeros(network: Any, shape: tuple[int, ...]) -> Tensor:
    return torch.zeros(shape, device=network.device, dtype=network.dtype)
