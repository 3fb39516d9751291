"""Four bytes that name the weights of a model, in the header of every file that was coded with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

WEIGHTS = (".safetensors", ".bin", ".pt")
"""Endings of the files that decide what is decoded; the others only say how to read them."""

PREVIEW = "preview"
"""Folder of a source that only shows latents on their way: another one decodes the same files."""


def counts(path: str, folder: str) -> bool:
    """Whether a file takes part in the fingerprint: weights of anything but the preview."""
    return path.endswith(WEIGHTS) and folder != PREVIEW


def fingerprint(hashes: Iterable[str]) -> bytes:
    """Name weights by the SHA-256 (64 hexadecimal digits) of each of their files, in any order.

    Returns:
        Four bytes.
    """
    return hashlib.sha256("\n".join(sorted(h.lower() for h in hashes)).encode()).digest()[:4]
