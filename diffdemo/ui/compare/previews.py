"""Small pictures of a file's beginnings, sent to the browser once: there they follow the slider without the server.

They are lossy, and marked as previews wherever they are shown; what stays on the stage is always the PNG of it.
"""

from __future__ import annotations

import io
from typing import Any

from gradio.data_classes import FileData
from PIL import Image

from diffdemo.engine import Engine
from diffdemo.images import Pixels
from diffdemo.ui import words
from diffdemo.ui.server.files import served

LONGEST_SIDE = 640
"""Pixels of a preview."""
_QUALITY = 70
_MOST = 48
"""Previews of a file; of one with more steps some are left out."""
NONE: dict[str, Any] = {"frames": []}
"""Of a picture without a file that can be cut."""


def small(pixels: Pixels) -> bytes:
    """A WebP file of a picture, uint8 [H,W,3], no longer than `LONGEST_SIDE`."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, method=1)
    return out.getvalue()


def file_of(preview: bytes) -> dict[str, Any]:
    """A preview as Gradio knows files; it adds the address."""
    return FileData(path=served(preview, "preview.webp"), mime_type="image/webp").model_dump()


def along(engine: Engine, data: bytes, label: str) -> dict[str, Any]:
    """The previews of an embedded file as the browser takes them, as far as its steps have been computed.

    Args:
        data: the file.
        label: of its codec.

    Returns:
        "frames" by rising "bytes", each with its "picture" and its quality in words; and "caption", "bytes" of the
        whole file, and "pixels" of the picture.
    """
    info = engine.describe(data)
    ends = [step.end_bytes for step in info.steps if step.received]
    apart = -(-len(ends) // _MOST) or 1
    known = [frame for end in ends[::-apart][::-1] if (frame := engine.preview(data, end)) is not None]
    if not info.is_embedded or not known:
        return NONE
    frames = [
        {"bytes": each.num_bytes, "quality": words.quality(each.psnr_db), "picture": file_of(small(each.pixels))}
        for each in known
    ]
    simplest = words.simplest(is_embedded=True)
    return {"frames": frames, "caption": f"{label}, {simplest}", "pixels": info.width * info.height}
