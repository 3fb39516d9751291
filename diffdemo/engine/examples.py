"""Photographs that come with scikit-image, our files of them, and what came of those."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diffdemo.coding.container import read_bitstream
from diffdemo.engine.records import Example
from diffdemo.engine.store import ModelStore
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.metrics.points import CurvePoint
from diffdemo.shipped import ASSETS

FOLDER = ASSETS / "examples"

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


def example_centre(name: str, side: int) -> Pixels:
    """The middle of an example, uint8 [side,side,3]: what measurements are made on.

    Raises:
        ImageError: if there is none of that name.
    """
    pixels = example_pixels(name)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


OPENING_BPP = 0.1
"""Of the beginning of an example's file that is shown first: where the smallest JPEG is larger, and worse."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Posterior mean of the beginning of an example's file, uint8 [H,W,3], and where it lies."""

    pixels: Pixels
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What came of an example's file, measured when it was written.

    Attributes:
        pixels: posterior mean of the whole file, uint8 [H,W,3].
        point: where the whole file lies.
        curve: the posterior mean along the file, by rising size.
        classical: name of a codec to its sweep on the same picture.
        opening: of its first bytes, `OPENING_BPP` of them.
    """

    pixels: Pixels
    point: CurvePoint
    curve: tuple[CurvePoint, ...]
    classical: dict[str, tuple[CurvePoint, ...]]
    opening: Opening


def example_file(name: str) -> bytes | None:
    """The shipped file of an example, if there is one."""
    path = FOLDER / f"{name}.difd"
    return path.read_bytes() if name in {e.name for e in EXAMPLES} and path.is_file() else None


def example_result(name: str, data: bytes) -> ExampleResult | None:
    """What came of an example's file; None if that is not known of these very bytes."""
    numbers, picture, begun = FOLDER / f"{name}.json", FOLDER / f"{name}.webp", FOLDER / f"{name}-opening.webp"
    if not (numbers.is_file() and picture.is_file() and begun.is_file()):
        return None
    known = json.loads(numbers.read_text())
    if known["sha256"] != hashlib.sha256(data).hexdigest():
        return None
    return ExampleResult(
        _pixels_of(picture),
        CurvePoint.from_json(known["point"]),
        _points(known["curve"]),
        {codec: _points(points) for codec, points in known["classical"].items()},
        Opening(_pixels_of(begun), CurvePoint.from_json(known["opening"])),
    )


def _pixels_of(picture: Path) -> Pixels:
    with Image.open(picture) as opened:
        return np.array(opened.convert("RGB"))


def _points(rows: list[dict[str, Any]]) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint.from_json(row) for row in rows)


class Gallery:
    """A part of the engine's interface: photographs that can be tried without an upload, over the models it has."""

    _store: ModelStore

    def examples(self) -> list[Example]:
        """What there is."""
        return list(EXAMPLES)

    def example_pixels(self, name: str) -> Pixels:
        """uint8 [H,W,3] of an example."""
        return example_pixels(name)

    def example_file(self, name: str) -> bytes | None:
        """The shipped file of an example, if there is one that an installed model can decode."""
        data = example_file(name)
        if data is None or read_bitstream(data).header.fingerprint not in self._store.known():
            return None
        return data

    def example_result(self, name: str) -> ExampleResult | None:
        """What came of that file when it was written, so that nobody has to wait for it; None if it is not known."""
        data = self.example_file(name)
        return None if data is None else example_result(name, data)
