"""CDC over its rates on a visitor's picture: computed point by point while nobody wants anything else."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock

from diffdemo.engine import CurvePoint, Engine
from diffdemo.images import Pixels

_MOST_PICTURES = 32
_log = logging.getLogger(__name__)


class Sweep:
    """The curve of one picture, as far as it has been computed."""

    def __init__(self, points: Iterator[CurvePoint]) -> None:
        self.points: tuple[CurvePoint, ...] = ()
        self._coming = points
        self._lock = Lock()

    def advance(self) -> bool:
        """Compute one more point, if there is one; nobody asked for this curve, so nobody is told why it ends."""
        with self._lock:
            try:
                point = next(self._coming, None)
            except Exception:
                _log.exception("a sweep failed")
                return False
            if point is not None:
                self.points = (*self.points, point)
        return point is not None

    def follow(self) -> Iterator[tuple[CurvePoint, ...]]:
        """The points so far, each time that there are more.

        Whoever stops asking stops the work, and whoever asks again goes on where it was.
        """
        seen = 0
        while len(self.points) > seen or self.advance():
            seen = len(self.points)
            yield self.points


class Sweeps:
    """Sweeps of the pictures that were compressed with CDC, kept for a few of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sweeps: OrderedDict[tuple[bytes, str], Sweep] = OrderedDict()
        self._lock = Lock()

    def of(self, png: bytes, pixels: Pixels, model: str) -> Sweep:
        """The sweep of a picture with a model, begun if it is not known."""
        key = _key(png, model)
        with self._lock:
            if key not in self._sweeps:
                self._sweeps[key] = Sweep(self._engine.sweep(pixels, model=model or None))
            self._sweeps.move_to_end(key)
            while len(self._sweeps) > _MOST_PICTURES:
                self._sweeps.popitem(last=False)
            return self._sweeps[key]

    def points(self, png: bytes, model: str | None) -> tuple[CurvePoint, ...]:
        """What is known so far of a picture with a model; None for the model that was swept last."""
        wanted = _key(png, model or "")
        for key, sweep in reversed(self._sweeps.items()):
            if key == wanted or (model is None and key[0] == wanted[0]):
                return sweep.points
        return ()


def _key(png: bytes, model: str) -> tuple[bytes, str]:
    return hashlib.sha256(png).digest(), model
