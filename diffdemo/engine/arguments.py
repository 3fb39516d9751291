"""Numbers and words that callers give, checked before anything is computed, and named if they are wrong."""

from __future__ import annotations

import contextlib
import math
import numbers
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar, cast

from diffdemo.codecs.diffc_plan import DEFAULT_BPP
from diffdemo.codecs.records import Target
from diffdemo.codecs.rendering import KNOBS, LARGEST_SEED, Decoder, Knobs, Rendering
from diffdemo.coding.container import LARGEST_PAYLOAD
from diffdemo.errors import RateError
from diffdemo.images import Pixels

T = TypeVar("T", bound=StrEnum)

MAX_BPP = 24
"""Bits per pixel of a picture that is not compressed at all."""
MAX_BYTES = LARGEST_PAYLOAD
ROUNDED = 1.05
"""How many times the rate that was asked for one may be that still is meant: 0.0312 for 0.03."""
MIN_RATE_BYTES = 64
"""What a file may take at any rate: header and first step are larger than a thumbnail's share of a few bits."""
MAX_SEED = LARGEST_SEED
MAX_SHOWN = 40
"""Characters of a wrong value that a message repeats."""


def choice_of(kind: type[T], value: str, what: str) -> T:
    """One of a few words, as the member of an enumeration of strings that it stands for.

    Raises:
        RateError: it is none of them; names them.
    """
    try:
        return kind(value)
    except ValueError:
        options = ", ".join(str(each) for each in kind)
        raise RateError(f"'{value}' is no {what}; choose one of: {options}.") from None


def rendering_of(decoder: str | None, knobs: Knobs) -> Rendering:
    """How to decode, by the name of a decoder, or None for the first of the file's codec, and numbers for it.

    Raises:
        RateError: there is no such decoder, or a number is out of its range.
    """
    return Rendering(None if decoder is None else choice_of(Decoder, decoder, "decoder"), **knobs)


def target_of(
    pixels: Pixels,
    *,
    num_bytes: int | None,
    bpp: float | None,
    psnr_db: float | None,
    rate: float | None = None,
) -> Target:
    """Where an encode ends, of all the limits that are given.

    Args:
        pixels: the picture that is encoded, uint8 [H,W,3].
        num_bytes: largest file.
        bpp: the same in bits per pixel, but never less than `MIN_RATE_BYTES`; `DEFAULT_BPP` if nothing else is given.
        psnr_db: quality that is enough.
        rate: that of a model which has only one: it has to be within `bpp`, and its files are what they are.

    Raises:
        RateError: if one is no number, or none that can be met.
    """
    if rate is not None and bpp is not None and rate > ROUNDED * require_positive("bpp", bpp, MAX_BPP):
        raise RateError(
            f"This model's files take {rate:g} bits per pixel, and {bpp:g} were asked for. Please allow {rate:g}, or "
            "take a model of a lower rate."
        )
    height, width = pixels.shape[:2]
    limits = []
    if num_bytes is not None:
        limits.append(require_whole("num_bytes", num_bytes, 1, MAX_BYTES))
    if psnr_db is not None:
        psnr_db = require_positive("psnr_db", psnr_db)
    if rate is None and (bpp is not None or (num_bytes is None and psnr_db is None)):
        rate = DEFAULT_BPP if bpp is None else require_positive("bpp", bpp, MAX_BPP)
        limits.append(max(MIN_RATE_BYTES, int(rate * width * height / 8)))
    return Target(min(limits, default=None), psnr_db)


def require_finite(name: str, value: object) -> float:
    """A number, neither infinite nor NaN.

    Raises:
        RateError: if it is something else.
    """
    with contextlib.suppress(OverflowError):
        if _is_number(value) and math.isfinite(value):
            return float(value)
    raise RateError(f"{name} is {_shown(value)}; it must be a number.")


def require_positive(name: str, value: object, most: float = math.inf) -> float:
    """A finite number above 0 and at most `most`.

    Raises:
        RateError: if it is none; says what is allowed.
    """
    with contextlib.suppress(OverflowError):
        if _is_number(value) and 0 < value <= most and math.isfinite(value):
            return float(value)
    limit = "" if math.isinf(most) else f" of at most {most:g}"
    raise RateError(f"{name} is {_shown(value)}; it must be a positive number{limit}.")


def require_whole(name: str, value: object, least: int, most: int | None) -> int:
    """A whole number from `least` to `most`, if there is a most; a float that is one counts as one.

    Raises:
        RateError: if it is none; says what is allowed.
    """
    if _is_number(value) and least <= value < math.inf and value == int(value) and (most is None or value <= most):
        return int(value)
    if least == 1:
        allowed = "positive whole number" + ("" if most is None else f" of at most {most:,}")
    else:
        allowed = "whole number " + (f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}")
    raise RateError(f"{name} is {_shown(value)}; it must be a {allowed}.")


def checked_knobs(knobs: Knobs) -> Knobs:
    """Numbers for a decoder by names of `KNOBS`; None only for one whose default is up to the model.

    Raises:
        RateError: if one is no number, or no whole one where only whole ones make sense.
        TypeError: there is no such knob.
    """
    checked: dict[str, Any] = {}
    for name, value in knobs.items():
        if name not in KNOBS:
            raise TypeError(f"decode() got an unexpected keyword argument '{name}'")
        knob = KNOBS[name]
        if value is None and knob.is_optional:
            checked[name] = None
        elif knob.is_whole:
            checked[name] = require_whole(name, value, int(knob.low), int(knob.high))
        else:
            checked[name] = require_finite(name, value)
    return cast(Knobs, checked)


def require_text(name: str, value: object) -> str:
    """A text.

    Raises:
        RateError: if it is something else.
    """
    if isinstance(value, str):
        return value
    raise RateError(f"{name} is {_shown(value)}; it must be a text.")


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is a real number of Python or NumPy, which True and False are not meant to be."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if _is_number(value) and isinstance(value, numbers.Integral) and -(10**15) < value < 10**15:
        return f"{int(value):,}"
    try:
        text = " ".join((str(value) if _is_number(value) else repr(value)).split())
    except ValueError:  # Python writes no numbers of more than 4300 digits.
        return "a very large number"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
