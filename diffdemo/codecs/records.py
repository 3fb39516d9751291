"""What codecs take and give, besides pictures and bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.codecs.rendering import Decoder
from diffdemo.models.evaluation import Parts

T = TypeVar("T")


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
        psnr_db: the first decode of the whole file reaches this, if the model can.
    """

    num_bytes: int | None = None
    psnr_db: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Bits per pixel that make sense: where a page begins, and the most that it offers."""

    usual: float
    most: float


@dataclass(frozen=True, slots=True)
class Work:
    """What an encode or a decode will compute, known before its first step.

    Attributes:
        pixels: that the network sees in one evaluation, those of the padding included.
        evaluations: of the network, counted by the pixels that it sees.
        searched_bits: that an encoder looks for by channel simulation.
    """

    pixels: int
    evaluations: float
    searched_bits: int = 0


@dataclass(frozen=True, slots=True)
class Working:
    """A moment at which there is nothing to look at yet.

    Attributes:
        done, total: multiplications of the networks that have to run, as far as they are counted.
    """

    done: int
    total: int

    @classmethod
    def along(cls, parts: Parts[T], done: int, total: int) -> Generator[Working, None, T]:
        """A run of a network, told after each part, where so many of all multiplications were done before."""
        while True:
            try:
                done += next(parts)
            except StopIteration as end:
                result: T = end.value
                return result
            yield cls(done, total)


class State(Protocol):
    """Where a decoder stands after a whole step of an embedded file, and can go on from."""

    @property
    def number(self) -> int:
        """Steps taken."""
        ...

    @property
    def num_bytes(self) -> int:
        """Shortest prefix of the file that leads here, header included."""
        ...

    @property
    def memory(self) -> int:
        """Bytes that it takes to be kept."""
        ...


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """One picture out of the sequence that a decode yields.

    Attributes:
        render: makes the picture; see `image`.
        num_bytes: bytes of the file that it rests on, header included.
        step, num_steps: work done and to be done; `step == num_steps` is the last one.
        sigma: noise level that has been reached; 0 where the notion does not apply.
        decoder: that made it.
        state: after a whole step of an embedded file, where to go on from; else None.
    """

    render: Callable[[], Tensor]
    num_bytes: int
    step: int
    num_steps: int
    sigma: float
    decoder: Decoder
    state: State | None = None

    @property
    def image(self) -> Tensor:
        """float32 [1,3,H,W] in [-1,1], computed when it is asked for."""
        return self.render()

    @property
    def is_last(self) -> bool:
        """Whether it is the result."""
        return self.step == self.num_steps


@dataclass(frozen=True, slots=True)
class Encoded:
    """A moment of an encode.

    Attributes:
        data: a whole file that ends here.
        picture: what the first of the codec's decoders makes of it; its number of steps is an estimate.
        done: whether the target has been reached.
    """

    data: bytes
    picture: Reconstruction
    done: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an embedded file.

    Attributes:
        number: from 1.
        sigma: noise level after it.
        bits: of its own.
        side_bits: what it took to say how far the step goes.
        end_bytes: shortest prefix of the file that holds the whole step.
        received: whether this file does.
    """

    number: int
    sigma: float
    bits: int
    side_bits: int
    end_bytes: int
    received: bool


Facts = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Description:
    """What a file of one codec says beside its header, readable without the model.

    Attributes:
        facts: by the names in the codec's `facts`; one that the file does not state is None.
        header_bytes: everything before the picture's own bits.
        steps: of an embedded file.
    """

    facts: Facts
    header_bytes: int
    steps: tuple[Step, ...] = ()


class CellBits(NamedTuple):
    """Where in a picture its bits went: float64 [h,w], in bits, for cells of `side` by `side` pixels."""

    bits: NDArray[np.float64]
    side: int
