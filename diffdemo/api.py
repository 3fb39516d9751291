"""The two functions of `import diffdemo`, over one engine that is shared by the whole process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import numpy as np
from PIL import Image

from diffdemo.engine import Engine, Knobs
from diffdemo.engine.arguments import MAX_SEED, checked_knobs, require_text, require_whole
from diffdemo.engine.records import Frame
from diffdemo.errors import BitstreamError, ImageError
from diffdemo.images import Pixels
from diffdemo.inputs import read_file
from diffdemo.pictures import load_picture, to_picture

Bytes = bytes | bytearray | memoryview
ARRAY = "uint8 [height, width, 3], sRGB values from 0 to 255"


def encode(
    image: Path | str | Bytes | Image.Image | Pixels,
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

    Every prefix of a DiffC file is a coarser one. Files of the other codecs are decoded whole or not at all.

    Args:
        image: path of a picture, the bytes of a picture file, an opened Pillow image, or uint8 [H,W,3].
        codec: "diffc", "cdc" or "cod-lite"; None for that of the model, or DiffC.
        bpp: the most bits per pixel that the file may take, header included, up to 24; 1.0 if no target is given.
            The 64 bytes that the smallest files need are allowed at any rate. For CoD-Lite, whose models have one rate
            each, it is that of the codes, and says which model.
        num_bytes: the same in bytes, to the byte.
        psnr_db: where to end because the picture is good enough: the posterior mean of DiffC, CDC in one step. Of
            no effect for CoD-Lite, whose models have one rate each.
        preset: for DiffC, "fast", "balanced" or "best": time spent on saving bits.
        seed: for DiffC, 0 .. 2^32 - 1, of the randomness that encoder and decoder share.
        model: a name out of `Engine.models()`; None takes the codec's own choice. Pictures are fitted to what the
            model knows; models of the Hub have to be fetched first: python -m diffdemo download NAME.
        prompt: for models that take one, what the picture shows; it is stored in the file.

    Returns:
        The file.

    Raises:
        ImageError: if it is not a picture, or has too many pixels.
        RateError: if the target cannot be met, or an argument is not what it should be; it is named.
        WeightsError: if there is no such codec or model, or its weights cannot be loaded.
    """
    moments = _engine().encode(
        _pixels(image),
        codec=None if codec is None else require_text("codec", codec),
        model=None if model is None else require_text("model", model),
        preset=require_text("preset", preset),
        num_bytes=num_bytes,
        bpp=bpp,
        psnr_db=psnr_db,
        seed=require_whole("seed", seed, 0, MAX_SEED),
        prompt=require_text("prompt", prompt),
    )
    for moment in moments:
        data = moment.data
    return data


def decode(
    data: Path | str | Bytes,
    *,
    num_bytes: int | None = None,
    decoder: str | None = None,
    **knobs: Unpack[Knobs],
) -> Iterator[Frame]:
    """Reconstructions from a file, coarse to fine; the last one is the result.

    Args:
        data: the bytes of a file, or its path; of an embedded codec such as DiffC, any prefix that holds its header.
        num_bytes: decode only that many bytes of it; only of embedded codecs.
        decoder: for DiffC "mean" (least error, blurred), "flow" (sharp) or "ancestral" (sharp, drawn at random); for
            CDC "deterministic" (always the same picture) or "stochastic" (texture drawn at random); CoD-Lite has only
            the former. None takes the first that the file's codec has.
        realism: for "flow": 0 is the posterior mean, 1 the full probability flow.
        gamma: for "stochastic": standard deviation of the noise that it starts from, 0 to 2.
        eta: for "stochastic": fresh noise in every step, 0 to 1.
        steps: for "deterministic" and "stochastic" of CDC: denoising steps, 1 to 1000; None for what suits the model.
        seed: for "ancestral" and "stochastic".

    Raises:
        BitstreamError: if the bytes are not a file of ours, or not a whole one where that is needed, or cannot be read.
        RateError: if a number is out of its range, or the decoder is not one for this file.
        WeightsError: if the model's weights cannot be loaded.
    """
    return _engine().decode(
        _file_bytes(data),
        num_bytes=None if num_bytes is None else require_whole("num_bytes", num_bytes, 0, None),
        decoder=None if decoder is None else require_text("decoder", decoder),
        **checked_knobs(knobs),
    )


@functools.cache
def _engine() -> Engine:
    return Engine()


def _file_bytes(data: Path | str | Bytes) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if not isinstance(data, (str, Path)):
        raise BitstreamError(f"A {type(data).__name__} is no file; expected its bytes, or its path.")
    try:
        return read_file(Path(data))
    except OSError as error:
        raise BitstreamError(f"Cannot read '{data}': {error.strerror or error}.") from error


def _pixels(image: Path | str | Bytes | Image.Image | Pixels) -> Pixels:
    if isinstance(image, np.ndarray):
        return _array(image)
    if isinstance(image, Image.Image):
        return to_picture(image).pixels
    if isinstance(image, (bytearray, memoryview)):
        return load_picture(bytes(image)).pixels
    if isinstance(image, (bytes, str, Path)):
        return load_picture(image).pixels
    raise ImageError(
        f"A {type(image).__name__} is no picture; expected a path, the bytes of a picture file, a Pillow image, or an "
        f"array, {ARRAY}."
    )


def _array(array: np.ndarray) -> Pixels:
    """Pixels of any layout in memory, as ones that lie in a row and belong to nobody else.

    Raises:
        ImageError: other numbers than uint8, or another shape.
    """
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(f"The array is {array.dtype} {list(array.shape)}; expected {ARRAY}. {_advice(array)}".strip())
    return np.array(array, order="C", subok=False)


def _advice(array: np.ndarray) -> str:
    """How to make pixels of an array that is none; "" where that is not clear."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 2, 4)):
        return "For a grey picture or one with transparency, please give a Pillow image: Image.fromarray(array)."
    if array.ndim == 3 and array.shape[2] == 3:
        return "Please bring its values to 0 .. 255 and its numbers to uint8."
    return ""
