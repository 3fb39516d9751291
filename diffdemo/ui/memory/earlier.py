"""Encodes of the current picture before the present one: their curves stay in the plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from diffdemo.engine import CurvePoint, FileInfo

MAX_EARLIER = 6
_WORDS = {"preset": "{}", "seed": "seed {}", "prompt": "“{}”"}
"""How to tell a fact of a file that tells it from others of its model."""


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
