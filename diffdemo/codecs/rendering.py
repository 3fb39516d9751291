"""How a decoder fills in what was not sent: which decoders there are, and the knobs that each of them reads.

A knob is an entry here and a field of `Rendering`; page, command line, endpoints and links read the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from diffdemo.errors import RateError


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


@dataclass(frozen=True, slots=True)
class DecoderInfo:
    """A decoder as people meet it.

    Attributes:
        label: what they choose.
        short: what they read beside a picture or a curve.
        knobs: fields of `Rendering` that it reads.
    """

    label: str
    short: str
    knobs: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The label without the term in brackets that the field has for it."""
        return self.label.partition(" (")[0]

    @property
    def draws(self) -> bool:
        """Whether another seed gives another picture."""
        return "seed" in self.knobs


DECODERS: Mapping[Decoder, DecoderInfo] = {
    Decoder.MEAN: DecoderInfo("safest average (posterior mean)", "average"),
    Decoder.FLOW: DecoderInfo("sharp (probability flow, DiffC-F)", "DiffC-F", ("realism",)),
    Decoder.ANCESTRAL: DecoderInfo("one possible (ancestral, DiffC-A)", "DiffC-A", ("seed",)),
    Decoder.DETERMINISTIC: DecoderInfo("as sent (deterministic)", "deterministic", ("steps",)),
    Decoder.STOCHASTIC: DecoderInfo("grown from noise (stochastic)", "stochastic", ("steps", "gamma", "eta", "seed")),
}


@dataclass(frozen=True, slots=True)
class Knob:
    """A number that some decoders read.

    Attributes:
        label, info: on the page.
        noun: what an error calls it.
        default: on the page, and where none is given; of `steps` a model has its own.
        low, high: what a decoder takes.
        most: what a slider offers.
        step: of the slider; 0 for a field to type into.
        about: what it does, for the command line and programs.
        is_optional: whether a model has a default of its own, which None asks for.
    """

    label: str
    info: str
    noun: str
    default: float
    low: float
    high: float
    most: float
    step: float
    about: str
    is_optional: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers make sense."""
        return isinstance(self.default, int)


MAX_STEPS = 1000
LARGEST_SEED = (1 << 32) - 1

KNOBS: Mapping[str, Knob] = {
    "realism": Knob(
        "Realism",
        "0 safest average, 1 sharp.",
        "Realism",
        default=1.0,
        low=0,
        high=1,
        most=1,
        step=0.05,
        about="from 0 (the average) to 1 (sharp)",
    ),
    "steps": Knob(
        "Denoising steps",
        "More steps, more texture, and not one byte more.",
        "The number of steps",
        default=17,
        low=1,
        high=MAX_STEPS,
        most=65,
        step=1,
        about="denoising steps",
        is_optional=True,
    ),
    "gamma": Knob(
        "Gamma",
        "Noise to start from.",
        "Gamma",
        default=0.8,
        low=0,
        high=2,
        most=1,
        step=0.05,
        about="standard deviation of the noise to start from",
    ),
    "eta": Knob(
        "Eta",
        "Fresh noise in every step: 0 none, 1 most.",
        "Eta",
        default=0.0,
        low=0,
        high=1,
        most=1,
        step=0.05,
        about="fresh noise in every step, from 0 (none) to 1 (ancestral sampling)",
    ),
    "seed": Knob(
        "Which one",
        "Another number, another picture.",
        "The seed",
        default=0,
        low=0,
        high=LARGEST_SEED,
        most=LARGEST_SEED,
        step=0,
        about="which of the possible pictures to draw",
    ),
}


class Knobs(TypedDict, total=False):
    """The knobs as keyword arguments of whoever passes them on; see `Rendering`."""

    realism: float
    gamma: float
    eta: float
    steps: int | None
    seed: int


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
        for name, knob in KNOBS.items():
            value = getattr(self, name)
            if value is not None and not knob.low <= value <= knob.high:
                raise RateError(f"{knob.noun} is {value}; it must lie between {knob.low} and {knob.high}.")


DEFAULT_RENDERING = Rendering()
