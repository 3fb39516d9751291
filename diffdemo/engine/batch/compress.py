"""Many pictures, one after the other; what goes wrong with one does not stop the rest."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffdemo.engine.engine import Engine
from diffdemo.engine.records import Encoding, Frame
from diffdemo.engine.scheduling.job import Asker, Rank
from diffdemo.errors import Cancelled, DiffDemoError, ImageError, RateError
from diffdemo.images import MAX_PIXELS, Pixels
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, Values
from diffdemo.pictures import load_picture

MAX_PICTURES = 100
UNEXPECTED = "Something went wrong with this picture; the others are not affected."

_log = logging.getLogger(__name__)
BATCH = Asker(rank=Rank.BATCH)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for every picture.

    Attributes:
        model: name from `Engine.models`; its codec is the one that writes the files. "" for what `codec` takes for
            each picture.
        bpp: rate in bits per pixel; None if `num_bytes` is given.
        num_bytes: largest file; None if `bpp` is given.
        preset: "fast", "balanced" or "best"; of no effect where an encoder does not search.
        most_pixels: larger pictures are scaled down to so many, their shape kept.
        codec: name of one, where no model is named.
    """

    model: str
    bpp: float | None = None
    num_bytes: int | None = None
    preset: str = "balanced"
    most_pixels: int = MAX_PIXELS
    codec: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture.

    Attributes:
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

    @property
    def point(self) -> CurvePoint | None:
        """Where its file lies in a plot; None where there is none, or where the picture comes back exactly."""
        if self.error or self.psnr_db is None or not math.isfinite(self.psnr_db):
            return None
        return CurvePoint(self.num_bytes, self.bpp, self.values)


@dataclass(frozen=True, slots=True)
class Product:
    """What a picture was turned into: a file, and the picture that it decodes to, uint8 [H,W,3]."""

    data: bytes
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
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


def compress_all(engine: Engine, paths: Sequence[Path], order: Order, asker: Asker = BATCH) -> Generator[Progress]:
    """Compress at most `MAX_PICTURES` files, telling often how far it is. Closing the iterator ends the work.

    Args:
        engine: that does it.
        paths: picture files.
        order: what to do with each.
        asker: who wants it; when he has left, the batch ends with what is done.

    Raises:
        RateError: there are no pictures, or too many, or the order names no rate.
    """
    _require(paths, order)
    batch = _Batch([path.name for path in paths])
    with suppress(Cancelled):
        for path in paths:
            yield batch.between()
            product = None
            for event in compress_one(engine, path.name, path, order, asker):
                if event is None:
                    yield batch.between()
                elif isinstance(event, Encoding):
                    yield batch.within(event.frame)
                else:
                    outcome, product = event
                    batch.outcomes.append(outcome)
            yield batch.between(product)


@dataclass(slots=True)
class _Batch:
    """What has been done of a batch, and since when."""

    names: list[str]
    outcomes: list[Outcome] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def between(self, product: Product | None = None) -> Progress:
        """How far it is between two pictures."""
        done, count = len(self.outcomes), len(self.names)
        left = self._seconds() / done * (count - done) if done else None
        return self._progress(product, done / count, left)

    def within(self, frame: Frame) -> Progress:
        """How far it is in the middle of a picture."""
        done, count = len(self.outcomes), len(self.names)
        share = (done + min(1.0, frame.step / max(1, frame.num_steps))) / count
        # The picture itself says how long it takes, until others have shown it for the average one.
        each = (self._seconds() - frame.seconds) / done if done else frame.seconds + frame.seconds_left
        return self._progress(None, share, frame.seconds_left + each * (count - done - 1))

    def _progress(self, product: Product | None, share: float, left: float | None) -> Progress:
        name = self.names[len(self.outcomes)] if len(self.outcomes) < len(self.names) else ""
        return Progress(tuple(self.outcomes), product, name, len(self.names), share, left)

    def _seconds(self) -> float:
        return time.monotonic() - self.began


def _require(paths: Sequence[Path], order: Order) -> None:
    if not 1 <= len(paths) <= MAX_PICTURES:
        raise RateError(f"{len(paths)} pictures were given; 1 to {MAX_PICTURES} can be compressed at a time.")
    rate = order.num_bytes if order.bpp is None else order.bpp
    if rate is None or not rate > 0:
        raise RateError("Please say how many bytes or bits per pixel a file may have, as a positive number.")


def compress_one(
    engine: Engine, name: str, source: Path | bytes, order: Order, asker: Asker = BATCH
) -> Iterator[Encoding | tuple[Outcome, Product | None] | None]:
    """None while it waits in line, every state of one encode, then what became of it; what is raised becomes words.

    Args:
        name: of the picture, for its outcome.
        source: its file, or the bytes of that.
    """
    try:
        picture = load_picture(source, most_pixels=order.most_pixels)
        notes = list(picture.notes)
        if picture.is_reduced:
            notes.append(f"Made smaller, from {picture.width} x {picture.height} pixels.")
        rate: dict[str, Any] = {"num_bytes": order.num_bytes, "bpp": order.bpp}
        model = order.model or engine.model_at(order.codec, picture.pixels, **rate).name
        fitted = engine.fit(picture.pixels, model, preset=order.preset, **rate)
        notes += [fitted.note] if fitted.note else []
        encodings = engine.encode(fitted.pixels, model=model, preset=order.preset, asker=asker, **rate)
        for _ in encodings.places():
            yield None
        for encoding in encodings:
            if not encoding.done:
                yield encoding
                continue
            seconds = encodings.seconds
            jpeg = _jpeg(engine, fitted.pixels, len(encoding.data))
            outcome = _outcome(name, encoding, seconds, jpeg, " ".join(notes))
            yield outcome, Product(encoding.data, encoding.frame.pixels)
    except Cancelled:
        raise
    except DiffDemoError as error:
        yield Outcome(name, error=str(error)), None
    except Exception:
        _log.exception("a picture of a batch failed")
        yield Outcome(name, error=UNEXPECTED), None


def _jpeg(engine: Engine, pixels: Pixels, num_bytes: int) -> CurvePoint | None:
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
