"""What is known of the current picture as lines of a plot: curves of codecs, and decodes that were tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from diffdemo.engine import DECODERS, CodecInfo, CurvePoint, Decoder
from diffdemo.engine.classical.formats import FORMATS, drawn
from diffdemo.ui.memory.tried import Earlier, Tried
from diffdemo.ui.plot.figure import Curve, look_of

QUICKEST = "one step"
"""How the files of a codec that is not embedded are decoded for its curve."""
_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "5px,1px")
_BASELINE_SYMBOLS = ("square", "triangle-up", "circle-open")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or points that nothing connects.

    Attributes:
        kind: a key of `kinds`, or "shown" for what is on the stage.
        label: name, as it is written beside the line.
        points: by rising size.
        colour, symbol, size, width: how it looks; a width of 0 connects nothing.
        dash: pattern of the line, in plotly's words; None for none.
        end: name at the end of the line where `label` is too long.
    """

    kind: str
    label: str
    points: tuple[CurvePoint, ...]
    colour: str
    symbol: str
    size: int = 6
    width: float = 1.75
    dash: str | None = None
    end: str = ""

    @property
    def is_followed(self) -> bool:
        """Whether the axes make room for all of it, as for everything that is our own."""
        return self.kind not in FORMATS


def kinds(codecs: Sequence[CodecInfo]) -> dict[str, str]:
    """What can be switched on and off: key and words."""
    own = {codec.name: codec.label for codec in codecs}
    decodes = {"tried": "decodes that were tried", "earlier": "earlier encodes"}
    return own | decodes | {name: FORMATS[name].label for name in drawn()}


def curve_label(codec: CodecInfo) -> str:
    """What stands at a codec's curve: its name, and how the files were decoded."""
    return f"{codec.label}, {DECODERS[Decoder(codec.decoders[0])].short if codec.is_embedded else QUICKEST}"


def lines_of(
    codecs: Sequence[CodecInfo],
    curves: Iterable[Curve],
    tried: Sequence[Tried] = (),
    earlier: Sequence[Earlier] = (),
    settings: Sequence[str] = (),
) -> list[Line]:
    """Everything that has a point, but earlier encodes whose points are all in another line; see `Earlier`."""
    lines = [_baseline(curve) if curve.codec in FORMATS else _own(curve, codecs) for curve in curves]
    seen = {point for line in lines for point in line.points}
    unseen = [each for each in earlier if not seen.issuperset(each.points)]
    lines += [_earlier(each, dash, settings, codecs) for each, dash in zip(unseen, cycle(_DASHES), strict=False)]
    lines += [_tried(name, tried, codecs) for name in dict.fromkeys(each.name for each in tried)]
    return [line for line in lines if line.points]


def shown_line(codec: CodecInfo, point: CurvePoint, codecs: Sequence[CodecInfo]) -> Line:
    """What is on the stage, where it lies on no curve."""
    colour = look_of(codec.name, codecs).colour
    return Line("shown", f"{codec.label}, shown", (point,), colour, "diamond", size=12, width=0)


def _own(curve: Curve, codecs: Sequence[CodecInfo]) -> Line:
    look = look_of(curve.codec, codecs)
    label = next(curve_label(codec) for codec in codecs if codec.name == curve.codec)
    return Line(curve.codec, label, _by_size(curve.points), look.colour, look.symbol, width=3)


def _baseline(curve: Curve) -> Line:
    codec = FORMATS[curve.codec]
    place = drawn().index(curve.codec) if codec.is_drawn else 0
    symbol = _BASELINE_SYMBOLS[place % len(_BASELINE_SYMBOLS)]
    return Line(curve.codec, codec.label, _by_size(curve.points), codec.colour, symbol)


def _earlier(each: Earlier, dash: str, settings: Sequence[str], codecs: Sequence[CodecInfo]) -> Line:
    colour, end = look_of(each.codec, codecs).colour, each.apart_from(settings)
    return Line("earlier", each.label, _by_size(each.points), colour, "circle", size=4, dash=dash, end=end)


def _tried(name: str, tried: Sequence[Tried], codecs: Sequence[CodecInfo]) -> Line:
    own = [each for each in tried if each.name == name]
    way = next((way for way in DECODERS.values() if name.startswith(way.short)), None)
    symbol = "cross" if way is None else "star" if way.draws else "diamond"
    colour = look_of(own[0].codec, codecs).tried
    return Line("tried", name, _by_size(each.point for each in own), colour, symbol, size=10, width=0)


def _by_size(points: Iterable[CurvePoint]) -> tuple[CurvePoint, ...]:
    return tuple(sorted(points, key=lambda point: point.num_bytes))
