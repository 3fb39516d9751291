"""Weight files: found, checked, named by their hash, and never executed."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from diffdemo.errors import WeightsError

FORMER_SHA256 = "former_sha256"
"""Entry of a weight file's header: hash of the file that held the same tensors before, which files of users name."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A safetensors file in memory.

    Attributes:
        tensors: by name, as stored.
        metadata: strings from the file's header.
        sha256: of the whole file, 64 hexadecimal digits.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    sha256: str


def sha256_of(path: Path) -> str:
    """Hash of a file, 64 hexadecimal digits.

    Raises:
        WeightsError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise WeightsError(f"Cannot read the weights '{path.name}': {error.strerror}.") from error
    return digest.hexdigest()


def read_weights(path: Path) -> WeightFile:
    """Read a safetensors file. Pickled files are not accepted: opening them would run their code.

    Raises:
        WeightsError: missing, damaged, or not safetensors.
    """
    if not path.is_file():
        raise WeightsError(
            f"The weights '{path.name}' are missing from {path.parent.name}/. "
            "They come with diffdemo: please fetch it again, or copy that file from another installation."
        )
    tensors, metadata = read_safetensors(path)
    return WeightFile(tensors, metadata, sha256_of(path))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file by name, as stored, and the strings of its header; without hashing it.

    Raises:
        WeightsError: damaged, or not safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"The weights '{path.name}' are damaged or not a safetensors file: {error}.") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `torch.save` wrote: nested dictionaries of tensors and numbers. Nothing in the file is executed.

    Raises:
        WeightsError: missing, damaged, or holding anything but plain data.
    """
    if not path.is_file():
        raise WeightsError(f"The checkpoint '{path.name}' is missing from {path.parent.name}/.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Large ones hold several copies of their weights, of which one is wanted.
            mapped = zipfile.is_zipfile(path)
            checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    # The unpickler is a machine that the file drives: a damaged one can make it fail in any way.
    except Exception as error:
        raise WeightsError(
            f"The checkpoint '{path.name}' is damaged, or holds more than plain data and was not opened for safety."
        ) from error
    if not isinstance(checkpoint, dict):
        raise WeightsError(f"The checkpoint '{path.name}' holds no dictionary of weights.")
    return checkpoint


def fingerprints_of(path: Path) -> tuple[bytes, ...]:
    """Four bytes for each name that files give to the weights in a file, the one of today last.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            former = (file.metadata() or {}).get(FORMER_SHA256, "")
    except (SafetensorError, OSError):
        former = ""  # Of another kind, or damaged: whoever loads it will say so.
    return tuple(bytes.fromhex(sha256[:8]) for sha256 in (former, sha256_of(path)) if sha256)


Network = TypeVar("Network", bound=torch.nn.Module)


def read_network(path: Path, build: Callable[[dict[str, str]], Network], kind: str) -> tuple[Network, WeightFile]:
    """A network with the weights of a file that says of what shape it is, and that file.

    Args:
        path: of the file.
        build: makes the network from the file's metadata; KeyError or ValueError if these do not say enough.
        kind: of network, for the error.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    weights = read_weights(path)
    try:
        network = build(weights.metadata)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"The weights '{path.name}' do not say which {kind} they are for.") from error
    load_strictly(network, weights, path.name)
    return network, weights


def load_strictly(network: torch.nn.Module, weights: WeightFile, name: str) -> None:
    """Put weights into a network whose every tensor must be there, in its shape, and no other.

    Raises:
        WeightsError: naming the first tensors that do not fit.
    """
    require_tensors(network, weights.tensors, name)
    network.load_state_dict({key: tensor.float() for key, tensor in weights.tensors.items()}, strict=True)


def require_finite(network: torch.nn.Module, name: str) -> None:
    """Check that all weights are numbers.

    Args:
        network: with its weights.
        name: of the model, for the error.

    Raises:
        WeightsError: one of them is not.
    """
    if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
        raise WeightsError(f"The weights of {name} hold values that are not numbers. Please fetch them again.")


def require_tensors(network: torch.nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    """Check that tensors are exactly those of a network, by name and shape.

    Raises:
        WeightsError: naming the first that are not.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if wanted != found:
        differing = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        shown = ", ".join(f"{k} (needs {wanted.get(k)}, has {found.get(k)})" for k in differing[:3])
        raise WeightsError(f"The weights '{name}' are for another network: {len(differing)} tensors differ, {shown}.")
