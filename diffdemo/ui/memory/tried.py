"""Decodes that a visitor has tried on the current picture: points that stay in the plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffdemo.engine import DECODERS, KNOBS, CurvePoint, Decoder

MAX_TRIED = 60


@dataclass(frozen=True, slots=True)
class Tried:
    """One decode.

    Attributes:
        name: the decoder, with what was chosen for it.
        point: where it lies in the plot.
    """

    codec: str
    name: str
    point: CurvePoint

    @property
    def _place(self) -> tuple[str, int]:
        return self.name, self.point.num_bytes

    def among(self, others: tuple[Tried, ...]) -> tuple[Tried, ...]:
        """The others and this one, which takes the place of one like it; the oldest make room."""
        return (*(each for each in others if each._place != self._place), self)[-MAX_TRIED:]


def name_of(decoder: str, knobs: Mapping[str, float]) -> str:
    """What to call a decode: the decoder, and those of its numbers that are worth telling.

    The number of steps and the seed are told elsewhere, if at all, and a number that stands where it begins, at an end
    of its range, says nothing. Numbers of a decoder that works in steps stand for it.
    """
    way = DECODERS[Decoder(decoder)]
    told = [
        f"{name} {knobs[name]:g}" for name in way.knobs if name not in ("steps", "seed") and _says(name, knobs[name])
    ]
    return ", ".join(told if told and "steps" in way.knobs else [way.short, *told])


def _says(name: str, value: float) -> bool:
    knob = KNOBS[name]
    return value != knob.default or value not in (knob.low, knob.high)
