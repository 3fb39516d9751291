"""What is measured on demand, along the lines of the plot, for those who chose that axis; kept for a few pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from diffdemo.engine import CurvePoint, Engine
from diffdemo.engine.classical.formats import drawn
from diffdemo.images import Pixels
from diffdemo.metrics.points import few
from diffdemo.metrics.registry import Values, When, until
from diffdemo.ui.errors import unasked
from diffdemo.ui.likeness import likeness
from diffdemo.ui.memory.session import Session
from diffdemo.ui.per_picture import PerPicture
from diffdemo.ui.plot.lines import Line

_MAX_PICTURES = 32


@dataclass(slots=True)
class _Known:
    """What has been measured of one picture.

    Attributes:
        values: by bytes and PSNR, which no two files of one picture have in common.
        swept: classical codecs and metrics that are done.
    """

    values: dict[tuple[int, float], Values] = field(default_factory=dict)
    swept: set[tuple[str, str]] = field(default_factory=set)

    def add(self, point: CurvePoint, values: Values) -> None:
        place = _place(point)
        self.values[place] = {**self.values.get(place, {}), **values}


class Perceived:
    """What has been measured so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: PerPicture[_Known] = PerPicture(_MAX_PICTURES)

    def filled(self, png: bytes, lines: Sequence[Line]) -> list[Line]:
        """Lines whose points have what is known of them."""
        values = (self._known.known(png) or _Known()).values
        return [
            replace(
                line, points=tuple(replace(p, values={**values.get(_place(p), {}), **p.values}) for p in line.points)
            )
            for line in lines
        ]

    def find(self, session: Session, pixels: Pixels, metric: str) -> Iterator[None]:
        """Measure what is missing of a session's picture, and say each time that there is more.

        Args:
            pixels: of its original, uint8 [H,W,3].
            metric: the name of one that is measured on demand.
        """
        known = self._known.of(session.original, _Known)
        for codec in drawn():
            if (codec, metric) not in known.swept:
                with unasked(f"{metric} of {codec}"):
                    for point in self._engine.classical_curve(pixels, codec, [*until(When.FRAME), metric]):
                        known.add(point, point.values)
                known.swept.add((codec, metric))
                yield
        for point in few(session.own):
            if metric not in known.values.get(_place(point), {}):
                frame = self._engine.preview(session.data, point.num_bytes)
                found = {} if frame is None else likeness(session.original, frame.pixels)
                known.add(point, {metric: None, **found})
                yield


def _place(point: CurvePoint) -> tuple[int, float]:
    return point.num_bytes, point.psnr_db
