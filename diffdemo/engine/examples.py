"""Photographs that come with scikit-image, and our files of them."""

from __future__ import annotations

import numpy as np

from diffdemo.engine.records import Example
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.models.spec import ASSETS

EXAMPLES = (
    Example("chelsea", "Chelsea the cat", "Stéfan van der Walt, CC0"),
    Example("astronaut", "Eileen Collins", "NASA, public domain"),
    Example("coffee", "Coffee cup", "Rachel Michetti / Pikolo Espresso Bar, CC0"),
    Example("rocket", "Rocket launch", "SpaceX, CC0"),
)


def example_pixels(name: str) -> Pixels:
    """uint8 [H,W,3] of an example.

    Raises:
        ImageError: if there is none of that name.
    """
    from skimage import data

    if name not in {e.name for e in EXAMPLES}:
        raise ImageError(f"There is no example '{name}'. Known: {', '.join(e.name for e in EXAMPLES)}.")
    return np.ascontiguousarray(getattr(data, name)()[..., :3], dtype=np.uint8)


def example_file(name: str) -> bytes | None:
    """The shipped file of an example, if there is one."""
    path = ASSETS / "examples" / f"{name}.difd"
    return path.read_bytes() if name in {e.name for e in EXAMPLES} and path.is_file() else None


def write_examples(bpp: float = 1.0) -> None:
    """Code all examples anew with the default model; to be run whenever the weights or the format change."""
    from diffdemo.engine.engine import Engine

    engine = Engine()
    for example in EXAMPLES:
        data = list(engine.encode(example_pixels(example.name), bpp=bpp))[-1].data
        path = ASSETS / "examples" / f"{example.name}.difd"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes")
