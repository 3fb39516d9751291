"""Many pictures, one after the other; what goes wrong with one does not stop the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diffdemo.engine.engine import Engine
from diffdemo.engine.records import Encoding
from diffdemo.errors import DiffDemoError, ImageError, RateError
from diffdemo.images import MOST_PIXELS, Pixels
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, Values
from diffdemo.pictures import load_picture

MOST_PICTURES = 100
UNEXPECTED = "Something went wrong with this picture; the others are not affected."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for every picture.

    Attributes:
        model: name from `Engine.models`; its codec is the one that writes the files.
        bpp: rate in bits per pixel; None if `num_bytes` is given.
        num_bytes: largest file; None if `bpp` is given.
        preset: "fast", "balanced" or "best"; of no effect where an encoder does not search.
        most_pixels: larger pictures are scaled down to so many, their shape kept.
    """

    model: str
    bpp: float | None = None
    num_bytes: int | None = None
    preset: str = "balanced"
    most_pixels: int = MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture.

    Attributes:
        name: of the file that it came in.
        width, height: in pixels, as it was compressed; 0 if it could not be read.
        num_bytes, bpp: of its file; 0 if there is none.
        values: of the first of the codec's decoders, by names of metrics; empty if there is no file.
        seconds: that the encode took.
        jpeg: the best JPEG of at most as many bytes; None if there is none so small, or JPEG cannot hold the picture.
        note: what was done to the picture before, in sentences.
        error: why there is no file, in words for users; "" if there is one.
    """

    name: str
    width: int = 0
    height: int = 0
    num_bytes: int = 0
    bpp: float = 0.0
    values: Values = field(default_factory=dict)
    seconds: float = 0.0
    jpeg: CurvePoint | None = None
    note: str = ""
    error: str = ""

    @property
    def psnr_db(self) -> float | None:
        """In decibels; None if there is no file."""
        return self.values.get(BASE)


@dataclass(frozen=True, slots=True)
class Product:
    """What a picture was turned into.

    Attributes:
        data: the file.
        pixels: the picture that the file decodes to, uint8 [H,W,3].
    """

    data: bytes
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a batch is.

    Attributes:
        outcomes: of the pictures that are done, in their order.
        product: of the last of them, once, when it has just been done; None at other times and after an error.
        name: of the picture that is being worked on; "" when all are done.
        count: of all pictures.
        share: of the work that is done, 0..1; pictures count alike.
        seconds_left: expected; None while nothing is known.
    """

    outcomes: tuple[Outcome, ...]
    product: Product | None
    name: str
    count: int
    share: float
    seconds_left: float | None


def compress_all(engine: Engine, paths: Sequence[Path], order: Order) -> Generator[Moment]:
    """Compress pictures, telling several times a second how far it is. Closing the iterator ends the work.

    Args:
        engine: that compresses.
        paths: picture files, at most `MOST_PICTURES`.
        order: what is asked for each.

    Raises:
        RateError: there are no pictures, or too many, or the order names no rate.
    """
    _require(paths, order)
    outcomes: list[Outcome] = []
    began = time.monotonic()
    for number, path in enumerate(paths):
        yield Moment(tuple(outcomes), None, path.name, len(paths), number / len(paths), _left(began, number, paths))
        product = None
        for event in _compress(engine, path, order):
            if isinstance(event, Encoding):
                yield _moment_within(event, tuple(outcomes), path.name, began, paths)
            else:
                outcome, product = event
                outcomes.append(outcome)
        done = len(outcomes)
        following = paths[done].name if done < len(paths) else ""
        left = _left(began, done, paths)
        yield Moment(tuple(outcomes), product, following, len(paths), done / len(paths), left)


def _require(paths: Sequence[Path], order: Order) -> None:
    if not 1 <= len(paths) <= MOST_PICTURES:
        raise RateError(f"{len(paths)} pictures were given; 1 to {MOST_PICTURES} can be compressed at a time.")
    rate = order.num_bytes if order.bpp is None else order.bpp
    if rate is None or not rate > 0:
        raise RateError("Please say how many bytes or bits per pixel a file may have, as a positive number.")


def _compress(engine: Engine, path: Path, order: Order) -> Iterator[Encoding | tuple[Outcome, Product | None]]:
    """Moments of one encode, then what became of it; whatever is raised becomes words."""
    try:
        picture = load_picture(path, most_pixels=order.most_pixels)
        notes = list(picture.notes)
        if picture.is_reduced:
            notes.append(f"Made smaller, from {picture.width} x {picture.height} pixels.")
        fitted = engine.fit(picture.pixels, order.model, preset=order.preset, num_bytes=order.num_bytes, bpp=order.bpp)
        notes += [fitted.note] if fitted.note else []
        began = time.monotonic()
        for encoding in engine.encode(
            fitted.pixels, model=order.model, preset=order.preset, num_bytes=order.num_bytes, bpp=order.bpp
        ):
            if not encoding.done:
                yield encoding
                continue
            seconds = time.monotonic() - began
            jpeg = _rival(engine, fitted.pixels, len(encoding.data))
            outcome = _outcome(path.name, encoding, seconds, jpeg, " ".join(notes))
            yield outcome, Product(encoding.data, encoding.frame.pixels)
    except DiffDemoError as error:
        yield Outcome(path.name, error=str(error)), None
    except Exception:
        _log.exception("a picture of a batch failed")
        yield Outcome(path.name, error=UNEXPECTED), None


def _rival(engine: Engine, pixels: Pixels, num_bytes: int) -> CurvePoint | None:
    """The best JPEG of at most so many bytes; None if there is none so small, or none of a picture of this shape."""
    try:
        point = engine.classical(pixels, "jpeg", num_bytes=num_bytes).point
    except ImageError:
        return None
    return point if point.num_bytes <= num_bytes else None


def _outcome(name: str, last: Encoding, seconds: float, jpeg: CurvePoint | None, note: str) -> Outcome:
    height, width = last.frame.pixels.shape[:2]
    return Outcome(
        name=name,
        width=width,
        height=height,
        num_bytes=len(last.data),
        bpp=last.frame.bpp,
        values=last.frame.values,
        seconds=seconds,
        jpeg=jpeg,
        note=note,
    )


def _moment_within(
    encoding: Encoding, outcomes: tuple[Outcome, ...], name: str, began: float, paths: Sequence[Path]
) -> Moment:
    """How far a batch is in the middle of a picture."""
    frame, done = encoding.frame, len(outcomes)
    share = (done + min(1.0, frame.step / max(1, frame.num_steps))) / len(paths)
    # The picture itself says how long it takes, until others have shown it for the average one.
    each = (time.monotonic() - began - frame.seconds) / done if done else frame.seconds + frame.seconds_left
    left = frame.seconds_left + each * (len(paths) - done - 1)
    return Moment(outcomes, None, name, len(paths), share, left)


def _left(began: float, done: int, paths: Sequence[Path]) -> float | None:
    return (time.monotonic() - began) / done * (len(paths) - done) if done else None
