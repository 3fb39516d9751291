"""What a codec is: an image into bytes, and bytes into a sequence of reconstructions.

Two kinds of progress must not be confused. `num_bytes` grows where more of the file has been used; `step` grows where
only more work has been done on the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from torch import Tensor

from diffdemo.images import Pixels


class Decoder(StrEnum):
    """What to do about the bits that were not sent.

    MEAN: the average of all pictures that fit (posterior mean): least error, blurred.
    FLOW: one sharp picture, always the same (probability flow; DiffC-F of Theis et al. 2022).
    ANCESTRAL: one sharp picture drawn at random (reverse diffusion; DiffC-A).
    """

    MEAN = "mean"
    FLOW = "flow"
    ANCESTRAL = "ancestral"


class Preset(StrEnum):
    """How much work the encoder puts into saving bits."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an encode ends: at the first of the limits that are given.

    Attributes:
        num_bytes: the file, header included, is never longer.
        psnr_db: the posterior mean of the whole file reaches this, if the model can.
    """

    num_bytes: int | None = None
    psnr_db: float | None = None


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """One picture out of the sequence that a decode yields.

    Attributes:
        image: float32 [1,3,H,W] in [-1,1].
        num_bytes: bytes of the file that it rests on, header included.
        step, num_steps: work done and to be done; `step == num_steps` is the last one.
        sigma: noise level that has been reached; 0 where the notion does not apply.
    """

    image: Tensor
    num_bytes: int
    step: int
    num_steps: int
    sigma: float


class Codec(Protocol):
    """The contract that `tests/contract` checks for every registered codec."""

    name: str
    codec_id: int

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset, seed: int) -> bytes:
        """A file that meets the target."""
        ...

    def decode(self, data: bytes, *, decoder: Decoder, realism: float, seed: int) -> Iterator[Reconstruction]:
        """Reconstructions from a file or any prefix of it, coarse to fine; at least one."""
        ...
