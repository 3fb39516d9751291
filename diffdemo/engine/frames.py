"""From codec states to frames: what a person gets to see of an encode or a decode, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from torch import Tensor

from diffdemo.codecs.base import Decoder
from diffdemo.codecs.diffc import DiffC, Progress, State
from diffdemo.codecs.diffc_file import DiffCFile
from diffdemo.engine.decode_cache import Moment, Trace, TraceCache
from diffdemo.engine.records import Encoding, Frame
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.registry import Values, When, measure, until

FRAMES_A_SECOND = 8


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


def seen_states(codec: DiffC, file: DiffCFile, states: Iterator[State]) -> Iterator[tuple[State, Pixels]]:
    """States with their posterior means as pictures."""
    for state in states:
        yield state, codec.picture(state.x_hat, file.head, preview=True)


def seen_rendering(
    codec: DiffC, file: DiffCFile, rendering: Iterator[tuple[Tensor, int, int]], pace: Pace
) -> Iterator[tuple[Pixels | None, int, int]]:
    """A rendering as pictures: the last one and those that are due; None for the others."""
    for signal, done, of in rendering:
        is_shown = done == of or pace.is_due()
        yield codec.picture(signal, file.head, preview=done < of) if is_shown else None, done, of


def seen_progress(codec: DiffC, progress: Iterator[Progress]) -> Iterator[tuple[Progress, Pixels]]:
    """Moments of an encode with their posterior means as pictures."""
    for moment in progress:
        yield moment, codec.picture(moment.state.x_hat, moment.head, preview=not moment.done)


def watch_decode(
    file: DiffCFile,
    start: State,
    states: Iterator[tuple[State, Pixels]],
    render: Callable[[State], Iterator[tuple[Pixels | None, int, int]]],
    decoder: Decoder,
    reference: Pixels | None,
    trace: Trace,
    pace: Pace,
) -> Iterator[Frame]:
    """Frames of a decode: the states along the file, then what the decoder makes of the last one."""
    steps = file.steps()
    to_come = len(steps) - start.number + 1
    state = start
    for state, picture in states:
        if file.end_bytes(steps[state.number - 1]) <= file.num_bytes:
            values = measure(trace.original, picture, until(When.FRAME))
            trace.add(Moment(state.number, state.num_bytes, state.sigma, picture, values), state)
        if pace.is_due():
            yield frame_of(
                picture,
                num_bytes=state.num_bytes,
                values=measure(reference, picture, until(When.FRAME)),
                step=state.number - start.number,
                num_steps=to_come,
                sigma=state.sigma,
                seconds=pace.seconds,
                decoder=Decoder.MEAN,
            )
    taken = state.number - start.number
    for rendered, done, of in render(state):
        if rendered is not None:
            yield frame_of(
                rendered,
                num_bytes=file.num_bytes,
                values=measure(reference, rendered, until(When.REST if done == of else When.FRAME)),
                step=taken + done,
                num_steps=taken + of,
                sigma=state.sigma,
                seconds=pace.seconds,
                decoder=decoder,
            )


def watch_encode(pixels: Pixels, progress: Iterator[tuple[Progress, Pixels]], traces: TraceCache) -> Iterator[Encoding]:
    """Moments of an encode, a few a second, each kept in the cache under its file."""
    trace = Trace(original=pixels)
    before: bytes | None = None
    pace = Pace(FRAMES_A_SECOND)
    for moment, picture in progress:
        state = moment.state
        values = measure(pixels, picture, until(When.FRAME))
        trace.add(Moment(state.number, state.num_bytes, state.sigma, picture, values), state)
        if state.number > 1 and not moment.done and not pace.is_due():
            continue
        traces.put(moment.data, trace, instead_of=before)
        before = moment.data
        frame = frame_of(
            picture,
            num_bytes=len(moment.data),
            values=measure(pixels, picture, until(When.REST), values) if moment.done else values,
            step=state.number,
            num_steps=moment.num_steps,
            sigma=state.sigma,
            seconds=pace.seconds,
            decoder=Decoder.MEAN,
        )
        yield Encoding(moment.data, frame, moment.done)


def frame_of(
    picture: Pixels,
    *,
    num_bytes: int,
    values: Values,
    step: int,
    num_steps: int,
    sigma: float,
    seconds: float,
    decoder: Decoder,
) -> Frame:
    """A frame with the rates and times that follow from the rest.

    Args:
        picture: uint8 [H,W,3].
        num_bytes: of the file that it rests on.
        values: against the original, by names of metrics.
        step, num_steps: work done and to be done.
        sigma: noise level reached.
        seconds: since the beginning.
        decoder: that made it.
    """
    height, width = picture.shape[:2]
    return Frame(
        pixels=picture,
        num_bytes=num_bytes,
        bpp=bits_per_pixel(num_bytes, width, height),
        values=values,
        step=step,
        num_steps=num_steps,
        sigma=sigma,
        seconds=seconds,
        seconds_left=seconds / step * (num_steps - step) if step else 0.0,
        decoder=decoder.value,
    )
