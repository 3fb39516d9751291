"""LPIPS along the lines of the plot: measured when somebody has chosen that axis, and kept for a few pictures."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock

from diffdemo.engine import CurvePoint, Engine
from diffdemo.images import to_png
from diffdemo.pictures import load_picture
from diffdemo.ui.likeness import likeness
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import CODECS
from diffdemo.ui.plot.lines import Line

MOST_POINTS = 12
"""Of a DiffC file's curve; it has many more, and they lie close to each other."""
_MOST_PICTURES = 32
_log = logging.getLogger(__name__)

Known = dict[tuple[int, float], float | None]
"""LPIPS by bytes and PSNR, which no two files of one picture have in common."""


class Perceived:
    """What has been measured so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[bytes, tuple[Known, set[str]]] = OrderedDict()
        self._lock = Lock()

    def filled(self, png: bytes, lines: Sequence[Line]) -> list[Line]:
        """The same lines; points whose LPIPS is known have it.

        Args:
            png: the original.
            lines: from `lines_of`.
        """
        known, _ = self._known.get(_key(png), ({}, set()))
        return [replace(line, points=tuple(_filled(point, known) for point in line.points)) for line in lines]

    def find(self, session: Session) -> Iterator[None]:
        """Measure what is missing of a session's picture, and say each time that there is more."""
        known, swept = self._of(session.original)
        for codec in CODECS:
            if codec not in swept:
                known |= {_place(point): point.lpips for point in self._classical(session, codec)}
                swept.add(codec)
                yield
        stride = -(-len(session.own) // MOST_POINTS) or 1
        for point in session.own[::-1][::stride]:
            if _place(point) not in known:
                frame = self._engine.preview(session.data, point.num_bytes)
                known[_place(point)] = None if frame is None else likeness(session.original, to_png(frame.pixels))
                yield

    def _classical(self, session: Session, codec: str) -> list[CurvePoint]:
        """Nobody asked for this line in particular, so nobody is told why it is not there."""
        try:
            pixels = load_picture(session.original).pixels
            return self._engine.classical_curve(pixels, codec, is_perceived=True)
        except Exception:
            _log.exception("LPIPS of %s was not measured", codec)
            return []

    def _of(self, png: bytes) -> tuple[Known, set[str]]:
        """What is known of a picture, and which classical codecs have been measured on it."""
        with self._lock:
            found = self._known.setdefault(_key(png), ({}, set()))
            self._known.move_to_end(_key(png))
            while len(self._known) > _MOST_PICTURES:
                self._known.popitem(last=False)
            return found


def _filled(point: CurvePoint, known: Known) -> CurvePoint:
    return point if point.lpips is not None else replace(point, lpips=known.get(_place(point)))


def _place(point: CurvePoint) -> tuple[int, float]:
    return point.num_bytes, point.psnr_db


def _key(png: bytes) -> bytes:
    return hashlib.sha256(png).digest()
