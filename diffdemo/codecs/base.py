"""What a codec is: an image into bytes, and bytes into a sequence of reconstructions.

Two kinds of progress must not be confused. `num_bytes` grows where more of the file has been used; `step` grows where
only more work has been done on the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

from torch import Tensor

from diffdemo.coding.container import Bitstream
from diffdemo.errors import CorruptBitstream, RateError, TruncatedBitstream
from diffdemo.images import Pixels


class Decoder(StrEnum):
    """What to do about the bits that were not sent.

    MEAN: the average of all pictures that fit (posterior mean): least error, blurred.
    FLOW: one sharp picture, always the same (probability flow; DiffC-F of Theis et al. 2022).
    ANCESTRAL: one sharp picture drawn at random (reverse diffusion; DiffC-A).
    DETERMINISTIC: what the content says, started from nothing; always the same (CDC with gamma = 0).
    STOCHASTIC: content with texture grown from random noise (CDC with gamma > 0).
    """

    MEAN = "mean"
    FLOW = "flow"
    ANCESTRAL = "ancestral"
    DETERMINISTIC = "deterministic"
    STOCHASTIC = "stochastic"


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


MOST_STEPS = 1000


def require_whole(bitstream: Bitstream, codec: str) -> None:
    """Check that a file of a codec that is not embedded is complete and intact.

    Args:
        bitstream: the file.
        codec: its label, for the message.

    Raises:
        TruncatedBitstream, CorruptBitstream: if not.
    """
    if bitstream.is_cut:
        raise TruncatedBitstream(
            f"The file ends after {bitstream.num_bytes:,} of "
            f"{bitstream.header_bytes + bitstream.header.payload_bytes:,} bytes. A {codec} file cannot be decoded in "
            "part; please fetch it again, whole."
        )
    if bitstream.is_damaged:
        raise CorruptBitstream("The file is damaged: its check value does not match. Please fetch it again.")


@dataclass(frozen=True, slots=True)
class Work:
    """What an encode or a decode will compute, known before its first step.

    Attributes:
        pixels: that the network sees in one evaluation, those of the padding included.
        evaluations: of the network.
        searched_bits: that an encoder looks for by channel simulation.
    """

    pixels: int
    evaluations: int
    searched_bits: int = 0


def padded_pixels(width: int, height: int, multiple: int = 64) -> int:
    """Pixels of a picture whose sides have been filled up to multiples, as deep networks need them."""
    return (-(-width // multiple) * multiple) * (-(-height // multiple) * multiple)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a decoder fills in what was not sent. Each decoder reads those of the numbers that concern it.

    Attributes:
        decoder: None for the first of the codec's `decoders`.
        realism: for FLOW, 0 (posterior mean) to 1 (probability flow).
        gamma: for STOCHASTIC, standard deviation of the noise that it starts from, 0 to 2.
        eta: for STOCHASTIC, fresh noise in every step: 0 for none (DDIM) to 1 (ancestral sampling).
        steps: for DETERMINISTIC and STOCHASTIC, 1 to 1000 denoising steps; None for what suits the model.
        seed: for ANCESTRAL and STOCHASTIC, which of the possible pictures to draw.

    Raises:
        RateError: if a number is out of its range.
    """

    decoder: Decoder | None = None
    realism: float = 1.0
    gamma: float = 0.8
    eta: float = 0.0
    steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, high in (("Realism", self.realism, 1), ("Gamma", self.gamma, 2), ("Eta", self.eta, 1)):
            if not 0 <= value <= high:
                raise RateError(f"{name} is {value}; it must lie between 0 and {high}.")
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise RateError(f"The number of steps is {self.steps}; it must lie between 1 and {MOST_STEPS}.")

    def decoder_of(self, codec: Codec) -> Decoder:
        """The decoder to use with a codec.

        Raises:
            RateError: the codec does not have it.
        """
        chosen = self.decoder or codec.decoders[0]
        if chosen not in codec.decoders:
            raise RateError(
                f"The file is one of {codec.label}, which has no decoder '{chosen}'; "
                f"choose one of: {', '.join(codec.decoders)}."
            )
        return chosen


DEFAULT_RENDERING = Rendering()


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
    """The contract that `tests/contract` checks for every registered codec.

    Attributes:
        name: what users type.
        label: what they read.
        codec_id: what stands in files.
        is_embedded: whether every prefix of a file is a file.
        decoders: what it can do about the bits that were not sent, the default first.
        fingerprint: first four bytes of the SHA-256 of the weight file.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    codec_id: ClassVar[int]
    is_embedded: ClassVar[bool]
    decoders: ClassVar[tuple[Decoder, ...]]
    fingerprint: bytes

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset, seed: int) -> bytes:
        """A file that meets the target."""
        ...

    def decode(self, data: bytes, rendering: Rendering) -> Iterator[Reconstruction]:
        """Reconstructions from a file, or from any prefix of one of an embedded codec, coarse to fine; at least one."""
        ...
