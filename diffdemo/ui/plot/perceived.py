"""What is measured on demand, along the lines of the plot, for those who chose that axis; kept for a few pictures."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock

from diffdemo.engine import CurvePoint, Engine
from diffdemo.images import to_png
from diffdemo.metrics.points import few
from diffdemo.metrics.registry import Values, When, until
from diffdemo.pictures import load_picture
from diffdemo.ui.likeness import likeness
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import CODECS
from diffdemo.ui.plot.lines import Line

_MOST_PICTURES = 32
_log = logging.getLogger(__name__)

Known = dict[tuple[int, float], Values]
"""Values by bytes and PSNR, which no two files of one picture have in common."""
Swept = set[tuple[str, str]]
"""Classical codecs and metrics."""


class Perceived:
    """What has been measured so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[bytes, tuple[Known, Swept]] = OrderedDict()
        self._lock = Lock()

    def filled(self, png: bytes, lines: Sequence[Line]) -> list[Line]:
        """The same lines; points have what is known of them.

        Args:
            png: the original.
            lines: from `lines_of`.
        """
        known, _ = self._known.get(_key(png), ({}, set()))
        return [replace(line, points=tuple(_filled(point, known) for point in line.points)) for line in lines]

    def find(self, session: Session, metric: str) -> Iterator[None]:
        """Measure what is missing of a session's picture, and say each time that there is more."""
        known, swept = self._of(session.original)
        for codec in CODECS:
            if (codec, metric) not in swept:
                for point in self._classical(session, codec, metric):
                    known[_place(point)] = {**known.get(_place(point), {}), **point.values}
                swept.add((codec, metric))
                yield
        for point in few(session.own):
            if metric not in known.get(_place(point), {}):
                frame = self._engine.preview(session.data, point.num_bytes)
                found = {} if frame is None else likeness(session.original, to_png(frame.pixels))
                known[_place(point)] = {**known.get(_place(point), {}), metric: None, **found}
                yield

    def _classical(self, session: Session, codec: str, metric: str) -> list[CurvePoint]:
        """Nobody asked for this line in particular, so nobody is told why it is not there."""
        try:
            pixels = load_picture(session.original).pixels
            return self._engine.classical_curve(pixels, codec, [*until(When.FRAME), metric])
        except Exception:
            _log.exception("%s of %s was not measured", metric, codec)
            return []

    def _of(self, png: bytes) -> tuple[Known, Swept]:
        """What is known of a picture, and what the classical codecs have been measured with on it."""
        with self._lock:
            found = self._known.setdefault(_key(png), ({}, set()))
            self._known.move_to_end(_key(png))
            while len(self._known) > _MOST_PICTURES:
                self._known.popitem(last=False)
            return found


def _filled(point: CurvePoint, known: Known) -> CurvePoint:
    return replace(point, values={**known.get(_place(point), {}), **point.values})


def _place(point: CurvePoint) -> tuple[int, float]:
    return point.num_bytes, point.psnr_db


def _key(png: bytes) -> bytes:
    return hashlib.sha256(png).digest()
