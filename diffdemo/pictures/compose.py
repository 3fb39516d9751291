"""Samples with and without alpha to RGB on white, and the sentences about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from diffdemo.images import Pixels
from diffdemo.pictures.colours.colour import Conversion, Samples, as_srgb

ON_WHITE = "Transparent areas are shown on white."
GREY = "A grey picture: coded as colour with equal channels."
FROM_CMYK = "Converted from CMYK to RGB."
FROM_LAB = "Converted from Lab to RGB."
FIRST_ONLY = "Only the first picture in the file is used."
TURNED = "Turned upright as the camera recorded it."
FROM_16_BITS = "Reduced from 16 to 8 bits a channel."
GAIN_MAP = "The ordinary picture is used; the gain map for high dynamic range beside it is not."
ENDS_EARLY = "The file ends early; all of its pixels are there."


def on_white(
    strips: Iterable[Samples], notes: list[str], *, has_alpha: bool, convert: Conversion | None = None
) -> Iterator[Pixels]:
    """Convert strips to sRGB and put them on white.

    Args:
        strips: uint8 or uint16 [n,W,C]; alpha is the last channel, not multiplied into the others.
        notes: gets sentences when all strips are through, if something was transparent, and if they were grey.
        has_alpha: whether the last channel is alpha.
        convert: colours to sRGB; None takes them for sRGB.
    """
    to_rgb = convert or as_srgb
    transparent = is_grey = False
    for strip in strips:
        is_grey = strip.shape[-1] - has_alpha == 1
        if not has_alpha:
            yield to_rgb(strip)
            continue
        colours, alpha = to_rgb(strip[..., :-1]), strip[..., -1:]
        opaque = int(np.iinfo(strip.dtype).max)
        if int(alpha.min()) == opaque:
            yield colours
            continue
        transparent = True
        weight = alpha.astype(np.uint32)
        mixed = colours * weight + 255 * (opaque - weight)
        yield ((mixed + opaque // 2) // opaque).astype(np.uint8)
    if transparent:
        notes.append(ON_WHITE)
    if is_grey:
        notes.append(GREY)
