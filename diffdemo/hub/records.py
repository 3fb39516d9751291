"""What others learn from this package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """A moment of a download.

    Attributes:
        file: what is arriving, as it is called in its repository; "" before and after.
        num_bytes, total_bytes: here and in all; resumed and cached bytes count as here.
        bytes_per_second: over the last few seconds; None before there was one.
        seconds_left: at that speed; None while unknown.
        done: whether the model can be used now.
    """

    model: str
    file: str
    num_bytes: int
    total_bytes: int
    bytes_per_second: float | None
    seconds_left: float | None
    done: bool


@dataclass(frozen=True, slots=True)
class Installed:
    """A downloaded model on this computer.

    Attributes:
        files: path of each file by its name in the repository, without ".fp16" and with the source's `folder` before
            it: "unet/diffusion_pytorch_model.safetensors", "preview/config.json".
        fingerprint: four bytes that name the weights in files.
    """

    name: str
    files: dict[str, Path]
    fingerprint: bytes
    num_bytes: int


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """Where downloaded models lie.

    Attributes:
        num_bytes: that our models take there.
    """

    folder: Path
    num_bytes: int
    free_bytes: int
