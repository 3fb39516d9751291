"""Encodes of the current picture before the present one: their curves stay in the plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from diffdemo.engine import CurvePoint, FileInfo
from diffdemo.ui.codec_controls import OFFERS

MOST_EARLIER = 6


@dataclass(frozen=True, slots=True)
class Earlier:
    """One encode.

    Attributes:
        codec: "diffc" or "cdc".
        settings: model, and of DiffC the preset, seed and prompt, in words; a second encode of the same settings takes
            the place of the first.
        points: the posterior mean along a DiffC file; of CDC none, because its curve goes on growing elsewhere.
    """

    codec: str
    settings: tuple[str, ...]
    points: tuple[CurvePoint, ...] = ()

    @property
    def label(self) -> str:
        """All of it in words."""
        return ", ".join((OFFERS[self.codec].label, *self.settings))

    def apart_from(self, others: Iterable[str]) -> str:
        """In as few words as tell it from an encode of other settings."""
        return ", ".join(each for each in self.settings if each not in set(others)) or self.label

    def among(self, others: tuple[Earlier, ...]) -> tuple[Earlier, ...]:
        """The others and this one, which takes the place of one like it; the oldest make room."""
        unlike = (each for each in others if (each.codec, each.settings) != (self.codec, self.settings))
        return (*unlike, self)[-MOST_EARLIER:]


def settings_of(info: FileInfo) -> tuple[str, ...]:
    """What a file says about how it was made, in words."""
    model = info.model or info.fingerprint
    if not info.is_embedded:
        return (model,)
    facts = info.facts
    more = [f"seed {facts['seed']}"] if facts["seed"] else []
    more += [f"“{facts['prompt']}”"] if facts["prompt"] else []
    return (model, str(facts["preset"]), *more)
