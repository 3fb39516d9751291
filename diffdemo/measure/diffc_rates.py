"""DiffC at several rates for measurements: a picture is encoded once, and its file is decoded at prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diffdemo.codecs.base import Decoder, Preset, Rendering, Target
from diffdemo.codecs.diffc import DiffC, State
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import Pixels
from diffdemo.metrics.points import CurvePoint, few, measured
from diffdemo.metrics.registry import When, until


@dataclass(slots=True)
class RateSweep:
    """A picture's file, and what its encoder came by on the way.

    Attributes:
        codec: that wrote it.
        pixels: the original, uint8 [H,W,3].
        data: the file.
        means: points of the posterior means after its steps, as the encoder knows them.
        states: for each size that will be asked for, the last whole step that it holds.
    """

    codec: DiffC
    pixels: Pixels
    data: bytes
    means: list[CurvePoint]
    states: dict[int, State]
    _pictures: dict[tuple[int, Rendering], Pixels] = field(default_factory=dict)

    def picture(self, num_bytes: int, rendering: Rendering) -> Pixels:
        """What a decoder makes of so many bytes of the file, uint8 [H,W,3]; each is computed once."""
        key = num_bytes, rendering
        if key not in self._pictures:
            self._pictures[key] = self._decode(num_bytes, rendering)
        return self._pictures[key]

    def points(self, rendering: Rendering) -> list[CurvePoint]:
        """A curve: of the posterior mean over all steps, of other decoders at the sizes that were asked for."""
        if rendering.decoder is Decoder.MEAN:
            return self.means
        sizes = [*sorted(self.states), len(self.data)]
        return [measured(self.pixels, self.picture(size, rendering), size) for size in dict.fromkeys(sizes)]

    def _decode(self, num_bytes: int, rendering: Rendering) -> Pixels:
        codec = self.codec
        file = codec.open(self.data[:num_bytes])
        state = self.states.get(num_bytes) or codec.empty_state(file)
        # At most one step, the one that is only half there.
        rest = codec.states(file, start=state, decoder=rendering.decoder_of(codec), seed=rendering.seed)
        *_, state = (state, *rest)
        *_, (signal, _, _) = codec.render(file, state, rendering)
        return codec.picture(signal, file.head)


def sweep(codec: DiffC, pixels: Pixels, bpp: float, preset: Preset, sizes: Sequence[int]) -> RateSweep:
    """Encode a picture.

    Args:
        codec: to do it with.
        pixels: uint8 [H,W,3].
        bpp: of the whole file, at most.
        preset: work for bits.
        sizes: in bytes, at which other decoders will be asked; those beyond the file or before its first step are left
            out.
    """
    height, width = pixels.shape[:2]
    states: dict[int, State] = {}
    state: State | None = None
    pictures: list[Pixels] = []
    points: list[CurvePoint] = []
    data = b""
    for moment in codec.encode_progressively(pixels, Target(int(bpp * width * height / 8)), preset=preset):
        state, data = moment.state, moment.data
        states |= {size: state for size in sizes if state.num_bytes <= size}
        pictures.append(codec.picture(state.x_hat, moment.head))
        points.append(measured(pixels, pictures[-1], state.num_bytes, until(When.FRAME)))
    assert state is not None, "an encoder that cannot take a step says so"
    states = {size: known for size, known in states.items() if size < len(data)} | {len(data): state}
    for i in few(range(len(points))):
        points[i] = measured(pixels, pictures[i], points[i].num_bytes)
    return RateSweep(codec, pixels, data, points, states)


def installed_diffc() -> DiffC:
    """The codec with its default model.

    Raises:
        WeightsError: if that cannot be loaded.
    """
    codec = load_shipped(DiffC.name, choose_device("auto"))
    assert isinstance(codec, DiffC)
    return codec


def curve_name(rendering: Rendering) -> str:
    """What a curve is called in results: "diffc mean", "diffc flow", "diffc flow 0.5", "diffc ancestral"."""
    assert rendering.decoder is not None
    is_between = rendering.decoder is Decoder.FLOW and rendering.realism != 1
    return f"{DiffC.name} {rendering.decoder}" + (f" {rendering.realism:g}" if is_between else "")


def renderings_of(decoders: Sequence[str], realism: Sequence[float]) -> list[Rendering]:
    """One for each decoder, and for the flow one for each realism.

    Raises:
        RateError: if a number is out of its range.
    """
    found = []
    for decoder in dict.fromkeys(map(Decoder, decoders)):
        if decoder is Decoder.FLOW:
            found += [Rendering(decoder, realism=share) for share in dict.fromkeys(realism)]
        else:
            found.append(Rendering(decoder))
    return found
