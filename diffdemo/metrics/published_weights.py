"""Weights of metrics that others have learned: where their own tools keep them, and what is in such a file.

Nothing is fetched from here, nothing in a file is executed, and no package is imported for what lies in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import torch

from diffdemo.errors import WeightsError


def folder_of(package: str) -> Path | None:
    """Where an installed package lies; None if it is not here."""
    found = importlib.util.find_spec(package)  # found, not imported
    return None if found is None or found.origin is None else Path(found.origin).parent


def checkpoint(name: str) -> Path:
    """Where `torch.hub` keeps a network of torchvision that it has downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def state_of(path: Path, network: str = "", digest: str = "") -> dict[str, Any]:
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


def how_to_get(trunk: str) -> str:
    """The command that fetches a network of torchvision, checks it, and executes nothing in it."""
    return (
        "python -c \"import torch; torch.hub.load_state_dict_from_url('https://download.pytorch.org/models/"
        f"{trunk}', check_hash=True, weights_only=True)\""
    )
