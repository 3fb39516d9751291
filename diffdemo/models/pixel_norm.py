"""Normalisation of every pixel by the root mean square of its channels, in one pass over memory.

PyTorch reads and writes the features five times for it, which on a processor takes a quarter of the whole network.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

EPSILON = 1e-4
FEWEST_VALUES = 1 << 16
"""Below, to wake another thread takes longer than to do its part."""

_others = ThreadPoolExecutor(thread_name_prefix="pixel-norm")


def pixel_norm(h: Tensor) -> Tensor:
    """[B,C,H,W] -> the same, each pixel divided by the root mean square over its channels, in float32."""
    return h * torch.rsqrt(h.float().square().mean(dim=1, keepdim=True) + EPSILON).to(h.dtype)


def suits_processor(h: Tensor) -> bool:
    """Whether `pixel_norm_on_processor` takes these features: float32 in memory pixel by pixel, and no gradients."""
    is_plain = h.device.type == "cpu" and h.dtype == torch.float32
    is_followed = torch.is_grad_enabled() or torch.compiler.is_compiling()
    return is_plain and not is_followed and h.is_contiguous(memory_format=torch.channels_last)


def pixel_norm_on_processor(h: Tensor) -> Tensor:
    """What `pixel_norm` gives, for features that `suits_processor` allows, with as many threads as PyTorch has here."""
    out = torch.empty_like(h)
    channels = h.shape[1]
    source, target = (each.permute(0, 2, 3, 1).view(-1, channels).numpy() for each in (h, out))
    threads = torch.get_num_threads() if h.numel() >= FEWEST_VALUES else 1
    edges = [part * len(source) // threads for part in range(threads + 1)]
    parts = [(source[begin:end], target[begin:end]) for begin, end in pairwise(edges)]
    waiting = [_others.submit(_normalise, *part) for part in parts[1:]]
    _normalise(*parts[0])
    for each in waiting:
        each.result()
    return out


@numba.njit("void(float32[:, ::1], float32[:, ::1])", nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _normalise(source: NDArray[np.float32], target: NDArray[np.float32]) -> None:  # pragma: no cover - compiled
    pixels, channels = source.shape
    for pixel in range(pixels):
        energy = np.float32(0)
        for channel in range(channels):
            energy += source[pixel, channel] * source[pixel, channel]
        factor = np.float32(1) / np.sqrt(energy / np.float32(channels) + np.float32(EPSILON))
        for channel in range(channels):
            target[pixel, channel] = source[pixel, channel] * factor
