"""From reconstructions to frames: what a person gets to see of an encode or a decode, and how often."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.records import Encoded, Reconstruction, State, Working
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.decode_cache import Moment, Trace, TraceCache
from diffdemo.engine.records import Encoding, Frame
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.points import CurvePoint, measured
from diffdemo.metrics.registry import Values, When, measure, until

T = TypeVar("T")

FRAMES_A_SECOND = 8


class InTurn(Protocol):
    """Passes the items of an iterator on, each computed in turn with other jobs."""

    def __call__(self, work: Iterator[T], /) -> Iterator[T]:
        """See `scheduling.scheduler.Scheduler.each`."""
        ...


class Pace:
    """Says which pictures of a quick sequence to show."""

    def __init__(self, a_second: float) -> None:
        self.began = self._shown = time.monotonic()
        self._apart = 1 / a_second

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def is_due(self) -> bool:
        """Whether enough time has passed since the last picture that was."""
        now = time.monotonic()
        due = now - self._shown >= self._apart
        if due:
            self._shown = now
        return due


class Seen(NamedTuple):
    """A reconstruction as pixels; `is_shown` says whether a person gets to see it."""

    source: Reconstruction
    pixels: Pixels
    is_shown: bool


def seen(reconstructions: Iterator[Reconstruction | Working], pace: Pace) -> Iterator[Seen | Working | None]:
    """Those reconstructions as pixels that are shown, or that a cache can go on from; None for the others.

    Runs on the device, because pixels may take a network.
    """
    for each in reconstructions:
        if isinstance(each, Working):
            yield each
            continue
        is_shown = each.is_last or pace.is_due()
        is_wanted = is_shown or each.state is not None
        yield Seen(each, to_pixels(each.image), is_shown) if is_wanted else None


def seen_encoding(moments: Iterator[Encoded | Working]) -> Iterator[tuple[Encoded, Pixels] | Working]:
    """Moments of an encode with their pictures; runs on the device."""
    for moment in moments:
        yield moment if isinstance(moment, Working) else (moment, to_pixels(moment.picture.image))


def watch_decode(
    pictures: Iterator[Seen | Working | None], reference: Pixels | None, trace: Trace, pace: Pace
) -> Iterator[Frame | Working]:
    """Frames of a decode; whole steps are kept in the trace of the file."""
    for picture in pictures:
        if isinstance(picture, Working):
            yield picture
        if not isinstance(picture, Seen):
            continue
        source = picture.source
        if source.state is not None:
            values = measure(trace.original, picture.pixels, until(When.FRAME))
            trace.add(moment_of(source, source.state, picture.pixels, values), source.state)
        if picture.is_shown:
            values = measure(reference, picture.pixels, until(When.REST if source.is_last else When.FRAME))
            yield frame_of(picture.pixels, source, values, pace.seconds)


def watched(
    coded: CodedPicture,
    rendering: Rendering,
    start: State | None,
    in_turn: InTurn,
    trace: Trace,
    reference: Pixels | None = None,
    *,
    every_step: bool = False,
) -> Iterator[Frame | Working]:
    """Frames of a decode, and how far one is that takes long.

    Args:
        start: of the file, to go on from; None for its beginning.
        in_turn: lets what is computed take turns with other jobs.
        trace: what is known of the file; whole steps are added to it.
        every_step: leave no picture out, instead of a few a second.
    """
    pace = Pace(math.inf if every_step else FRAMES_A_SECOND)
    return watch_decode(in_turn(seen(coded.frames(rendering, start), pace)), reference, trace, pace)


def watch_encode(
    pixels: Pixels, moments: Iterator[tuple[Encoded, Pixels] | Working], traces: TraceCache, begun: bytes = b""
) -> Iterator[Encoding | Working]:
    """Moments of an encode, a few a second, each kept in the cache under its file; `begun` is one to go on with."""
    trace = traces.of(begun) if begun else Trace()
    trace.compare_with(pixels)
    before = begun or None
    pace = Pace(FRAMES_A_SECOND)
    for each in moments:
        if isinstance(each, Working):
            yield each
            continue
        moment, picture = each
        source = moment.picture
        values = measure(pixels, picture, until(When.FRAME))
        if source.state is not None:
            trace.add(moment_of(source, source.state, picture, values), source.state)
            if source.state.number > 1 and not moment.done and not pace.is_due():
                continue
            traces.put(moment.data, trace, instead_of=before)
            before = moment.data
        if moment.done:
            values = measure(pixels, picture, until(When.REST), values)
        yield Encoding(moment.data, frame_of(picture, source, values, pace.seconds), moment.done)


def moment_of(source: Reconstruction, state: State, picture: Pixels, values: Values) -> Moment:
    """A picture after a whole step, as a cache keeps it."""
    return Moment(state.number, source.num_bytes, source.sigma, picture, values, source.decoder)


def frame_of(picture: Pixels, source: Reconstruction, values: Values, seconds: float) -> Frame:
    """A frame of a picture, uint8 [H,W,3], with the rates and times that follow from the rest."""
    height, width = picture.shape[:2]
    step, num_steps = source.step, source.num_steps
    return Frame(
        pixels=picture,
        num_bytes=source.num_bytes,
        bpp=bits_per_pixel(source.num_bytes, width, height),
        values=values,
        step=step,
        num_steps=num_steps,
        sigma=source.sigma,
        seconds=seconds,
        seconds_left=seconds / step * (num_steps - step) if step else 0.0,
        decoder=source.decoder.value,
    )


def preview_of(moment: Moment, num_bytes: int) -> Frame:
    """A moment of the cache as a frame that rests on so many bytes of its file."""
    height, width = moment.pixels.shape[:2]
    return Frame(
        pixels=moment.pixels,
        num_bytes=num_bytes,
        bpp=bits_per_pixel(num_bytes, width, height),
        values=moment.values,
        step=moment.number,
        num_steps=moment.number,
        sigma=moment.sigma,
        seconds=0.0,
        seconds_left=0.0,
        decoder=moment.decoder.value,
    )


def points_of_files(codec: Codec, pixels: Pixels) -> Iterator[CurvePoint]:
    """A point for each of the files that a codec writes of a picture, decoded as quickly as makes sense."""
    for data in codec.files(pixels, ()):
        *_, last = codec.decode(data, codec.quickest)
        yield measured(pixels, to_pixels(last.image), len(data))
