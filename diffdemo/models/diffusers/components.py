"""Networks of diffusers and transformers from the files of a downloaded model.

A repository's configuration only chooses sizes: classes are ours to name, weights are data, and nothing that was
downloaded is ever executed.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from diffdemo.errors import WeightsError
from diffdemo.models.spec import ModelFiles
from diffdemo.models.weights import read_checkpoint, read_safetensors, require_tensors

Network = TypeVar("Network", bound=nn.Module)


def file_of(installed: ModelFiles, *names: str) -> Path:
    """The first of these files that a model has, by their names in its repository.

    Raises:
        WeightsError: if it has none of them.
    """
    for name in names:
        if name in installed.files:
            return installed.files[name]
    raise WeightsError(f"The model '{installed.name}' is incomplete: {names[0]} is missing. Please download it again.")


def read_json(path: Path) -> dict[str, Any]:
    """Read a configuration.

    Raises:
        WeightsError: missing, damaged, or not a JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"The configuration '{path.name}' cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise WeightsError(f"The configuration '{path.name}' holds no settings.")
    return config


def read_config(installed: ModelFiles, name: str, class_name: str) -> dict[str, Any]:
    """Read the configuration of a network of diffusers.

    Raises:
        WeightsError: missing, damaged, or of another class.
    """
    config = read_json(file_of(installed, name))
    found = config.get("_class_name", class_name)
    if found != class_name:
        raise WeightsError(f"The model '{installed.name}' holds a {found} in {name}; needed is a {class_name}.")
    return config


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a weight file, as stored. Pickled files are read as plain data; no code in them is executed.

    Raises:
        WeightsError: missing, damaged, or holding anything but tensors.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)[0]
    tensors = read_checkpoint(path)
    if not all(isinstance(value, Tensor) for value in tensors.values()):
        raise WeightsError(f"The checkpoint '{path.name}' holds more than a network's tensors.")
    return tensors


def built(name: str, build: Callable[[], Network]) -> Network:
    """A network without weights, in no time and no memory.

    Args:
        name: of the model, for messages.
        build: makes it from its configuration.

    Raises:
        WeightsError: if the configuration describes none.
    """
    try:
        with torch.device("meta"):
            return build()
    # How a constructor fails on sizes that do not fit together, or are none, is its own affair.
    except Exception as error:
        raise WeightsError(f"The configuration of '{name}' describes no network: {error}.") from error


def fill(
    network: nn.Module, tensors: dict[str, Tensor], name: str, *, device: torch.device, dtype: torch.dtype
) -> None:
    """Give a network from `built` its weights, every one of them and no other, and freeze it.

    Args:
        network: to fill.
        tensors: by name, in any float type.
        name: of the file, for messages.
        device, dtype: where it will run, and in which precision, whatever that of the file.

    Raises:
        WeightsError: naming the first tensors that do not fit.
    """
    require_tensors(network, tensors, name)
    placed = {key: tensor.to(device=device, dtype=dtype, copy=True) for key, tensor in tensors.items()}
    network.load_state_dict(placed, strict=True, assign=True)
    network.eval().requires_grad_(False)


def load_network(
    network_class: Any, installed: ModelFiles, folder: str, *, device: torch.device, dtype: torch.dtype
) -> Any:
    """A network of diffusers with its weights.

    Args:
        network_class: from diffusers.
        installed: the model.
        folder: in its repository, with a slash at the end; "" for the top.
        device, dtype: of the weights.

    Raises:
        WeightsError: files missing or damaged, or not of this architecture.
    """
    config = read_config(installed, f"{folder}config.json", network_class.__name__)
    stem = f"{folder}diffusion_pytorch_model"
    path = file_of(installed, f"{stem}.safetensors", f"{stem}.bin")
    # Repositories carry settings of other classes and releases, which diffusers would grumble about.
    known = {key: value for key, value in config.items() if key in inspect.signature(network_class).parameters}
    network = built(f"{installed.name}/{folder}", lambda: network_class.from_config(known))
    tensors = read_tensors(path)
    # Checkpoints of 2022 name the parts of their attention otherwise; diffusers itself knows how.
    network._fix_state_dict_keys_on_load(tensors)
    fill(network, tensors, f"{installed.name}/{folder}{path.name}", device=device, dtype=dtype)
    return network


def count_parameters(networks: Iterable[nn.Module]) -> int:
    """Of all networks."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def count_bytes(networks: Iterable[nn.Module]) -> int:
    """Of memory that the weights of all networks take."""
    return sum(p.numel() * p.element_size() for network in networks for p in network.parameters())
