"""A study's trials: two codecs' pictures of equal bytes, left and right by chance, under names that say nothing.

Two-alternative forced choice beside the original: "Which of the two is nearer to the original?" (ITU-R BT.500-15,
double-stimulus methods). What a viewer's browser gets holds tokens only; what they stand for is kept apart, in a key.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from diffdemo.images import Pixels
from diffdemo.measure.plates import Plate

QUESTION = "Which of the two is nearer to the original?"


@dataclass(frozen=True, slots=True)
class Trial:
    """One question.

    Attributes:
        token: by which an answer names it.
        original, left, right: tokens of pictures.
    """

    token: str
    original: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Study:
    """What viewers see, and what they must not know.

    Attributes:
        token: of the study, so that answers are not held against the key of another one.
        trials: in an order by chance.
        pictures: token to pixels, uint8 [H,W,3].
        key: token of a trial to `picture`, `rate`, and of `left` and `right` the `codec` and its `num_bytes`.
    """

    token: str
    trials: Sequence[Trial]
    pictures: dict[str, Pixels]
    key: dict[str, dict[str, Any]]


def make_study(plates: Iterable[Plate]) -> Study:
    """A trial for every two codecs of a plate of which at least one is ours."""
    trials: list[Trial] = []
    pictures: dict[str, Pixels] = {}
    key: dict[str, dict[str, Any]] = {}
    chance = random.SystemRandom()
    for plate in plates:
        original = _token()
        pictures[original] = plate.original
        tokens = {name: _token() for name in plate.shown}
        pictures |= {tokens[name]: shown.pixels for name, shown in plate.shown.items()}
        for pair in combinations(plate.shown, 2):
            if not any(plate.shown[name].is_ours for name in pair):
                continue
            left, right = chance.sample(pair, 2)
            trial = Trial(_token(), original, tokens[left], tokens[right])
            trials.append(trial)
            sides = {
                side: {"codec": name, "num_bytes": plate.shown[name].point.num_bytes}
                for side, name in (("left", left), ("right", right))
            }
            key[trial.token] = {"picture": plate.picture, "rate": plate.rate, **sides}
    chance.shuffle(trials)
    return Study(_token(), trials, pictures, key)


def _token() -> str:
    return secrets.token_hex(8)
