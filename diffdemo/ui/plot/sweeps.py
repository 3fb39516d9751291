"""Codecs that are not embedded over their rates: computed point by point while nobody wants anything else."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from diffdemo.engine import CurvePoint, Engine
from diffdemo.images import Pixels
from diffdemo.ui.errors import unasked
from diffdemo.ui.memory.session import Session
from diffdemo.ui.per_picture import PerPicture
from diffdemo.ui.style import Curve

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
    """Sweeps of pictures, by codec and model.

    The curve of an embedded codec is a by-product of its one file; the others need a file for every point.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: PerPicture[dict[tuple[str, str], Sweep]] = PerPicture(_MAX_PICTURES)

    def wanted(self, session: Session, pixels: Pixels, *, of_all: bool) -> Iterator[Sweep]:
        """The sweeps that complete a session's plot, begun where they are not known.

        Args:
            pixels: of its original, uint8 [H,W,3].
            of_all: whether of every codec; otherwise only of the one that wrote the file.
        """
        for codec in self._engine.codecs():
            is_own = codec.name == session.codec
            model = (session.model if is_own else "") or codec.default_model
            if not codec.is_embedded and (is_own or of_all) and self._engine.model(model).is_here:
                yield self._of(session.original, pixels, codec.name, model)

    def curves(self, session: Session) -> list[Curve]:
        """What is known so far of every codec: with the file's own model, or else with the one that was begun last."""
        models = {session.codec: session.model}
        return [
            Curve(codec.name, self.points(session.original, codec.name, models.get(codec.name, "")))
            for codec in self._engine.codecs()
            if not codec.is_embedded
        ]

    def points(self, png: bytes, codec: str, model: str = "") -> tuple[CurvePoint, ...]:
        """What is known so far of a picture with a model; "" for the codec's model that was begun last."""
        known = tuple((self._known.known(png) or {}).items())
        return next((each.points for key, each in reversed(known) if key[0] == codec and model in ("", key[1])), ())

    def _of(self, png: bytes, pixels: Pixels, codec: str, model: str) -> Sweep:
        known = self._known.of(png, dict)
        if (codec, model) not in known:
            known[codec, model] = Sweep(self._engine.sweep(pixels, model=model))
        return known[codec, model]
