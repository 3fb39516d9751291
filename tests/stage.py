"""What a screen puts on the stage."""

from __future__ import annotations

from diffdemo.engine import KNOBS
from diffdemo.images import Pixels
from diffdemo.pictures import load_picture
from diffdemo.ui.studio.choices import Choices
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.screen import Screen


def shown(screen: Screen, side: str) -> Pixels:
    """The pixels of the "left" or the "right" half."""
    return load_picture(screen.stage[side]["picture"]["path"]).pixels


def chosen(used: int, decoder: str, **knobs: float) -> Choices:
    """What the controls say when these are moved and the others stand where they begin."""
    return Choices(used, decoder, Choices().knobs | knobs)


def visible_knobs(viewing: Viewing, decoder: str) -> dict[str, bool]:
    """Which knobs are seen with a decoder."""
    updates = viewing.choose_decoder(decoder)
    return {name: update["visible"] for name, update in zip(KNOBS, updates, strict=True)}
