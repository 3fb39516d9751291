"""The two halves of the stage: what they show, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from diffdemo.engine import CodecInfo
from diffdemo.engine.classical.formats import FORMATS, available
from diffdemo.engine.records import Classical, Frame
from diffdemo.images import to_png
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, Values, told
from diffdemo.ui import words
from diffdemo.ui.likeness import is_settled, likeness
from diffdemo.ui.memory.png import size_of
from diffdemo.ui.memory.session import Session, Shown, Side

ORIGINAL, OURS, MEAN = "original", "ours", "mean"
"""Keys of what can stand on a side, besides the names of codecs."""


def entries(own: Iterable[CodecInfo], *, is_embedded: bool, has_original: bool) -> list[tuple[str, str]]:
    """What can stand on either side: words and key, what stands on the left at first before the others."""
    simplest, ours = (words.simplest(is_embedded=is_embedded), MEAN), ("this file", OURS)
    if not has_original:
        return [simplest, ours]
    codecs = [(codec.label, codec.name) for codec in own]
    classical = [(FORMATS[name].label, name) for name in available()]
    return [(words.ORIGINAL, ORIGINAL), ours, *codecs, *classical, simplest]


def takes_amount(key: str, *, is_embedded: bool) -> bool:
    """Whether it can be had at a rate of its own; the file itself has its slider."""
    return key not in (ORIGINAL, OURS, MEAN) or (key == MEAN and is_embedded)


def on_stage(session: Session, label: str) -> tuple[Side, Side] | None:
    """Left and right; None before there is a file."""
    if session.shown is None:
        return None
    shown = session.shown
    ours = Side(words.decoded_caption(shown, label), shown.png, numbers(shown), shown.preview)
    return session.left or ours, session.right or ours


def of_original(png: bytes) -> Side:
    """The picture that was compressed; its bytes are those of its pixels."""
    width, height = size_of(png)
    return Side(words.ORIGINAL, png, f"{words.size(3 * width * height)} raw · 24 bpp")


def of_classical(result: Classical, asked: int, original: bytes) -> Side:
    """What JPEG and the like make of the picture with so many bytes, if they can."""
    excess = ", its smallest file" if result.point.num_bytes > asked else ""
    png = to_png(result.pixels)
    return Side(f"{FORMATS[result.codec].label}{excess}", png, numbers(result.point, likeness(original, result.pixels)))


def of_frame(caption: str, frame: Frame, original: bytes = b"") -> Side:
    """A decode that is not the one that the page is about."""
    png = to_png(frame.pixels)
    return Side(caption, png, numbers(frame, likeness(original, frame.pixels) if is_settled(frame) else {}))


def cut_at(frame: Frame, num_bytes: int) -> Frame:
    """A decode with the bytes that are spent on it, of which the last ones may not complete a step."""
    return replace(frame, num_bytes=num_bytes, bpp=frame.bpp * num_bytes / frame.num_bytes)


def numbers(point: CurvePoint | Frame | Shown, more: Values | None = None) -> str:
    """What stands under a side: bytes, rate, and what was measured, with what was measured besides."""
    values = {**point.values, **(more or {})}
    facts = [words.size(point.num_bytes), words.rate(point.bpp), words.quality(values.pop(BASE, None)), *told(values)]
    return " · ".join(fact for fact in facts if fact)
