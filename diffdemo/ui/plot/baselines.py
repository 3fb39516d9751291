"""JPEG, WebP and AVIF on the visitor's picture, measured beside the encode and kept for a few pictures."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock

from diffdemo.engine import Engine
from diffdemo.engine.classical.formats import USUAL as CODECS
from diffdemo.images import Pixels
from diffdemo.metrics.curves import bytes_needed, value_at
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE
from diffdemo.ui.style import Curve

_MOST_PICTURES = 32


@dataclass(frozen=True, slots=True)
class Rival:
    """What a classical codec has to say about one operating point.

    Attributes:
        codec: "jpeg", "webp" or "avif".
        smallest: bytes of the smallest file that was tried.
        psnr_db: reached with the same bytes; None if none was tried so small or so large.
        needs: bytes for the same PSNR; None outside what was tried.
    """

    codec: str
    smallest: int
    psnr_db: float | None
    needs: int | None


class Rivals:
    """Sweeps of the classical codecs, computed once for a picture on one thread that waits for nobody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rivals")
        self._sweeps: OrderedDict[bytes, dict[str, Future[list[CurvePoint]]]] = OrderedDict()
        self._lock = Lock()

    def start(self, png: bytes, pixels: Pixels) -> None:
        """Begin to measure; does nothing for a picture that is known."""
        sweep = self._engine.classical_curve
        self._keep(png, lambda: {codec: self._pool.submit(sweep, pixels, codec) for codec in CODECS})

    def know(self, png: bytes, measured: Mapping[str, Sequence[CurvePoint]]) -> None:
        """Take sweeps of a picture, by codec, as they were measured some time ago."""
        self._keep(png, lambda: {codec: _ended(list(points)) for codec, points in measured.items()})

    def _keep(self, png: bytes, begin: Callable[[], dict[str, Future[list[CurvePoint]]]]) -> None:
        key = _key(png)
        with self._lock:
            if key not in self._sweeps:
                self._sweeps[key] = begin()
            self._sweeps.move_to_end(key)
            while len(self._sweeps) > _MOST_PICTURES:
                self._sweeps.popitem(last=False)

    def wait(self, png: bytes, seconds: float = 10) -> None:
        """Give the sweeps time to end, so that the last drawing of an encode is complete."""
        wait(self._sweeps.get(_key(png), {}).values(), timeout=seconds)

    def curves(self, png: bytes) -> tuple[Curve, ...]:
        """The sweeps that have ended so far."""
        sweeps = self._sweeps.get(_key(png), {})
        return tuple(
            Curve(codec, tuple(sweep.result()))
            for codec, sweep in sweeps.items()
            if sweep.done() and sweep.exception() is None
        )

    def facts(self, png: bytes, num_bytes: int, psnr_db: float) -> list[Rival]:
        """Compare with one operating point, by interpolation along the sweeps."""
        return [
            Rival(
                curve.codec,
                min(point.num_bytes for point in curve.points),
                value_at(curve.points, BASE, num_bytes, "num_bytes"),
                bytes_needed(curve.points, psnr_db),
            )
            for curve in self.curves(png)
            if curve.points
        ]


def _ended(points: list[CurvePoint]) -> Future[list[CurvePoint]]:
    future: Future[list[CurvePoint]] = Future()
    future.set_result(points)
    return future


def _key(png: bytes) -> bytes:
    return hashlib.sha256(png).digest()
