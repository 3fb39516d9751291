"""An embedded codec at several rates: a picture is encoded once, and its file is decoded at prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Encoded, Preset, Reconstruction, State, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.points import CurvePoint, few, measured
from diffdemo.metrics.registry import When, until

CURVE_POINTS = 10
"""Of a curve whose decoder has to be run for each: half an octave apart, down to 1/23 of the file."""


@dataclass(slots=True)
class RateSweep:
    """A picture's file, and what its encoder came by on the way.

    Attributes:
        pixels: the original, uint8 [H,W,3].
        means: points of the codec's first decoder after its steps, as the encoder knows them.
        states: for each size that will be asked for, the last whole step that it holds.
    """

    codec: Codec
    pixels: Pixels
    data: bytes
    means: list[CurvePoint]
    states: dict[int, State]
    _pictures: dict[tuple[int, Rendering], Pixels] = field(default_factory=dict)

    def picture(self, num_bytes: int, rendering: Rendering) -> Pixels:
        """What a decoder makes of so many bytes of the file, uint8 [H,W,3]; each is computed once."""
        key = num_bytes, rendering
        if key not in self._pictures:
            # At most one step, the one that is only half there.
            *_, last = self.codec.coded(self.data[:num_bytes]).frames(rendering, self.states.get(num_bytes))
            assert isinstance(last, Reconstruction)
            self._pictures[key] = to_pixels(last.image)
        return self._pictures[key]

    def points(self, rendering: Rendering) -> list[CurvePoint]:
        """A curve: of the first decoder over all steps, of others at the sizes that were asked for."""
        if self.codec.decoder_of(rendering) is self.codec.decoders[0]:
            return self.means
        sizes = [*sorted(self.states), len(self.data)]
        return [measured(self.pixels, self.picture(size, rendering), size) for size in dict.fromkeys(sizes)]


def sweep(codec: Codec, pixels: Pixels, bpp: float, preset: Preset, sizes: Sequence[int]) -> RateSweep:
    """Encode a picture.

    Args:
        pixels: uint8 [H,W,3].
        bpp: of the whole file, at most.
        sizes: in bytes, at which other decoders will be asked; those beyond the file or before its first step are left
            out.
    """
    height, width = pixels.shape[:2]
    states: dict[int, State] = {}
    pictures: list[Pixels] = []
    points: list[CurvePoint] = []
    for moment in codec.encode_progressively(pixels, Target(int(bpp * width * height / 8)), preset=preset):
        assert isinstance(moment, Encoded), "every step of an embedded file is something to look at"
        source, data = moment.picture, moment.data
        assert source.state is not None, "every step of an embedded file can be gone on from"
        state = source.state
        states |= {size: state for size in sizes if state.num_bytes <= size}
        pictures.append(to_pixels(source.image))
        points.append(measured(pixels, pictures[-1], source.num_bytes, until(When.FRAME)))
    states = {size: known for size, known in states.items() if size < len(data)} | {len(data): state}
    for i in few(range(len(points))):
        points[i] = measured(pixels, pictures[i], points[i].num_bytes)
    return RateSweep(codec, pixels, data, points, states)


def curve_sizes(bpp: float, pixels: Pixels) -> list[int]:
    """Prefixes on such a curve, in bytes: of the file of a picture uint8 [H,W,3] that has so many bits per pixel."""
    height, width = pixels.shape[:2]
    return [int(bpp * 2 ** (-number / 2) * width * height / 8) for number in range(CURVE_POINTS)]
