"""What a visitor has tried on a picture, as a text that the browser keeps beside it; see `kept`.

It comes back from the browser, so that anything may stand in it: it is read as a whole or not at all, and makes nothing
but points in the plots of whoever sent it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import MAX_EARLIER, MAX_RUNS, MAX_TRIED, Earlier, Run, Tried

MAX_TEXT = 100_000
"""Characters: enough for as many decodes and encodes as a session remembers."""
MAX_POINTS = 200
"""Of one curve."""
LONGEST_WORDS = 1000
"""Characters; a setting may be a prompt."""
MAX_SETTINGS = 8
"""In words, of one encode."""
MOST_BYTES = 1 << 30
MOST_BPP = 1000.0
MOST_STEPS = 10_000


def in_text(session: Session) -> str:
    """Decodes and encodes of a session's picture besides the present one; empty where there are none."""
    if not (session.tried or session.runs or session.earlier):
        return ""
    found = {
        "tried": [[each.codec, each.name, _row(each.point)] for each in session.tried],
        "runs": [[each.name, each.points] for each in session.runs],
        "earlier": [[each.codec, each.settings, [*map(_row, each.points)]] for each in session.earlier],
    }
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    return text if len(text) <= MAX_TEXT else ""


def fields_of(text: str | None, labels: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a `Session` that a text says; none if it is not one of `in_text`.

    Args:
        text: from a browser.
        labels: of the codecs that there are, by name.
    """
    if not text or len(text) > MAX_TEXT:
        return {}
    try:
        found = json.loads(text, parse_constant=_infinity)
        return {
            "tried": tuple(_tried(*each, labels=labels) for each in _few(found["tried"], MAX_TRIED)),
            "runs": tuple(_run(*each) for each in _few(found["runs"], MAX_RUNS)),
            "earlier": tuple(_earlier(*each, labels=labels) for each in _few(found["earlier"], MAX_EARLIER)),
        }
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _tried(codec: Any, name: Any, point: Any, *, labels: Mapping[str, str]) -> Tried:
    return Tried(_one_of(labels, codec), _words(name), _point(point))


def _run(name: Any, points: Any) -> Run:
    return Run(_words(name), tuple((_whole(step, MOST_STEPS), _finite(db)) for step, db in _few(points, MAX_POINTS)))


def _earlier(codec: Any, settings: Any, points: Any, *, labels: Mapping[str, str]) -> Earlier:
    told = tuple(map(_words, _few(settings, MAX_SETTINGS)))
    return Earlier(codec, labels[_one_of(labels, codec)], told, tuple(map(_point, _few(points, MAX_POINTS))))


def _few(items: Any, most: int) -> list[Any]:
    return items if isinstance(items, list) and len(items) <= most else _refuse(items)


def _one_of(labels: Mapping[str, str], codec: Any) -> str:
    return codec if codec in labels else _refuse(codec)


def _words(text: Any) -> str:
    is_short = isinstance(text, str) and len(text) <= LONGEST_WORDS and text.isprintable()
    return text if is_short else _refuse(text)


def _row(point: CurvePoint) -> list[Any]:
    return [point.num_bytes, point.bpp, dict(point.values)]


def _point(row: Any) -> CurvePoint:
    num_bytes, bpp, values = _few(row, 3)
    if not 0 < _finite(bpp) <= MOST_BPP or not METRICS.keys() >= values.keys() >= {BASE}:
        _refuse(row)
    known = {name: value if value in (None, math.inf) else _finite(value) for name, value in values.items()}
    return CurvePoint(_whole(num_bytes, MOST_BYTES), bpp, known)


def _whole(value: Any, most: int) -> int:
    return value if type(value) is int and 0 < value <= most else _refuse(value)


def _finite(value: Any) -> float:
    is_finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_finite else _refuse(value)


def _infinity(name: str) -> float:
    """Of what JSON has no numbers for, the PSNR of equal pictures."""
    return math.inf if name == "Infinity" else _refuse(name)


def _refuse(found: Any) -> Any:
    raise ValueError(f"{found!r:.40} is not what was kept")
