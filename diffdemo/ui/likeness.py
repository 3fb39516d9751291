"""Metrics that somebody has to ask for, between pictures of the page: measured once for a pair."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

from diffdemo.engine.records import Frame
from diffdemo.metrics.registry import Values, When, available, measure, until
from diffdemo.pictures import load_picture

_MOST = 1024
_found: OrderedDict[bytes, Values] = OrderedDict()
_lock = Lock()


def likeness(original: bytes, png: bytes) -> Values:
    """What is measured on demand, as far as it can be measured here, of two PNG files; nothing if one is empty."""
    names = [metric.name for metric in available() if metric.when is When.ASKED]
    if not original or not png or not names:
        return {}
    key = hashlib.sha256(original).digest() + hashlib.sha256(png).digest()
    known = _found.get(key, {})
    if not known.keys() >= set(names):
        known = measure(load_picture(original).pixels, load_picture(png).pixels, names, known)
        with _lock:
            _found[key] = known
            while len(_found) > _MOST:
                _found.popitem(last=False)
    return {name: known[name] for name in names}


def is_settled(frame: Frame) -> bool:
    """Whether a picture is worth the time: such metrics are for those that stay, and not for those on the way."""
    return bool(frame.values) and all(name in frame.values for name in until(When.REST))
