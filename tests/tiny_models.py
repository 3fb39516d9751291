"""Tiny models in the real formats, as they lie in a Hub repository: {path: bytes}, the same every time.

Their weights are random and their pictures are nonsense; their files, names and numbers are not.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from diffdemo.hub.records import Installed

Files = dict[str, bytes]

BETAS = {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}
SD_BETAS = BETAS | {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PARTS_OF_2022 = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
"""How the parts of attention are called in the first checkpoints: released DDPMs, autoencoders before XL."""
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = ("c a", "ca t</w>", "d o", "do g</w>")


@functools.cache
def tiny_ddpm(
    *,
    safetensors: bool = True,
    learned_variance: bool = False,
    prediction_type: str = "epsilon",
    names_of_2022: bool = False,
) -> Files:
    """An unconditional DDPM like google/ddpm-cifar10-32: a UNet2DModel for 16x16 pixels.

    Args:
        safetensors: or pickled, as half of the released ones are.
        learned_variance: twice the output channels.
        prediction_type: what its scheduler says that it predicts.
        names_of_2022: call the parts of attention as old checkpoints do.
    """
    from diffusers import UNet2DModel

    network = _seeded(
        lambda: UNet2DModel(
            sample_size=16,
            out_channels=6 if learned_variance else 3,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            norm_eps=1e-6,
            attention_head_dim=None,
            downsample_padding=0,
            flip_sin_to_cos=False,
            freq_shift=1,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )
    )
    variance = "learned_range" if learned_variance else "fixed_large"
    settings = {"clip_sample": True, "prediction_type": prediction_type, "variance_type": variance}
    tensors = _as_in_2022(network.state_dict()) if names_of_2022 else network.state_dict()
    return {
        "config.json": network.to_json_string().encode(),
        "scheduler_config.json": _scheduler("DDPMScheduler", BETAS | settings),
    } | _weights("diffusion_pytorch_model", tensors, safetensors=safetensors)


@functools.cache
def tiny_stable_diffusion(
    *, xl: bool = False, prediction_type: str = "epsilon", half: bool = False, safetensors: bool = True
) -> Files:
    """A Stable Diffusion: U-Net, autoencoder with 8 pixels a latent, one text encoder (two for XL), tokenizer.

    Args:
        xl: in the layout and with the conditions of XL.
        prediction_type: "epsilon", or "v_prediction" as of 2.1.
        half: weights in float16, as "fp16" files are.
        safetensors: or pickled.
    """
    scheduler = "EulerDiscreteScheduler" if xl else "DDIMScheduler" if prediction_type != "epsilon" else "PNDMScheduler"
    settings = {"clip_sample": False, "prediction_type": prediction_type, "set_alpha_to_one": False, "steps_offset": 1}
    files = {"scheduler/scheduler_config.json": _scheduler(scheduler, SD_BETAS | settings)}
    networks = {"unet": _unet(xl=xl), "vae": _autoencoder()}
    for folder, network in networks.items():
        files[f"{folder}/config.json"] = network.to_json_string().encode()
        tensors = network.state_dict() if xl or folder == "unet" else _as_in_2022(network.state_dict())
        weights = _weights("diffusion_pytorch_model", tensors, safetensors=safetensors, half=half)
        files |= {f"{folder}/{name}": data for name, data in weights.items()}
    for number in ("", "_2") if xl else ("",):
        network = _text_model(is_projected=bool(number))
        files[f"text_encoder{number}/config.json"] = network.config.to_json_string().encode()
        weights = _weights("model", _as_in_clip(network.state_dict()), safetensors=safetensors, half=half)
        renamed = {name.replace("model.bin", "pytorch_model.bin"): data for name, data in weights.items()}
        files |= {f"text_encoder{number}/{name}": data for name, data in renamed.items()}
        padding = "!" if number else END
        files |= {f"tokenizer{number}/{name}": data for name, data in _tokenizer(padding).items()}
    return files


@functools.cache
def tiny_taesd() -> Files:
    """A preview decoder like madebyollin/taesd: an AutoencoderTiny with 8 pixels a latent."""
    from diffusers import AutoencoderTiny

    network = _seeded(
        lambda: AutoencoderTiny(
            encoder_block_out_channels=(4, 4, 4, 4),
            decoder_block_out_channels=(4, 4, 4, 4),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
        )
    )
    weights = _weights("diffusion_pytorch_model", network.state_dict())
    return {"config.json": network.to_json_string().encode()} | weights


def in_folder(folder: str, files: Files) -> Files:
    """The same files one folder deeper."""
    return {f"{folder}/{name}": data for name, data in files.items()}


def installed_in(folder: Path, files: Files, *, name: str = "tiny") -> Installed:
    """Write files as a download would, and say so."""
    paths = {}
    for file, data in files.items():
        paths[file] = folder / file
        paths[file].parent.mkdir(parents=True, exist_ok=True)
        paths[file].write_bytes(data)
    digest = hashlib.sha256(b"".join(files[file] for file in sorted(files))).digest()
    return Installed(name, paths, digest[:4], sum(map(len, files.values())))


def _unet(*, xl: bool) -> Any:
    from diffusers import UNet2DConditionModel

    more = {"projection_class_embeddings_input_dim": 6 * 8 + 12, "addition_time_embed_dim": 8} if xl else {}
    return _seeded(
        lambda: UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=24 if xl else 12,
            attention_head_dim=4,
            use_linear_projection=xl,
            addition_embed_type="text_time" if xl else None,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            **more,
        )
    )


def _autoencoder() -> Any:
    from diffusers import AutoencoderKL

    return _seeded(
        lambda: AutoencoderKL(
            block_out_channels=(4, 4, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            sample_size=64,
        )
    )


def _text_model(*, is_projected: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    vocabulary = _vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=12,
        intermediate_size=24,
        projection_dim=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=vocabulary[START],
        eos_token_id=vocabulary[END],
    )
    return _seeded(lambda: (CLIPTextModelWithProjection if is_projected else CLIPTextModel)(config))


def _seeded(build: Any) -> Any:
    """Build a network from the same random numbers each time, and from no one else's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


