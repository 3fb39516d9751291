"""From a prompt to what the U-Net of a Stable Diffusion attends to.

Text encoders stay on the CPU in float32, wherever the U-Net runs: a prompt takes them about a second once, device
memory is kept for what runs at every step, and both sides of a codec read the prompt alike.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from cachetools import LRUCache, cachedmethod
from torch import Tensor

from diffdemo.errors import RateError, WeightsError
from diffdemo.models.diffusers.components import built, file_of, fill, read_json, read_tensors
from diffdemo.models.evaluation import evaluation
from diffdemo.models.spec import ModelFiles

REMEMBERED_PROMPTS = 8

_SIZES = (
    "bos_token_id",
    "eos_token_id",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "pad_token_id",
    "projection_dim",
    "vocab_size",
)
"""What is taken from a text encoder's configuration: nothing that could choose code."""


@dataclass(frozen=True, slots=True)
class PromptEmbedding:
    """A prompt as vectors, float32 on the CPU.

    Attributes:
        tokens: one for each position, [1,77,D].
        pooled: one for all of it, [1,P]; None before Stable Diffusion XL.
    """

    tokens: Tensor
    pooled: Tensor | None


class TextEncoder:
    """CLIP's tokenizer and its text model.

    Args:
        tokenizer: CLIPTokenizer.
        network: CLIPTextModel, or CLIPTextModelWithProjection.
        limit: how many tokens it takes, with the two that mark beginning and end.

    Attributes:
        width: of its vectors.
    """

    def __init__(self, tokenizer: Any, network: Any, *, limit: int) -> None:
        self.network = network
        self.width: int = network.config.hidden_size
        self._tokenizer = tokenizer
        self._limit = limit

    @classmethod
    def load(cls, installed: ModelFiles, number: str = "", *, is_projected: bool = False) -> TextEncoder:
        """Read "text_encoder{number}/" and "tokenizer{number}/".

        Raises:
            WeightsError: missing, damaged, or of another architecture.
        """
        network = _load_text_model(installed, f"text_encoder{number}", is_projected=is_projected)
        tokenizer, limit = _load_tokenizer(installed, f"tokenizer{number}")
        return cls(tokenizer, network, limit=min(limit, network.config.max_position_embeddings))

    def run(self, prompt: str) -> Any:
        """What the network puts out for a prompt that is filled up to the limit, with all hidden states.

        Raises:
            RateError: the prompt is too long.
        """
        count = len(self._tokenizer(prompt, verbose=False).input_ids) - 2
        if count > self._limit - 2:
            raise RateError(f"The prompt is {count} tokens long; the model reads {self._limit - 2}. Please shorten it.")
        padded = self._tokenizer(prompt, padding="max_length", max_length=self._limit, return_tensors="pt")
        return self.network(padded.input_ids, output_hidden_states=True)


class PromptEncoder:
    """One text encoder (Stable Diffusion 1 and 2) or two (XL), and what they made of the last few prompts.

    Args:
        encoders: in the order of their numbers.
    """

    def __init__(self, encoders: Sequence[TextEncoder]) -> None:
        self.encoders = tuple(encoders)
        self._remembered: LRUCache[Any, PromptEmbedding] = LRUCache(REMEMBERED_PROMPTS)
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        """Of the vectors that the U-Net attends to."""
        return sum(encoder.width for encoder in self.encoders)

    @cachedmethod(lambda self: self._remembered, lock=lambda self: self._lock)
    @evaluation
    @torch.inference_mode()
    def embed(self, prompt: str) -> PromptEmbedding:
        """Embed a prompt, or remember it.

        Raises:
            RateError: it is too long.
        """
        return self._embed_one(prompt) if len(self.encoders) == 1 else self._embed_xl(prompt)

    def _embed_one(self, prompt: str) -> PromptEmbedding:
        return PromptEmbedding(self.encoders[0].run(prompt).last_hidden_state, None)

    def _embed_xl(self, prompt: str) -> PromptEmbedding:
        """Both encoders side by side, each one layer before its last (Podell et al. 2023, arXiv:2307.01952, sec. 2.1).

        Without a prompt all vectors are zero: that is what the model was trained on where its text was dropped.
        """
        outputs = [encoder.run(prompt) for encoder in self.encoders]
        tokens = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        pooled = outputs[-1].text_embeds
        if not prompt:
            tokens, pooled = torch.zeros_like(tokens), torch.zeros_like(pooled)
        return PromptEmbedding(tokens, pooled)


def _load_text_model(installed: ModelFiles, folder: str, *, is_projected: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    settings = read_json(file_of(installed, f"{folder}/config.json"))
    path = file_of(installed, f"{folder}/model.safetensors", f"{folder}/pytorch_model.bin")
    network_class = CLIPTextModelWithProjection if is_projected else CLIPTextModel
    sizes = {key: settings[key] for key in _SIZES if key in settings}
    network: Any = built(f"{installed.name}/{folder}", lambda: network_class(CLIPTextConfig(**sizes)))
    tensors = _named_as_in(network, read_tensors(path))
    fill(network, tensors, f"{installed.name}/{folder}/{path.name}", device=torch.device("cpu"), dtype=torch.float32)
    _number_positions(network)
    return network


def _named_as_in(network: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Old checkpoints count the positions as weights, and releases of transformers differ in a prefix."""
    wanted = network.state_dict().keys()
    prefix = "text_model."
    if not any(key.startswith(prefix) for key in wanted):
        tensors = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    return {key: tensor for key, tensor in tensors.items() if key in wanted or not key.endswith("position_ids")}


def _number_positions(network: Any) -> None:
    """The one buffer that is in no file: 0, 1, 2 ..."""
    for module in network.modules():
        if hasattr(module, "position_ids"):
            module.position_ids = torch.arange(module.position_ids.shape[-1]).expand((1, -1))


def _load_tokenizer(installed: ModelFiles, folder: str) -> tuple[Any, int]:
    """The tokenizer, and how many tokens it allows; only its vocabulary and the name of its padding are read."""
    from transformers import CLIPTokenizer

    settings = read_json(file_of(installed, f"{folder}/tokenizer_config.json"))
    if f"{folder}/special_tokens_map.json" in installed.files:
        settings |= read_json(installed.files[f"{folder}/special_tokens_map.json"])
    vocabulary = read_json(file_of(installed, f"{folder}/vocab.json"))
    padding = settings.get("pad_token") or "<|endoftext|>"
    padding = padding["content"] if isinstance(padding, dict) else padding
    if padding not in vocabulary:
        raise WeightsError(
            f"The tokenizer of '{installed.name}' pads with '{padding}', which is not in its vocabulary."
        )
    try:
        lines = file_of(installed, f"{folder}/merges.txt").read_text(encoding="utf-8").splitlines()
        merges: Any = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
        tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=padding)
        limit = int(settings.get("model_max_length", 77))
    # The tokenizers are written in another language and raise nothing more specific.
    except Exception as error:
        raise WeightsError(f"The tokenizer of '{installed.name}' in {folder}/ is damaged: {error}.") from error
    return tokenizer, limit
