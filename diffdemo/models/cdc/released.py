"""The checkpoints that the authors of CDC released: which copy of the weights to take, and what they call our layers.

Two trees exist. The x family keeps an exponential moving average of the weights beside the last iterate, in
`ema`, and only the average is meant for decoding; the epsilon family has one copy, in `model`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.atomic import replacing
from diffdemo.errors import WeightsError
from diffdemo.models.cdc.model import CdcNetwork, CdcShape, Family
from diffdemo.models.weights import read_checkpoint, require_tensors

IGNORED = re.compile(r"train_\w+|loss_fn_vgg\..+")
"""Schedules, which are computed, and the network of the perceptual loss, which only training needs."""

_NAMES = tuple(
    (re.compile(pattern), ours)
    for pattern, ours in (
        # blocks, wherever they stand
        (r"\.block([12])\.block\.0\.", r".block\1.conv."),
        (r"\.block([12])\.block\.1\.g$", r".block\1.norm.gain"),
        (r"\.block([12])\.block\.1\.b$", r".block\1.norm.bias"),
        (r"\.block1\.", ".first."),
        (r"\.block2\.", ".second."),
        (r"\.res_conv\.", ".skip."),
        (r"\.mlp\.1\.", ".time."),
        (r"\.fn\.fn\.to_qkv\.", ".query_key_value."),
        (r"\.fn\.fn\.to_out\.", ".out."),
        (r"\.fn\.norm\.g$", ".norm.gain"),
        (r"\.fn\.norm\.b$", ".norm.bias"),
        # compressor
        (r"^context_fn\.enc\.(\d)\.0\.", r"compressor.encoder.\1.0."),
        (r"^context_fn\.enc\.(\d)\.[12]\.conv\.", r"compressor.encoder.\1.1."),
        (r"^context_fn\.dec\.(\d)\.0\.", r"compressor.context_decoder.\1.0."),
        (r"^context_fn\.dec\.(\d)\.[12]\.conv\.", r"compressor.context_decoder.\1.1."),
        (r"^context_fn\.hyper_enc\.0\.0\.", "compressor.hyper_encoder.0."),
        (r"^context_fn\.hyper_enc\.1\.0\.", "compressor.hyper_encoder.2."),
        (r"^context_fn\.hyper_enc\.2\.0\.", "compressor.hyper_encoder.4."),
        (r"^context_fn\.hyper_dec\.0\.0\.", "compressor.hyper_decoder.0."),
        (r"^context_fn\.hyper_dec\.1\.0\.", "compressor.hyper_decoder.2."),
        (r"^context_fn\.hyper_dec\.2\.0\.", "compressor.hyper_decoder.4."),
        (r"^context_fn\.prior\._medians$", "compressor.prior.median"),
        (r"^context_fn\.prior\.affine\.(\d)\.weight$", r"compressor.prior.matrices.\1"),
        (r"^context_fn\.prior\.affine\.(\d)\.bias$", r"compressor.prior.biases.\1"),
        (r"^context_fn\.prior\.a\.(\d)$", r"compressor.prior.factors.\1"),
        # denoiser
        (r"^denoise_fn\.time_mlp\.", "unet.time."),
        (r"^denoise_fn\.(down|up)s\.(\d)\.0\.", r"unet.\1.\2.first."),
        (r"^denoise_fn\.(down|up)s\.(\d)\.1\.", r"unet.\1.\2.second."),
        (r"^denoise_fn\.(down|up)s\.(\d)\.2\.", r"unet.\1.\2.attention."),
        (r"^denoise_fn\.(down|up)s\.(\d)\.3\.conv\.", r"unet.\1.\2.resample."),
        (r"^denoise_fn\.mid_block1\.", "unet.middle_first."),
        (r"^denoise_fn\.mid_block2\.", "unet.middle_second."),
        (r"^denoise_fn\.mid_attn\.", "unet.middle_attention."),
        (r"^denoise_fn\.final_conv\.0\.g$", "unet.norm.gain"),
        (r"^denoise_fn\.final_conv\.0\.b$", "unet.norm.bias"),
        (r"^denoise_fn\.final_conv\.1\.", "unet.head."),
    )
)


def convert(checkpoint: Path, target: Path) -> None:
    """Write a released checkpoint anew as a safetensors file that `CdcModel.load` reads, in float32.

    Raises:
        WeightsError: not a checkpoint of CDC, or not the released one.
    """
    shape, tensors = from_released(read_checkpoint(checkpoint), checkpoint.name)
    with torch.device("meta"):
        network = CdcNetwork(shape)
    require_tensors(network, tensors, checkpoint.name)
    with replacing(target) as partial:
        save_file({name: t.contiguous() for name, t in tensors.items()}, partial, metadata=shape.to_metadata())


def from_released(checkpoint: Mapping[str, Any], name: str) -> tuple[CdcShape, dict[str, Tensor]]:
    """Translate a released checkpoint.

    Args:
        checkpoint: what the file holds: dictionaries `model` and, in the x family, `ema`.
        name: of the file, for messages.

    Returns:
        The shape and the tensors of a `CdcNetwork`.

    Raises:
        WeightsError: neither tree, or only the copy that must not be used.
    """
    copy = _meant_for_decoding(checkpoint, name)
    used = {key: tensor for key, tensor in copy.items() if not IGNORED.fullmatch(key)}
    head = used.get("denoise_fn.final_conv.1.weight")
    finest = used.get("denoise_fn.downs.0.0.block1.block.0.weight")
    if head is None or finest is None:
        raise WeightsError(f"The checkpoint '{name}' is not one of CDC: it has no 'denoise_fn' with a final layer.")
    width = head.shape[1]
    family = Family.EPSILON if any(re.match(r"context_fn\.enc\.\d\.2\.", key) for key in used) else Family.X
    if family is Family.X and "ema" not in checkpoint:
        raise WeightsError(
            f"The checkpoint '{name}' holds the last iterate of the x family, but not the average over iterates "
            "('ema') that its pictures are decoded with. Please use the file as it was released."
        )
    return CdcShape(family, width), {_our_name(key): _our_layout(key, tensor) for key, tensor in used.items()}


def _meant_for_decoding(checkpoint: Mapping[str, Any], name: str) -> Mapping[str, Tensor]:
    if "ema" in checkpoint:
        prefix = "ema_model."
        copy = {key[len(prefix) :]: t for key, t in checkpoint["ema"].items() if key.startswith(prefix)}
        if not copy:
            raise WeightsError(
                f"The checkpoint '{name}' has an 'ema' without 'ema_model': only the un-averaged weights are left, "
                "which decode to other pictures. Please use the file as it was released."
            )
        return copy
    if "model" in checkpoint:
        model: Mapping[str, Tensor] = checkpoint["model"]
        return model
    raise WeightsError(f"The checkpoint '{name}' is not one of CDC: found {sorted(checkpoint)[:4]}, expected 'model'.")


def _our_name(key: str) -> str:
    for pattern, ours in _NAMES:
        key = pattern.sub(ours, key)
    return key


def _our_layout(key: str, tensor: Tensor) -> Tensor:
    """Without the axes of length one that the authors keep for broadcasting."""
    if key.startswith("context_fn.prior."):
        kept = tensor.shape[-2:] if key.endswith(".weight") else tensor.shape[-1:]
        return tensor.flatten() if key.endswith("_medians") else tensor.reshape(tensor.shape[0], *kept)
    return tensor.flatten() if key.endswith((".g", ".b")) else tensor
