"""The shipped examples, coded and measured anew."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

from PIL import Image

from diffdemo.engine.classical.formats import drawn
from diffdemo.engine.engine import Engine
from diffdemo.engine.examples import EXAMPLES, FOLDER, OPENING_BPP, example_pixels


def write_examples(bpp: float = 1.0) -> None:
    """Code all examples anew with the default model; to be run whenever the weights or the format change."""
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
    *_, first = engine.decode(data, num_bytes=int(OPENING_BPP * original[..., 0].size / 8), reference=original)
    assert last.psnr_db is not None
    known: dict[str, Any] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "point": last.point.to_json(),
        "opening": first.point.to_json(),
        "curve": [point.to_json() for point in engine.curve(data)],
        "classical": {
            codec: [point.to_json() for point in engine.classical_curve(original, codec)] for codec in drawn()
        },
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(known, indent=1) + "\n")
    for stem, frame in ((name, last), (f"{name}-opening", first)):
        out = io.BytesIO()
        Image.fromarray(frame.pixels).save(out, "WEBP", lossless=True, quality=100, method=6)
        (FOLDER / f"{stem}.webp").write_bytes(out.getvalue())
