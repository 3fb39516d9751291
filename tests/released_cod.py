"""Models of CoD-Lite at any size, with weights from a formula: what is computed with them can be written down."""

from __future__ import annotations

import copy
import functools
import zlib

import numpy as np
import torch
from torch import Tensor

from diffdemo.images import Pixels
from diffdemo.models.cod.model import CodModel, network_without_weights
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.shape import CodShape, TransformerShape
from diffdemo.models.cod.table import TablePrecision
from diffdemo.models.cod.transformer import CodTransformer

RATES = {
    "0_0039": (32, 4),
    "0_0078": (32, 8),
    "0_0156": (16, 4),
    "0_0312": (16, 8),
    "0_1250": (8, 8),
    "0_5000": (4, 8),
}
"""Stride and bits of the six released models."""


def tiny_shape(stride: int = 16, bits: int = 8) -> CodShape:
    """Layers like those of the released models, a few channels wide."""
    return CodShape(
        stride,
        bits,
        width=24,
        pixel_width=4,
        blocks=2,
        pixel_blocks=2,
        patch_channels=8,
        encoder_width=8,
        code_channels=16,
        groups=4,
    )


def tiny_transformer_shape(encoder_width: int = 8, groups: int = 4) -> TransformerShape:
    """CoD on pixels, as narrow."""
    return TransformerShape(
        stride=32,
        bits=4,
        width=32,
        pixel_width=4,
        blocks=2,
        pixel_blocks=2,
        patch_channels=768,
        encoder_width=encoder_width,
        code_channels=16,
        groups=groups,
        heads=4,
        hidden=40,
    )


def formula(key: str, shape: tuple[int, ...]) -> Tensor:
    """float32 weights that depend on nothing but their key and place: uniform, spread as suits their kind."""
    seed = zlib.crc32(key.encode()) * 0x9E3779B1 & 0xFFFFFFFF
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) + np.uint32(seed)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    h ^= h >> np.uint32(16)
    u = (h / 2.0**31 - 1) * 3**0.5
    if key.endswith("embedding.weight"):
        values = 0.5 * u
    elif len(shape) > 1:
        gain = 0.7 if "adaLN_modulation" in key else 0.35 if key == "final_layer.linear.weight" else 1.0
        values = gain * u / np.prod(shape[1:]) ** 0.5
    else:
        values = 1 + 0.15 * u if key.endswith("weight") else 0.1 * u
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def formula_weights(shape: CodShape) -> dict[str, Tensor]:
    """All tensors of a model by key."""
    return {key: formula(key, tuple(tensor.shape)) for key, tensor in _without_weights(shape).state_dict().items()}


def formula_network(shape: CodShape) -> CodNetwork | CodTransformer:
    """The networks with these weights."""
    network = copy.deepcopy(_without_weights(shape)).eval()
    network.load_state_dict(formula_weights(shape), assign=True)
    return network


@functools.cache
def _without_weights(shape: CodShape) -> CodNetwork | CodTransformer:
    """What all networks of a shape are copied from: to build one takes many times as long."""
    return network_without_weights(shape)


def formula_model(shape: CodShape, table: TablePrecision = TablePrecision.BFLOAT16) -> CodModel:
    """The model with these weights, on the CPU."""
    return CodModel(formula_network(shape), sha256="0" * 64, device=torch.device("cpu"), table=table)


def patterned(height: int, width: int) -> Pixels:
    """uint8 [H,W,3]: rings and stripes, in whole numbers."""
    y, x = np.mgrid[0:height, 0:width]
    rings = (3 * x * x + 2 * y * y) // 16
    return np.stack([rings % 256, (5 * x + rings) % 256, (7 * y + x * y // 4) % 256], axis=2).astype(np.uint8)


def as_input(pixels: Pixels) -> Tensor:
    """What the encoder takes: [1,3,H,W] in [0,1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
