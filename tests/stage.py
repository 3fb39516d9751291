"""What a screen puts on the stage."""

from __future__ import annotations

from diffdemo.images import Pixels
from diffdemo.pictures import load_picture
from diffdemo.ui.studio.screen import Screen


def shown(screen: Screen, side: str) -> Pixels:
    """The pixels of the "left" or the "right" half."""
    return load_picture(screen.stage[side]["picture"]["path"]).pixels
