"""CDC at several rates for measurements: a picture is analysed once, its files are written once, decoded as asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffdemo.codecs.base import Decoder, Rendering
from diffdemo.codecs.cdc import Cdc, Content
from diffdemo.codecs.cdc_step import LARGEST_CODE, delta_of
from diffdemo.engine.classical.files import Ladder
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.engine.whole_files import SWEEP_CODES
from diffdemo.errors import ImageError
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.points import CurvePoint, measured


@dataclass(frozen=True, slots=True)
class RateFile:
    """One file of a picture.

    Attributes:
        data: the file.
        delta: its quantisation step.
        target_bpp: the rate that it was to stay below; None if its step was chosen.
    """

    data: bytes
    delta: float
    target_bpp: float | None


@dataclass(frozen=True, slots=True)
class CdcPoint:
    """A file's rate and distortion, with its JPEG rival.

    Attributes:
        point: of the file itself.
        delta, target_bpp: as `RateFile` has them.
        jpeg: of the smallest JPEG file of the picture that has as many bytes or more; None if there is none, or if
            JPEG cannot hold the picture.
    """

    point: CurvePoint
    delta: float
    target_bpp: float | None
    jpeg: CurvePoint | None

    def to_json(self) -> dict[str, object]:
        """The point's own numbers first, as other codecs have them."""
        jpeg = None if self.jpeg is None else self.jpeg.to_json()
        return {**self.point.to_json(), "delta": self.delta, "target_bpp": self.target_bpp, "jpeg": jpeg}


def installed_cdc() -> Cdc:
    """The codec with its default model.

    Raises:
        WeightsError: if that cannot be loaded.
    """
    codec = load_shipped(Cdc.name, choose_device("auto"))
    assert isinstance(codec, Cdc)
    return codec


def rendering_of(gamma: float, steps: int) -> Rendering:
    """How to decode from noise of deviation gamma, or from nothing if that is 0.

    Raises:
        RateError: if a number is out of its range.
    """
    return Rendering(Decoder.STOCHASTIC if gamma > 0 else Decoder.DETERMINISTIC, gamma=gamma, steps=steps)


def curve_name(rendering: Rendering) -> str:
    """What a curve is called in results: "cdc 1 step", "cdc 17 steps", "cdc 17 steps gamma 0.8"."""
    noise = f" gamma {rendering.gamma:g}" if rendering.gamma > 0 else ""
    return f"{Cdc.name} {rendering.steps} step{'' if rendering.steps == 1 else 's'}{noise}"


def files_of(codec: Cdc, content: Content, bpp: Sequence[float] | None) -> Iterator[RateFile]:
    """A file for each target in bits per pixel that can be met; without targets, one for each of `SWEEP_CODES`."""
    if bpp is None:
        for code in SWEEP_CODES:
            yield RateFile(codec.write(content, code), delta_of(code), None)
        return
    for target in bpp:
        finest = _finest_within(codec, content, int(target * content.width * content.height / 8))
        if finest is not None:
            yield RateFile(codec.write(content, finest), delta_of(finest), target)


def _finest_within(codec: Cdc, content: Content, num_bytes: int) -> int | None:
    codes = range(LARGEST_CODE + 1)
    code = bisect_left(codes, True, key=lambda code: len(codec.write(content, code)) <= num_bytes)
    return code if code in codes else None


def measure(
    codec: Cdc, pixels: Pixels, files: Sequence[RateFile], rendering: Rendering, jpeg: Ladder
) -> Iterator[CdcPoint]:
    """Decode the files of a picture.

    Args:
        codec: that wrote them.
        pixels: the original, uint8 [H,W,3].
        files: from `files_of`.
        rendering: how to decode.
        jpeg: of the same picture.
    """
    for file in files:
        point = measured(pixels, decoded(codec, file, rendering), len(file.data))
        yield CdcPoint(point, file.delta, file.target_bpp, _rival(jpeg, point.num_bytes))


def _rival(jpeg: Ladder, num_bytes: int) -> CurvePoint | None:
    try:
        return jpeg.smallest_from(num_bytes)
    except ImageError:
        return None


def decoded(codec: Cdc, file: RateFile, rendering: Rendering) -> Pixels:
    """The picture of a file, uint8 [H,W,3]."""
    *_, last = codec.decode(file.data, rendering)
    return to_pixels(last.image)
