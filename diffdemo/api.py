"""The two functions of `import diffdemo`, over one engine that is shared by the whole process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from diffdemo.engine import Engine
from diffdemo.engine.records import Frame
from diffdemo.images import Pixels, load_picture, to_picture


def encode(
    image: Path | str | bytes | Image.Image | Pixels,
    *,
    bpp: float | None = None,
    num_bytes: int | None = None,
    psnr_db: float | None = None,
    preset: str = "balanced",
    seed: int = 0,
    model: str | None = None,
) -> bytes:
    """Compress a picture into a file, every prefix of which is a coarser one.

    Args:
        image: path of a picture, the bytes of a picture file, an opened Pillow image, or uint8 [H,W,3].
        bpp: the most bits per pixel that the file may take, header included; 1.0 if no target is given.
        num_bytes: the same in bytes.
        psnr_db: where to end because the picture is good enough.
        preset: "fast", "balanced" or "best": time spent on saving bits.
        seed: 0 .. 2^32 - 1, of the randomness that encoder and decoder share.
        model: a name out of `Engine.models()`; None takes the default.

    Returns:
        The file.

    Raises:
        ImageError: if it is not a picture, or has too many pixels.
        RateError: if the target cannot be met.
        WeightsError: if the model's weights cannot be loaded.
    """
    moments = _engine().encode(
        _pixels(image), model=model, preset=preset, num_bytes=num_bytes, bpp=bpp, psnr_db=psnr_db, seed=seed
    )
    for moment in moments:
        data = moment.data
    return data


def decode(
    data: bytes, *, num_bytes: int | None = None, decoder: str = "mean", realism: float = 1.0, seed: int = 0
) -> Iterator[Frame]:
    """Reconstructions from a file, coarse to fine; the last one is the result.

    Args:
        data: a file or any prefix that holds its header.
        num_bytes: decode only that many bytes of it.
        decoder: "mean" (least error, blurred), "flow" (sharp) or "ancestral" (sharp, drawn at random).
        realism: for "flow": 0 is the posterior mean, 1 the full probability flow.
        seed: for "ancestral".

    Raises:
        BitstreamError: if the bytes are not a file of ours.
        WeightsError: if the model's weights cannot be loaded.
    """
    return _engine().decode(data, num_bytes=num_bytes, decoder=decoder, realism=realism, seed=seed)


@functools.cache
def _engine() -> Engine:
    return Engine()


def _pixels(image: Path | str | bytes | Image.Image | Pixels) -> Pixels:
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Image.Image):
        return to_picture(image).pixels
    return load_picture(image).pixels
