"""Metrics that somebody has to ask for, between pictures of the page: measured once for a pair."""

from __future__ import annotations

import hashlib
from threading import Lock

from cachetools import LRUCache, cached

from diffdemo.engine import Frame
from diffdemo.images import Pixels
from diffdemo.metrics.registry import Values, When, available, measure, until
from diffdemo.pictures import load_picture

_MAX_PAIRS = 1024


def likeness(original: bytes, picture: Pixels) -> Values:
    """What is measured on demand, as far as it can be here, of a picture and its PNG original; {} without one."""
    names = tuple(metric.name for metric in available() if metric.when is When.ASKED)
    return _measured(original, picture, names) if original and names else {}


def is_settled(frame: Frame) -> bool:
    """Whether a picture is worth the time: such metrics are for those that stay, and not for those on the way."""
    return bool(frame.values) and all(name in frame.values for name in until(When.REST))


def _key(original: bytes, picture: Pixels, names: tuple[str, ...]) -> tuple[bytes, bytes, tuple[str, ...]]:
    return hashlib.sha256(original).digest(), hashlib.sha256(picture.tobytes()).digest(), names


@cached(LRUCache(_MAX_PAIRS), key=_key, lock=Lock())
def _measured(original: bytes, picture: Pixels, names: tuple[str, ...]) -> Values:
    return measure(load_picture(original).pixels, picture, names)
