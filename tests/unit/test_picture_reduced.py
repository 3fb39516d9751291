"""Pictures made smaller while they are read: the result, and the memory; files that end early."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from picture_files import file_of
from PIL import Image

from diffdemo.errors import ImageError
from diffdemo.images import MAX_PIXELS, MAX_SIDE, Pixels, fit_pixels, to_png
from diffdemo.pictures import limits, load_picture

EARLY = "The file ends early; all of its pixels are there."


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
@pytest.mark.parametrize("most", [1, 500, 5000, 12287])
def test_the_result_is_that_of_making_it_smaller_afterwards(texture: Pixels, kind: str, most: int) -> None:
    data = file_of(Image.fromarray(texture), kind)
    picture = load_picture(data, most_pixels=most)
    assert np.array_equal(picture.pixels, fit_pixels(load_picture(data).pixels, most))
    assert (picture.width, picture.height) == (128, 96)
    assert picture.is_reduced


def test_what_fits_is_left_alone(texture: Pixels) -> None:
    picture = load_picture(to_png(texture), most_pixels=128 * 96)
    assert np.array_equal(picture.pixels, texture)
    assert not picture.is_reduced


@pytest.mark.parametrize("size", [(70_000, 1), (1, 70_000), (70_000, 3)])
def test_long_sides_are_made_to_fit(size: tuple[int, int]) -> None:
    data = file_of(Image.new("RGB", size, (9, 8, 7)))
    picture = load_picture(data, most_pixels=MAX_PIXELS)
    assert max(picture.pixels.shape) <= MAX_SIDE
    assert (picture.width, picture.height) == size
    assert (picture.pixels == (9, 8, 7)).all()


_MEASURE = """
import resource, sys, threading
from pathlib import Path
import diffdemo.pictures as pictures
paths = [Path(name) for name in sys.argv[1:]]
pictures.load_picture(paths[0])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = {"most_pixels": 1 << 20}
readers = [threading.Thread(target=pictures.load_picture, args=[path], kwargs=options) for path in paths]
[reader.start() for reader in readers]
[reader.join() for reader in readers]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def megabytes(*paths: Path) -> int:
    """How much memory a process takes at most that makes these pictures smaller while it reads them, all at once."""
    command = [sys.executable, "-c", _MEASURE, *map(str, paths)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    return int(done.stdout)


@pytest.mark.parametrize("mode", ["1", "RGBA"])
def test_a_large_png_takes_little_memory(tmp_path: Path, mode: str) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("L", (8, 8)).save(small)
    Image.new(mode, (6000, 5000)).save(large, compress_level=1)
    assert megabytes(small, large) < 80  # As a whole it is 120 MB, and as many again for every copy.


def test_many_large_pictures_take_as_much_memory_as_one(tmp_path: Path) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.gif"
    Image.new("L", (8, 8)).save(small)
    Image.new("L", (5000, 5000)).save(large)
    assert megabytes(small, *[large] * 4) < megabytes(small, large) + 40


def test_large_pictures_wait_for_each_other_and_small_ones_for_nobody() -> None:
    inside = threading.Event()

    def enter() -> None:
        with limits.turn_of(4000, 3000):
            inside.set()

    with limits.turn_of(4000, 3000):
        other = threading.Thread(target=enter)
        other.start()
        with limits.turn_of(100, 100):
            assert not inside.wait(0.1)
    other.join(300)
    assert inside.is_set()


def test_a_refused_picture_gives_its_turn_back(tmp_path: Path) -> None:
    image = Image.new("L", (4000, 3000))
    data = file_of(image, "PNG")
    for _ in range(2):
        with pytest.raises(ImageError):
            load_picture(data[: len(data) // 2])
    assert load_picture(data, most_pixels=1000).is_reduced


# --- files that end early ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "cuts"),
    [
        ("GIF", {}, (1, 2)),
        ("BMP", {}, (1,)),
        ("WEBP", {"exif": b"Exif\0\0II*\0" + bytes(40)}, (1, 2, 8, 12)),
    ],
)
def test_what_follows_the_pixels_may_be_missing(
    texture: Pixels, kind: str, options: dict[str, object], cuts: tuple[int, ...]
) -> None:
    # 127 pixels of 3 bytes: rows of BMP are filled up to four bytes.
    image = Image.fromarray(np.ascontiguousarray(texture[:, :127]))
    data = file_of(image, kind, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    for cut in cuts:
        assert np.array_equal(load_picture(data[:-cut]).pixels, expected)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_whatever_is_accepted_without_its_last_bytes_is_right(texture: Pixels, kind: str) -> None:
    for width in (16, 37, 64, 127):
        data = file_of(Image.fromarray(np.ascontiguousarray(texture[:, :width])), kind)
        whole = load_picture(data).pixels
        for cut in range(1, 13):
            try:
                picture = load_picture(data[:-cut])
            except ImageError:
                continue
            assert np.array_equal(picture.pixels, whole)


def test_an_odd_webp_without_its_last_padding(texture: Pixels) -> None:
    for height in range(60, 96):
        data = file_of(Image.fromarray(texture[:height]), "WEBP", lossless=True)
        length = int.from_bytes(data[16:20], "little")
        if length % 2:
            picture = load_picture(data[:-1])
            assert np.array_equal(picture.pixels, texture[:height])
            assert picture.notes == (EARLY,)
            return
    raise AssertionError("no picture had an odd number of bytes")