def _weights(stem: str, tensors: dict[str, Tensor], *, safetensors: bool = True, half: bool = False) -> Files:
    stored = {key: (t.half() if half and t.is_floating_point() else t).contiguous() for key, t in tensors.items()}
    if safetensors:
        return {f"{stem}.safetensors": save(stored, metadata={"format": "pt"})}
    out = io.BytesIO()
    torch.save(stored, out)
    return {f"{stem}.bin": out.getvalue()}


def _as_in_2022(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for key, tensor in tensors.items():
        for new, old in PARTS_OF_2022.items():
            key = key.replace(f".{new}.", f".{old}.")
        renamed[key] = tensor
    return renamed


def _as_in_clip(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of CLIP's checkpoints: everything but the projection in "text_model.", and the positions' numbers."""
    prefix = "text_model."
    plain = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    named = {key if key.startswith("text_projection") else prefix + key: tensor for key, tensor in plain.items()}
    return named | {f"{prefix}embeddings.position_ids": torch.arange(77)[None]}


def _scheduler(name: str, settings: dict[str, Any]) -> bytes:
    return json.dumps({"_class_name": name, "_diffusers_version": "0.6.0", "trained_betas": None} | settings).encode()


def _vocabulary() -> dict[str, int]:
    """Bytes as the tokenizer spells them, alone and ending a word, then what merges make of them."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = [chr(byte) for byte in visible] + [chr(256 + n) for n in range(len(hidden))]
    words = [merge.replace(" ", "") for merge in MERGES]
    tokens = [*letters, *(letter + "</w>" for letter in letters), *words, START, END]
    return {token: number for number, token in enumerate(tokens)}


def _tokenizer(padding: str) -> Files:
    settings = {"model_max_length": 77, "pad_token": END, "tokenizer_class": "CLIPTokenizer"}
    marks = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": padding}
    return {
        "vocab.json": json.dumps(_vocabulary()).encode(),
        "merges.txt": "\n".join(["#version: 0.2", *MERGES, ""]).encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
        "special_tokens_map.json": json.dumps(marks).encode(),
    }
