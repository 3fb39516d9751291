"""From codec states to frames: what a person gets to see of an encode or a decode, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from torch import Tensor

from diffdemo.codecs.base import Decoder
from diffdemo.codecs.diffc import Progress, State, end_bytes, steps_of
from diffdemo.coding.container import Bitstream
from diffdemo.engine.records import Encoding, Frame
from diffdemo.engine.trace import Moment, Trace, TraceCache
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics import bits_per_pixel, ms_ssim, psnr_db

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


def watch_decode(
    bitstream: Bitstream,
    start: State,
    states: Iterator[State],
    render: Callable[[State], Iterator[tuple[Tensor, int, int]]],
    decoder: Decoder,
    reference: Pixels | None,
    trace: Trace,
    pace: Pace,
) -> Iterator[Frame]:
    """Frames of a decode: the states along the file, then what the decoder makes of the last one."""
    steps = steps_of(bitstream)
    to_come = len(steps) - start.number + 1
    state = start
    for state in states:
        picture = to_pixels(state.x_hat)
        if end_bytes(bitstream, steps[state.number - 1]) <= bitstream.num_bytes:
            quality = None if trace.original is None else psnr_db(trace.original, picture)
            trace.add(Moment(state.number, state.num_bytes, state.sigma, picture, quality), state)
        if pace.is_due():
            yield frame_of(
                picture,
                num_bytes=state.num_bytes,
                quality=None if reference is None else psnr_db(reference, picture),
                similarity=None,
                step=state.number - start.number,
                num_steps=to_come,
                sigma=state.sigma,
                seconds=pace.seconds,
                decoder=Decoder.MEAN,
            )
    taken = state.number - start.number
    for image, done, of in render(state):
        if done == of or pace.is_due():
            picture = to_pixels(image)
            yield frame_of(
                picture,
                num_bytes=bitstream.num_bytes,
                quality=None if reference is None else psnr_db(reference, picture),
                similarity=ms_ssim(reference, picture) if reference is not None and done == of else None,
                step=taken + done,
                num_steps=taken + of,
                sigma=state.sigma,
                seconds=pace.seconds,
                decoder=decoder,
            )


def watch_encode(pixels: Pixels, progress: Iterator[Progress], traces: TraceCache) -> Iterator[Encoding]:
    """Moments of an encode, a few a second, each kept in the cache under its file."""
    trace = Trace(original=pixels)
    before: bytes | None = None
    pace = Pace(FRAMES_A_SECOND)
    for moment in progress:
        state = moment.state
        picture = to_pixels(state.x_hat)
        quality = psnr_db(pixels, picture)
        trace.add(Moment(state.number, state.num_bytes, state.sigma, picture, quality), state)
        if state.number > 1 and not moment.done and not pace.is_due():
            continue
        traces.put(moment.data, trace, instead_of=before)
        before = moment.data
        frame = frame_of(
            picture,
            num_bytes=len(moment.data),
            quality=quality,
            similarity=ms_ssim(pixels, picture) if moment.done else None,
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
    quality: float | None,
    similarity: float | None,
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
        quality, similarity: PSNR in dB and MS-SSIM against the original, where it is known.
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
        psnr_db=quality,
        ms_ssim=similarity,
        step=step,
        num_steps=num_steps,
        sigma=sigma,
        seconds=seconds,
        seconds_left=seconds / step * (num_steps - step) if step else 0.0,
        decoder=decoder.value,
    )
