"""What completes a plot while nobody wants anything else: curves of many files, ceilings, and slow metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from diffdemo.engine import CodecInfo, CurvePoint, Engine
from diffdemo.engine.classical.formats import drawn
from diffdemo.images import Pixels
from diffdemo.metrics.points import few
from diffdemo.metrics.registry import Values, When, until
from diffdemo.ui.errors import unasked
from diffdemo.ui.likeness import likeness
from diffdemo.ui.memory.session import Session
from diffdemo.ui.per_picture import PerPicture
from diffdemo.ui.plot.figure import Curve
from diffdemo.ui.plot.lines import Line

_MAX_PICTURES = 32


class Sweep:
    """The curve of one picture with one model, as far as it has been computed."""

    def __init__(self, points: Iterator[CurvePoint]) -> None:
        self.points: tuple[CurvePoint, ...] = ()
        self._coming = points
        self._lock = Lock()

    def advance(self) -> bool:
        """Compute one more point, if there is one."""
        point = None
        with self._lock, unasked("a sweep"):
            point = next(self._coming, None)
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
    """Sweeps of pictures, by codec and model; where each model has one rate, by all models that are here.

    The curve of an embedded codec is a by-product of its one file; the others need a file for every point.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: PerPicture[dict[tuple[str, str], Sweep]] = PerPicture(_MAX_PICTURES)

    def wanted(self, session: Session, pixels: Pixels, *, of_all: bool) -> Iterator[Sweep]:
        """The sweeps that complete a session's plot: of every codec, or only of the one that wrote the file."""
        for codec in self._engine.codecs():
            is_own = codec.name == session.codec
            model = (session.model if is_own else "") or codec.default_model
            if not codec.is_embedded and (is_own or of_all) and self._engine.model(model).is_here:
                yield self._of(session.original, pixels, codec, model)

    def curves(self, session: Session) -> list[Curve]:
        """What is known so far of every codec: with the file's own model, or else with the one that was begun last."""
        whole = [codec for codec in self._engine.codecs() if not codec.is_embedded]
        models = {codec.name: session.model for codec in whole if codec.name == session.codec and not codec.stops}
        return [Curve(c.name, self.points(session.original, c.name, models.get(c.name, ""))) for c in whole]

    def points(self, png: bytes, codec: str, model: str = "") -> tuple[CurvePoint, ...]:
        """What is known so far of a picture with a model; "" for the codec's model that was begun last."""
        known = tuple((self._known.known(png) or {}).items())
        return next((each.points for key, each in reversed(known) if key[0] == codec and model in ("", key[1])), ())

    def _of(self, png: bytes, pixels: Pixels, codec: CodecInfo, model: str) -> Sweep:
        known = self._known.of(png, dict)
        infos = self._engine.models() if codec.stops else []
        key = codec.name, " ".join(info.name for info in infos if info.codec == codec.name and info.is_here) or model
        if key not in known:
            known[key] = Sweep(self._engine.sweep(pixels, model=model))
        return known[key]


class Ceilings:
    """PSNR of pictures after the autoencoder alone, by model."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: PerPicture[dict[str, float | None]] = PerPicture(_MAX_PICTURES)

    def find(self, png: bytes, pixels: Pixels, model: str) -> float | None:
        """Measure a metric that is measured on demand where it is missing, and say each time that there is more."""
        found = self._found.of(png, dict)
        if model not in found:
            found[model] = None
            with unasked("a ceiling"):
                found[model] = self._engine.ceiling(pixels, model)
        return found[model]

    def known(self, png: bytes, model: str) -> float | None:
        """What has been found so far."""
        return (self._found.known(png) or {}).get(model)


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
        """Measure a metric that is measured on demand where it is missing, and say each time that there is more."""
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
