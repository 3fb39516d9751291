"""Decodes that a visitor has tried on the current picture: points that stay in the plot."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.engine import WAYS, CurvePoint, Decoder

MOST_TRIED = 60


@dataclass(frozen=True, slots=True)
class Tried:
    """One decode.

    Attributes:
        codec: of the file.
        name: the decoder, with what was chosen for it.
        point: where it lies in the plot.
    """

    codec: str
    name: str
    point: CurvePoint

    @property
    def _place(self) -> tuple[str, int]:
        return self.name, self.point.num_bytes

    def among(self, others: tuple[Tried, ...]) -> tuple[Tried, ...]:
        """The others and this one, which takes the place of one like it; the oldest make room."""
        return (*(each for each in others if each._place != self._place), self)[-MOST_TRIED:]


def diffc_name(decoder: str, realism: float) -> str:
    """What to call a decode of a DiffC file."""
    name = WAYS[Decoder(decoder)].short
    return f"{name}, realism {realism:g}" if decoder == "flow" and realism < 1 else name


def cdc_name(run: str, num_steps: int) -> str:
    """What to call a decode of a CDC file: its run, and how many steps."""
    return f"CDC, {run}, {num_steps} step" + ("" if num_steps == 1 else "s")
