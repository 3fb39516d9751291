"""Photographs that come with scikit-image, our files of them, and what came of those."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from diffdemo.engine.records import CurvePoint, Example
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.models.spec import ASSETS

if TYPE_CHECKING:
    from diffdemo.engine.engine import Engine

FOLDER = ASSETS / "examples"
CLASSICAL = ("jpeg", "webp", "avif")

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


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What came of an example's file, measured when it was written.

    Attributes:
        pixels: posterior mean of the whole file, uint8 [H,W,3].
        point: where the whole file lies.
        curve: the posterior mean along the file, by rising size.
        classical: name of a codec to its sweep on the same picture.
    """

    pixels: Pixels
    point: CurvePoint
    curve: tuple[CurvePoint, ...]
    classical: dict[str, tuple[CurvePoint, ...]]


def example_file(name: str) -> bytes | None:
    """The shipped file of an example, if there is one."""
    path = FOLDER / f"{name}.difd"
    return path.read_bytes() if name in {e.name for e in EXAMPLES} and path.is_file() else None


def example_result(name: str, data: bytes) -> ExampleResult | None:
    """What came of an example's file; None if that is not known of these very bytes."""
    numbers, picture = FOLDER / f"{name}.json", FOLDER / f"{name}.webp"
    if not (numbers.is_file() and picture.is_file()):
        return None
    known = json.loads(numbers.read_text())
    if known["sha256"] != hashlib.sha256(data).hexdigest():
        return None
    with Image.open(picture) as opened:
        pixels = np.array(opened.convert("RGB"))
    return ExampleResult(
        pixels,
        CurvePoint(**known["point"]),
        _points(known["curve"]),
        {codec: _points(points) for codec, points in known["classical"].items()},
    )


def write_examples(bpp: float = 1.0) -> None:
    """Code all examples anew with the default model; to be run whenever the weights or the format change."""
    from diffdemo.engine.engine import Engine

    engine = Engine()
    for example in EXAMPLES:
        data = list(engine.encode(example_pixels(example.name), bpp=bpp))[-1].data
        path = FOLDER / f"{example.name}.difd"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        write_result(engine, example.name, data)
        print(f"{path.name}: {len(data)} bytes")


def write_result(engine: Engine, name: str, data: bytes) -> None:
    """Decode an example's file, measure it and the classical codecs on its picture, and keep both."""
    original = example_pixels(name)
    *_, last = engine.decode(data, reference=original)
    assert last.psnr_db is not None
    known: dict[str, Any] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "point": asdict(CurvePoint(last.num_bytes, last.bpp, last.psnr_db, last.ms_ssim)),
        "curve": [asdict(point) for point in engine.curve(data)],
        "classical": {
            codec: [asdict(point) for point in engine.classical_curve(original, codec)] for codec in CLASSICAL
        },
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(known, indent=1) + "\n")
    out = io.BytesIO()
    Image.fromarray(last.pixels).save(out, "WEBP", lossless=True, quality=100, method=6)
    (FOLDER / f"{name}.webp").write_bytes(out.getvalue())


def _points(rows: list[dict[str, Any]]) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(**row) for row in rows)
