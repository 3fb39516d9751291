"""A line of an evaluation's results file, and what must stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from diffdemo.codecs.registry import CODECS
from diffdemo.measure.looks.points import ORIGINAL
from diffdemo.metrics.sets.patches import features_from_text
from diffdemo.metrics.sets.realism import REVISION
from diffdemo.metrics.sets.registry import DESCRIPTIONS, STATISTICS, Description

Row = dict[str, Any]
"""A line of the results file."""
Kind = Literal["points", "looks"]
"""What a line is about: a curve, or how its pictures look at fixed rates."""


def codec_of(curve: str) -> str:
    """The codec of ours that a curve's name begins with; "" for others, such as "jpeg"."""
    name = curve.split()[0] if curve.split() else ""
    return name if name in CODECS else ""


def picture_key(row: Row) -> str:
    """What tells a line's picture from others: its content, or in lines that do not know it only its name."""
    return str(row.get("sha256") or row["picture"])


def fault(row: object) -> str:
    """What keeps a line from being one of results, in words; "" for a good one.

    Args:
        row: a line as JSON has it. Older ones lack what was not measured then; what every table needs must be there.
    """
    if not isinstance(row, dict):
        return "an object was expected"
    content = row.get("looks", row.get("points"))
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        return "it has neither points nor looks"
    fields = [("picture", _is_text), ("codec", _is_text), ("settings", lambda value: isinstance(value, dict))]
    if lack := _first_fault(row, fields):
        return lack
    if row["codec"] == ORIGINAL and not content:
        return "looks are missing"
    check = _look_fault if "looks" in row else _point_fault
    return next((reason for each in content if (reason := check(each, row))), "")


Check = Callable[[object], bool]


def _first_fault(row: Mapping[str, Any], fields: Iterable[tuple[str, Check]]) -> str:
    for name, is_right in fields:
        if name not in row:
            return f"{name} is missing"
        if not is_right(row[name]):
            return f"{name} is not what it should be"
    return ""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


_RATE_AND_QUALITY = (("num_bytes", _is_positive), ("bpp", _is_positive), ("psnr_db", _is_number_or_none))
_OF_BLOTCHES = (("luma", _is_number), ("chroma", _is_number), ("share", _is_positive))


def _point_fault(point: Row, row: Row) -> str:
    codec = CODECS.get(codec_of(row["codec"]))
    if codec is None or codec.is_embedded:
        return _first_fault(point, _RATE_AND_QUALITY)
    facts = ((name, _is_number) for name in codec.facts)
    reason = _first_fault(point, (*_RATE_AND_QUALITY, *facts, ("target_bpp", _is_number_or_none)))
    if reason or point.get("jpeg") is None:
        return reason
    return _nested_fault(point["jpeg"], _RATE_AND_QUALITY)


def _look_fault(look: Row, row: Row) -> str:
    if row["settings"].get("features") != REVISION:
        return ""  # Such lines are kept and not used.
    described = [(name, _are_of(each)) for name, each in DESCRIPTIONS.items() if each is STATISTICS or name in look]
    fields = [("rate", _is_number_or_none), *described]
    if row["codec"] == ORIGINAL:
        return _first_fault(look, fields)
    reason = _first_fault(look, [*fields, *_RATE_AND_QUALITY])
    if reason or look.get("blotches") is None:
        return reason
    return _nested_fault(look["blotches"], _OF_BLOTCHES)


def _nested_fault(value: object, fields: Iterable[tuple[str, Check]]) -> str:
    return _first_fault(value, fields) if isinstance(value, dict) else "an object was expected"


def _are_of(description: Description) -> Check:
    def are_features(value: object) -> bool:
        try:
            features_from_text(str(value), description.numbers)
        except ValueError:
            return False
        return True

    return are_features
