"""The two functions of `import diffdemo`, over one engine that is shared by the whole process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from diffdemo.engine import Engine
from diffdemo.engine.records import Frame
from diffdemo.images import Pixels
from diffdemo.pictures import load_picture, to_picture


def encode(
    image: Path | str | bytes | Image.Image | Pixels,
    *,
    codec: str | None = None,
    bpp: float | None = None,
    num_bytes: int | None = None,
    psnr_db: float | None = None,
    preset: str = "balanced",
    seed: int = 0,
    model: str | None = None,
    prompt: str = "",
) -> bytes:
    """Compress a picture into a file.

    Every prefix of a DiffC file is a coarser one. A CDC file is decoded whole or not at all.

    Args:
        image: path of a picture, the bytes of a picture file, an opened Pillow image, or uint8 [H,W,3].
        codec: "diffc" or "cdc"; None for that of the model, or DiffC.
        bpp: the most bits per pixel that the file may take, header included; 1.0 if no target is given.
        num_bytes: the same in bytes.
        psnr_db: where to end because the picture is good enough: the posterior mean of DiffC, CDC in one step.
        preset: for DiffC, "fast", "balanced" or "best": time spent on saving bits.
        seed: for DiffC, 0 .. 2^32 - 1, of the randomness that encoder and decoder share.
        model: a name out of `Engine.models()`; None takes the default of the codec. Pictures are fitted to what the
            model knows; models of the Hub have to be fetched first: python -m diffdemo download NAME.
        prompt: for models that take one, what the picture shows; it is stored in the file.

    Returns:
        The file.

    Raises:
        ImageError: if it is not a picture, or has too many pixels.
        RateError: if the target cannot be met.
        WeightsError: if there is no such codec or model, or its weights cannot be loaded.
    """
    moments = _engine().encode(
        _pixels(image),
        codec=codec,
        model=model,
        preset=preset,
        num_bytes=num_bytes,
        bpp=bpp,
        psnr_db=psnr_db,
        seed=seed,
        prompt=prompt,
    )
    for moment in moments:
        data = moment.data
    return data


def decode(
    data: bytes,
    *,
    num_bytes: int | None = None,
    decoder: str | None = None,
    realism: float = 1.0,
    gamma: float = 0.8,
    eta: float = 0.0,
    steps: int | None = None,
    seed: int = 0,
) -> Iterator[Frame]:
    """Reconstructions from a file, coarse to fine; the last one is the result.

    Args:
        data: a file; of a DiffC file, any prefix that holds its header.
        num_bytes: decode only that many bytes of it; not for CDC.
        decoder: for DiffC "mean" (least error, blurred), "flow" (sharp) or "ancestral" (sharp, drawn at random); for
            CDC "deterministic" (always the same picture) or "stochastic" (texture drawn at random). None takes the
            first of these.
        realism: for "flow": 0 is the posterior mean, 1 the full probability flow.
        gamma: for "stochastic": standard deviation of the noise that it starts from, 0 to 2.
        eta: for "stochastic": fresh noise in every step, 0 to 1.
        steps: for CDC: denoising steps, 1 to 1000; None for what suits the model.
        seed: for "ancestral" and "stochastic".

    Raises:
        BitstreamError: if the bytes are not a file of ours, or not a whole one of CDC.
        RateError: if a number is out of its range, or the decoder is not one for this file.
        WeightsError: if the model's weights cannot be loaded.
    """
    return _engine().decode(
        data, num_bytes=num_bytes, decoder=decoder, realism=realism, gamma=gamma, eta=eta, steps=steps, seed=seed
    )


@functools.cache
def _engine() -> Engine:
    return Engine()


def _pixels(image: Path | str | bytes | Image.Image | Pixels) -> Pixels:
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Image.Image):
        return to_picture(image).pixels
    return load_picture(image).pixels
