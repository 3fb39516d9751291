"""Weights of metrics that others have learned: where their own tools keep them, and what is in such a file.

Nothing is fetched from here, nothing in a file is executed, and no package is imported for what lies in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from diffdemo.errors import WeightsError

N = TypeVar("N")
State = dict[str, Any]

_log = logging.getLogger(__name__)
_lock = threading.Lock()


def folder_of(package: str) -> Path | None:
    """Where an installed package lies; None if it is not here."""
    found = importlib.util.find_spec(package)  # found, not imported
    return None if found is None or found.origin is None else Path(found.origin).parent


def checkpoint(name: str) -> Path:
    """Where `torch.hub` keeps a network of torchvision that it has downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def network_of(build: Callable[..., N], trunk: Path, network: str, digest: str, *weights: Path) -> N | str:
    """What is built of files, once in a process; in its stead the reason why that cannot be.

    Args:
        build: takes the tensors of each; raises WeightsError if they are others.
        trunk: file of the network that the measure looks with.
        network: its name; `digest`: what the SHA-256 of its file begins with.
        weights: files of what the measure has learned itself.
    """
    if not trunk.is_file():
        return f"The weights of {network} are not here; they belong at {trunk}."
    with _lock:
        return _built(build, trunk, trunk.stat().st_mtime_ns, network, digest, *weights)


@cache
def _built(build: Callable[..., N], trunk: Path, changed: int, network: str, digest: str, *weights: Path) -> N | str:
    """What is built of these files; one that was refused is looked at again when it has changed."""
    try:
        return build(state_of(trunk, network, digest), *map(state_of, weights))
    except WeightsError as error:
        _log.warning("%s", error)
        return str(error)


def convolution(state: State, number: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution, by its number in torchvision's `features`."""
    return state[f"features.{number}.weight"].float(), state[f"features.{number}.bias"].float()


def state_of(path: Path, network: str = "", digest: str = "") -> State:
    """The tensors in a file.

    Args:
        network: what it should be, for the message.
        digest: what the SHA-256 of the file begins with; "" for any.

    Raises:
        WeightsError: it is missing, damaged or another file.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(digest):
            raise WeightsError(
                f"{path} is not {network} as it was published: its sha256 begins with {found[:8]} and not with "
                f"{digest}. Please delete it and download it again."
            )
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error


def how_to_get(trunk: str, place: str = "https://download.pytorch.org/models/") -> str:
    """The command that fetches a network, of torchvision unless another place is named; checked, nothing executed."""
    return (
        f"python -c \"import torch; torch.hub.load_state_dict_from_url('{place}{trunk}', check_hash=True, "
        'weights_only=True)"'
    )
