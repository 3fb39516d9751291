"""What a visitor has tried on the current picture and stays in the plots: decodes, step by step, and encodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from diffdemo.engine import DECODERS, KNOBS, CurvePoint, Decoder, FileInfo
from diffdemo.engine.records import Frame

MAX_TRIED = 60
MAX_RUNS = MAX_EARLIER = 6
_WORDS = {"preset": "{}", "seed": "seed {}", "prompt": "“{}”"}
"""How to tell a fact of a file that tells it from others of its model."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One decode: of a codec's file, named for the decoder and what was chosen for it, as a point of the plot."""

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


@dataclass(frozen=True, slots=True)
class Run:
    """One way to decode, named by `name_of`, and its points: number of steps done and PSNR in dB."""

    name: str
    points: tuple[tuple[int, float], ...] = ()

    def after(self, frame: Frame) -> Run:
        """The run with one more step, if there is an original to measure against."""
        if frame.psnr_db is None:
            return self
        return replace(self, points=(*self.points, (frame.step, frame.psnr_db)))


def with_run(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    """The runs with one that is new or has gone on, in the order in which they began; the oldest make room."""
    if not run.points:
        return runs
    if any(each.name == run.name for each in runs):
        return tuple(run if each.name == run.name else each for each in runs)
    return (*runs, run)[-MAX_RUNS:]


@dataclass(frozen=True, slots=True)
class Earlier:
    """One encode.

    Attributes:
        codec, title: its name, and the label that people read.
        settings: model, and preset, seed and prompt where there are any, in words; a second encode of the same settings
            takes the place of the first.
        points: the first decoder's along an embedded file; of others none, because their curve grows elsewhere.
    """

    codec: str
    title: str
    settings: tuple[str, ...]
    points: tuple[CurvePoint, ...] = ()

    @property
    def label(self) -> str:
        """All of it in words."""
        return ", ".join((self.title, *self.settings))

    def apart_from(self, others: Iterable[str]) -> str:
        """In as few words as tell it from an encode of other settings."""
        return ", ".join(each for each in self.settings if each not in set(others)) or self.label

    def among(self, others: tuple[Earlier, ...]) -> tuple[Earlier, ...]:
        """The others and this one, which takes the place of one like it; the oldest make room."""
        unlike = (each for each in others if (each.codec, each.settings) != (self.codec, self.settings))
        return (*unlike, self)[-MAX_EARLIER:]


def settings_of(info: FileInfo) -> tuple[str, ...]:
    """What a file says about how it was made, in words."""
    stated = {name: info.facts.get(name) for name in _WORDS}
    return (info.model or info.fingerprint, *(_WORDS[name].format(value) for name, value in stated.items() if value))
