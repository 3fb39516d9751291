"""What is known of the current picture as lines of a plot: curves of codecs, and decodes that were tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from diffdemo.engine import CurvePoint
from diffdemo.ui.memory.earlier import Earlier
from diffdemo.ui.memory.tried import Tried
from diffdemo.ui.plot.baselines import CODECS
from diffdemo.ui.style import COLOURS, LABELS, Curve

CDC_COLOUR = "#D55E00"
"""Vermilion: the one of Okabe and Ito's colours that no other codec has."""
CDC_LABEL = "CDC, one step"
KINDS = {"diffc": "DiffC", "tried": "decodes that were tried", "cdc": "CDC", "earlier": "earlier encodes"}
KINDS |= {codec: LABELS[codec] for codec in CODECS}
"""What can be switched on and off."""
_FOLLOWED = ("diffc", "tried", "cdc", "earlier", "shown")
_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "5px,1px")
_SYMBOLS = {"diffc": "circle", "jpeg": "square", "webp": "triangle-up", "avif": "circle-open"}
_TRIED_SYMBOLS = {"flow": "diamond", "ancestral": "star"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or points that nothing connects.

    Attributes:
        kind: a key of `KINDS`, or "shown" for what is on the stage.
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
        """Whether the axes make room for all of it."""
        return self.kind in _FOLLOWED


def lines_of(
    curves: Iterable[Curve],
    cdc: Sequence[CurvePoint],
    tried: Sequence[Tried],
    earlier: Sequence[Earlier] = (),
    settings: Sequence[str] = (),
) -> list[Line]:
    """Everything that has a point.

    Args:
        curves: of DiffC and of the classical codecs.
        cdc: of CDC, decoded in one step.
        tried: other decodes.
        earlier: encodes before the present one; those whose points are all in another line are left out.
        settings: of the present encode; see `Earlier`.
    """
    lines = [_codec(curve) for curve in curves]
    lines.append(Line("cdc", CDC_LABEL, _by_size(cdc), CDC_COLOUR, "pentagon", width=3))
    drawn = {point for line in lines for point in line.points}
    unseen = [each for each in earlier if not drawn.issuperset(each.points)]
    lines += [_earlier(each, dash, settings) for each, dash in zip(unseen, cycle(_DASHES), strict=False)]
    lines += [_tried(name, tried) for name in dict.fromkeys(each.name for each in tried)]
    return [line for line in lines if line.points]


def _codec(curve: Curve) -> Line:
    width = 3 if curve.codec == "diffc" else 1.75
    symbol = _SYMBOLS.get(curve.codec, "circle")
    points = _by_size(curve.points)
    return Line(curve.codec, LABELS[curve.codec], points, COLOURS[curve.codec], symbol=symbol, width=width)


def _earlier(each: Earlier, dash: str, settings: Sequence[str]) -> Line:
    colour = CDC_COLOUR if each.codec == "cdc" else COLOURS["diffc"]
    points, end = _by_size(each.points), each.apart_from(settings)
    return Line("earlier", each.label, points, colour, symbol="circle", size=4, dash=dash, end=end)


def _tried(name: str, tried: Sequence[Tried]) -> Line:
    own = [each for each in tried if each.name == name]
    decoder = next((key for key in _TRIED_SYMBOLS if name.startswith(LABELS[key])), "")
    colour = CDC_COLOUR if own[0].codec == "cdc" else COLOURS["flow"]
    symbol = _TRIED_SYMBOLS.get(decoder, "cross")
    return Line("tried", name, _by_size(each.point for each in own), colour, symbol, size=10, width=0)


def _by_size(points: Iterable[CurvePoint]) -> tuple[CurvePoint, ...]:
    return tuple(sorted(points, key=lambda point: point.num_bytes))
