"""Checkpoints of CDC as their authors laid them out, at any width, with numbers from a seed instead of training."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def released_checkpoint(family: str, width: int, *, lpips: bool = False, device: str = "cpu") -> dict[str, object]:
    """What `torch.load` of a released file returns, apart from the values."""
    generator = torch.Generator().manual_seed(width)
    model = {key: _values(key, shape, generator, device) for key, shape in _tree(family, width)}
    model["train_betas"] = torch.zeros(8, device=device)
    if lpips:
        model["loss_fn_vgg.net.slice1.0.weight"] = torch.zeros(2, 2, 3, 3, device=device)
    if family == "epsilon":
        return {"step": 1000, "model": model}
    averaged = {f"ema_model.{key}": tensor for key, tensor in model.items()}
    last = {f"online_model.{key}": tensor + 0.25 for key, tensor in model.items()}
    return {"step": 1000, "model": model, "ema": {"initted": torch.ones(1), "step": torch.ones(1), **averaged, **last}}


def _values(key: str, shape: tuple[int, ...], generator: torch.Generator, device: str) -> Tensor:
    if device == "meta":
        return torch.empty(shape, device="meta")
    noise = torch.randn(shape, generator=generator)
    if key.endswith(".g"):
        return 1 + 0.1 * noise
    fan = max(1, noise[0].numel()) if noise.ndim == 4 else 4
    # Latents that span a few quantisation steps, so that there is something to code.
    gain = 12.0 if key.startswith("context_fn.enc.3.") and ".conv." in key else 1.0
    return gain * noise / fan**0.5


def _tree(family: str, d: int) -> Shapes:
    """Keys and shapes, section by section of the specification."""
    slot = 1 if family == "x" else 2
    finest = d if family == "x" else 3
    down = [3, d, 2 * d, 3 * d, 4 * d]
    for i in range(4):
        yield from _block(f"context_fn.enc.{i}.0", down[i], down[i + 1], kernel=3 if i else 7)
        yield from _conv(f"context_fn.enc.{i}.{slot}.conv", down[i + 1], down[i + 1], 3)
    for i, (c_in, c, out) in enumerate([(4, 3, 3), (3, 2, 2), (2, 1, 1), (1, 1, 0)]):
        yield from _block(f"context_fn.dec.{i}.0", c_in * d, c * d)
        yield from _transposed(f"context_fn.dec.{i}.{slot}.conv", c * d, out * d or finest, 4)
    for i, kernel in enumerate([3, 5, 5]):
        yield from _conv(f"context_fn.hyper_enc.{i}.0", 4 * d, 4 * d, kernel)
    for i in range(2):
        yield from _transposed(f"context_fn.hyper_dec.{i}.0", 4 * d, 4 * d, 5)
    yield from _conv("context_fn.hyper_dec.2.0", 4 * d, 8 * d, 3)
    yield "context_fn.prior._medians", (1, 4 * d, 1, 1)
    for i, (into, out) in enumerate([(1, 3), (3, 3), (3, 3), (3, 1)]):
        yield f"context_fn.prior.affine.{i}.weight", (4 * d, 1, 1, into, out)
        yield f"context_fn.prior.affine.{i}.bias", (4 * d, 1, 1, 1, out)
        if i < 3:
            yield f"context_fn.prior.a.{i}", (4 * d, 1, 1, 1, 3)
    yield from _linear("denoise_fn.time_mlp.0", 1, 4 * d)
    yield from _linear("denoise_fn.time_mlp.2", 4 * d, d)
    entering = [3 + finest, 2 * d, 4 * d, 6 * d, 4 * d, 5 * d]
    for i in range(6):
        c = (i + 1) * d
        yield from _level(f"denoise_fn.downs.{i}", entering[i], c, d, kernel=3 if i else 7)
        if i < 5:
            yield from _conv(f"denoise_fn.downs.{i}.3.conv", c, c, 3)
    yield from _block("denoise_fn.mid_block1", 6 * d, 6 * d, time=d)
    yield from _attention("denoise_fn.mid_attn", 6 * d)
    yield from _block("denoise_fn.mid_block2", 6 * d, 6 * d, time=d)
    for j, factor in enumerate([5, 4, 3, 2, 1]):
        yield from _level(f"denoise_fn.ups.{j}", 2 * (factor + 1) * d, factor * d, d)
        yield from _transposed(f"denoise_fn.ups.{j}.3.conv", factor * d, factor * d, 4)
    yield "denoise_fn.final_conv.0.g", (1, d, 1, 1)
    yield "denoise_fn.final_conv.0.b", (1, d, 1, 1)
    yield from _conv("denoise_fn.final_conv.1", d, 3, 7)


def _level(name: str, c_in: int, c: int, time: int, kernel: int = 3) -> Shapes:
    yield from _block(f"{name}.0", c_in, c, kernel=kernel, time=time)
    yield from _block(f"{name}.1", c, c, time=time)
    yield from _attention(f"{name}.2", c)


def _block(name: str, c_in: int, c: int, *, kernel: int = 3, time: int = 0) -> Shapes:
    for part, into, size in ((1, c_in, kernel), (2, c, 3)):
        yield from _conv(f"{name}.block{part}.block.0", into, c, size)
        yield f"{name}.block{part}.block.1.g", (1, c, 1, 1)
        yield f"{name}.block{part}.block.1.b", (1, c, 1, 1)
    if c_in != c:
        yield from _conv(f"{name}.res_conv", c_in, c, 1)
    if time:
        yield from _linear(f"{name}.mlp.1", time, c)


def _attention(name: str, c: int) -> Shapes:
    yield f"{name}.fn.fn.to_qkv.weight", (3 * c, c, 1, 1)
    yield from _conv(f"{name}.fn.fn.to_out", c, c, 1)
    yield f"{name}.fn.norm.g", (1, c, 1, 1)
    yield f"{name}.fn.norm.b", (1, c, 1, 1)


def _conv(name: str, c_in: int, c: int, kernel: int) -> Shapes:
    yield f"{name}.weight", (c, c_in, kernel, kernel)
    yield f"{name}.bias", (c,)


def _transposed(name: str, c_in: int, c: int, kernel: int) -> Shapes:
    yield f"{name}.weight", (c_in, c, kernel, kernel)
    yield f"{name}.bias", (c,)


def _linear(name: str, c_in: int, c: int) -> Shapes:
    yield f"{name}.weight", (c, c_in)
    yield f"{name}.bias", (c,)
