"""The checkpoints that the authors of CoD released: which copy of the weights to take, and of what shape they are.

Two kinds of files exist. Those of the six rates of CoD-Lite hold one copy, `net.`; those of the diffusion models, CoD's
on pixels and the one before CoD-Lite, hold the last iterate and an average over the iterates, of which only the
average, `ema_denoiser.`, is meant to be used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from diffdemo.atomic import replacing
from diffdemo.errors import WeightsError
from diffdemo.models.cod.model import network_without_weights
from diffdemo.models.cod.shape import CodShape, TransformerShape
from diffdemo.models.weights import read_checkpoint, require_tensors

WRAPPERS = ("module", "state_dict")
"""Names under which a file may hold its weights, the first that is there; without one, the file is the weights."""
ONE_STEP, AVERAGE, LAST = "net.", "ema_denoiser.", "denoiser."
IGNORED = (LAST, "diffusion_trainer.")
"""Beside an average: the last iterate, and what only training needs."""
RELEASED_GROUPS = 32
"""Of the released models; the weights do not tell."""


def convert(checkpoint: Path, target: Path, *, config: Path | None = None) -> None:
    """Write a released checkpoint anew as a safetensors file that `CodModel.load` reads, in float32.

    Args:
        checkpoint: as released.
        target: to write.
        config: the YAML file beside the checkpoint, where there is one.

    Raises:
        WeightsError: not a checkpoint of CoD-Lite, not the released one, or of a model that starts from noise.
    """
    if config is not None:
        require_noise_free(config)
    shape, tensors = from_released(read_checkpoint(checkpoint), checkpoint.name)
    with replacing(target) as partial:
        save_file(tensors, partial, metadata=shape.to_metadata())


def require_noise_free(config: Path) -> None:
    """Check that a model decodes from nothing, as all released ones are thought to: `noise_level` 0 or not given.

    Raises:
        WeightsError: it starts from noise, or the file cannot be read.
    """
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"Cannot read '{config.name}', which says how the model decodes: {error}.") from error
    for level in re.findall(r"^\s*noise_level\s*:\s*([^\s#]+)", text, re.MULTILINE):
        if level not in ("0", "0.0", "0."):
            raise WeightsError(
                f"'{config.name}' says that the model decodes from noise of level {level}; only models that decode "
                "from nothing are supported."
            )


def from_released(
    checkpoint: Mapping[str, Any], name: str, *, groups: int = RELEASED_GROUPS
) -> tuple[CodShape, dict[str, Tensor]]:
    """Translate a released checkpoint.

    Args:
        checkpoint: what the file holds.
        name: of the file, for messages.
        groups: of the model's group normalisations.

    Returns:
        The shape and the tensors of a network, float32, none of them shared or missing.

    Raises:
        WeightsError: another model, tensors too many or too few, or only the copy that must not be used.
    """
    tensors = _meant_for_use(_unwrapped(checkpoint, name), name)
    try:
        shape = _shape_of(tensors, groups)
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"The checkpoint '{name}' is not one of CoD-Lite: {_reason(error)}.") from error
    require_tensors(network_without_weights(shape), tensors, name)
    return shape, {key: tensor.float().contiguous().clone() for key, tensor in tensors.items()}


def _unwrapped(checkpoint: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    """All tensors of a file by their keys, out of whatever holds them."""
    weights: Any = next((checkpoint[key] for key in WRAPPERS if key in checkpoint), checkpoint)
    if not isinstance(weights, Mapping) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise WeightsError(
            f"The checkpoint '{name}' is not one of CoD-Lite: it was to hold tensors by name, alone or under one of "
            f"{', '.join(WRAPPERS)}."
        )
    return dict(weights)


def _meant_for_use(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The copy that decodes, without its prefix."""
    averaged = any(key.startswith(AVERAGE) for key in weights)
    if not averaged and any(key.startswith(LAST) for key in weights):
        raise WeightsError(
            f"The checkpoint '{name}' holds the last iterate ('{LAST}') but not the average over iterates "
            f"('{AVERAGE}') that is meant to be used. Please use the file as it was released."
        )
    prefix = AVERAGE if averaged else ONE_STEP
    unknown = [key for key in weights if not key.startswith((prefix, *(IGNORED if averaged else ())))]
    if unknown:
        raise WeightsError(
            f"The checkpoint '{name}' is not one of CoD-Lite: it holds {unknown[0]!r}, expected were names that begin "
            f"with '{prefix}'."
        )
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}


def _shape_of(tensors: Mapping[str, Tensor], groups: int) -> CodShape:
    """The sizes of the networks, read off a few tensors.

    Raises:
        KeyError, ValueError, IndexError: these tensors are not those of CoD-Lite.
    """
    halvings = sum(f"y_embedder.encoder.down_block_{stage}.2.conv.weight" in tensors for stage in (1, 2, 3))
    codes, code_channels = tensors["y_embedder.bottleneck.embedding.weight"].shape
    if codes & (codes - 1):
        raise ValueError(f"its codebook has {codes} vectors, which is no power of two")
    common = {
        "stride": 4 << halvings,
        "bits": codes.bit_length() - 1,
        "pixel_width": tensors["x_embedder.embedder.0.weight"].shape[0],
        "encoder_width": tensors["y_embedder.encoder.conv_in.weight"].shape[0],
        "code_channels": code_channels,
        "groups": groups,
    }
    if "s_embedder.proj.weight" in tensors:
        width, patch_and_context = tensors["s_embedder.proj.weight"].shape
        return TransformerShape(
            width=width,
            blocks=_number_of(tensors, r"blocks\.(\d+)\.attn\.qkv\.weight"),
            pixel_blocks=_number_of(tensors, r"blocks\.(\d+)\.norm\.weight"),
            patch_channels=patch_and_context - width,
            heads=width // max(1, len(tensors["blocks.0.attn.q_norm.weight"])),
            hidden=len(tensors["blocks.0.mlp.w1.weight"]),
            **common,
        )
    return CodShape(
        width=tensors["s_embedder.proj2.weight"].shape[0],
        blocks=_number_of(tensors, r"blocks\.(\d+)\.conv1\.weight"),
        pixel_blocks=_number_of(tensors, r"dec_net\.res_blocks\.(\d+)\.in_ln\.weight"),
        patch_channels=tensors["s_embedder.proj1.weight"].shape[0],
        **common,
    )


def _number_of(tensors: Mapping[str, Tensor], pattern: str) -> int:
    return sum(re.fullmatch(pattern, key) is not None for key in tensors)


def _reason(error: Exception) -> str:
    return f"it has no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
