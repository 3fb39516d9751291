"""The classical baselines on the visitor's picture, measured beside the encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from diffdemo.engine import CurvePoint, Engine
from diffdemo.engine.classical.formats import drawn
from diffdemo.images import Pixels
from diffdemo.metrics.curves import bytes_needed, value_at
from diffdemo.metrics.registry import BASE
from diffdemo.ui.per_picture import PerPicture
from diffdemo.ui.plot.figure import Curve

_MAX_PICTURES = 32
_Sweeps = dict[str, Future[list[CurvePoint]]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a classical codec has to say about one operating point.

    Attributes:
        codec: one of `formats.drawn`.
        smallest: bytes of the smallest file that was tried.
        smallest_db: PSNR of that one.
        psnr_db: reached with the same bytes; None if none was tried so small or so large.
        needs: bytes for the same PSNR; None outside what was tried.
    """

    codec: str
    smallest: int
    psnr_db: float | None
    needs: int | None
    smallest_db: float | None = None


class Baselines:
    """Sweeps of the classical codecs, computed once for a picture on one thread that waits for nobody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="baselines")
        self._sweeps: PerPicture[_Sweeps] = PerPicture(_MAX_PICTURES)

    def start(self, png: bytes, pixels: Pixels) -> None:
        """Begin to measure; does nothing for a picture that is known."""
        sweep = self._engine.classical_curve
        self._sweeps.of(png, lambda: {codec: self._pool.submit(sweep, pixels, codec) for codec in drawn()})

    def know(self, png: bytes, measured: Mapping[str, Sequence[CurvePoint]]) -> None:
        """Take sweeps of a picture, by codec, as they were measured some time ago."""
        self._sweeps.of(png, lambda: {codec: _ended(list(points)) for codec, points in measured.items()})

    def wait(self, png: bytes, seconds: float = 10) -> None:
        """Give the sweeps time to end, so that the last drawing of an encode is complete."""
        wait((self._sweeps.known(png) or {}).values(), timeout=seconds)

    def curves(self, png: bytes) -> tuple[Curve, ...]:
        """The sweeps that have ended so far."""
        return tuple(
            Curve(codec, tuple(sweep.result()))
            for codec, sweep in (self._sweeps.known(png) or {}).items()
            if sweep.done() and sweep.exception() is None
        )

    def facts(self, png: bytes, num_bytes: int, psnr_db: float) -> list[Baseline]:
        """Compare with one operating point, by interpolation along the sweeps."""
        return [_compared(curve, num_bytes, psnr_db) for curve in self.curves(png) if curve.points]


def _compared(curve: Curve, num_bytes: int, psnr_db: float) -> Baseline:
    smallest = min(curve.points, key=lambda point: point.num_bytes)
    reached = value_at(curve.points, BASE, num_bytes, "num_bytes")
    return Baseline(
        curve.codec, smallest.num_bytes, reached, bytes_needed(curve.points, psnr_db), smallest.values.get(BASE)
    )


def _ended(points: list[CurvePoint]) -> Future[list[CurvePoint]]:
    future: Future[list[CurvePoint]] = Future()
    future.set_result(points)
    return future
