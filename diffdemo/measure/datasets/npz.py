"""Pictures in an array file, as ImageNet at 64x64 is handed out: a folder of them for as long as it is needed.

Two layouts are known: `images`, uint8 [N,H,W,3], with `names` if there are any; and `data`, uint8 [N,3*S*S], of each
picture red, then green, then blue (Chrabaszcz, Loshchilov, Hutter 2017, "A Downsampled Variant of ImageNet as an
Alternative to the CIFAR datasets"; also the test batches of CIFAR-10, saved as arrays).
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffdemo.errors import DiffDemoError

SUFFIX = ".npz"


@contextmanager
def as_folder(place: Path, first: int | None) -> Iterator[Path]:
    """A folder that holds the pictures of a place.

    Args:
        place: a folder, which stays as it is, or an array file, whose pictures lie in a folder of their own until the
            block ends, as PNG files.
        first: how many pictures of an array file are wanted; None for all.

    Raises:
        DiffDemoError: an array file cannot be read, or holds no pictures.
    """
    if place.suffix.lower() != SUFFIX or place.is_dir():
        yield place
        return
    images, names = _read(place, first)
    with tempfile.TemporaryDirectory(prefix="diffdemo-") as folder:
        for number, pixels in enumerate(images):
            Image.fromarray(pixels).save(Path(folder) / f"{number:06d}{names[number]}.png", compress_level=1)
        yield Path(folder)


def _read(path: Path, first: int | None) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures, uint8 [N,H,W,3], and what is added to their numbers to name them."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if "images" in arrays:
                images = arrays["images"][:first]
                names = [f"-{_word(name)}" for name in arrays["names"][:first]] if "names" in arrays else []
            elif "data" in arrays:
                images, names = _from_planes(arrays["data"][:first]), []
            else:
                raise _refusal(path, f"it has {', '.join(arrays) or 'nothing'} in it")
    except OSError as error:
        raise DiffDemoError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except (ValueError, TypeError, AttributeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise _refusal(path, str(error)) from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        raise _refusal(path, f"its pictures are {images.dtype} {list(images.shape)}")
    return images, names if len(names) == len(images) else [""] * len(images)


def _from_planes(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N,3*S*S] -> [N,S,S,3]; what is no row of squares is left as it is, and refused for its shape."""
    side = math.isqrt(data.shape[-1] // 3)
    if data.ndim != 2 or data.shape[1] != 3 * side * side:
        return data
    return data.reshape(len(data), 3, side, side).transpose(0, 2, 3, 1)


def _word(name: object) -> str:
    """A name as a part of a file's."""
    return "".join(letter if letter.isalnum() else "-" for letter in str(name))[:60]


def _refusal(path: Path, found: str) -> DiffDemoError:
    return DiffDemoError(
        f"'{path}' holds no pictures ({found}). Expected was `images`, uint8 [N,H,W,3], or `data`, uint8 [N,3*S*S]."
    )
