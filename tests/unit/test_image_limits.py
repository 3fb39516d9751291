"""What is not read as a picture, what is made smaller, and how pixels become tensors."""

from __future__ import annotations

import io
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from picture_files import file_of, png_that_claims
from PIL import Image

from diffdemo.errors import ImageError
from diffdemo.images import MAX_PIXELS, MAX_SIDE, Pixels, fit_pixels, require_pixels, to_image, to_pixels, to_png
from diffdemo.pictures import load_picture

# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"this is a letter, not a picture", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture|damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ],
)
def test_what_is_not_a_picture(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        load_picture(data)


def test_text_with_the_name_of_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ImageError, match=r"'letter\.png' is not a picture"):
        load_picture(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        load_picture(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="directory"):
        load_picture(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file(texture: Pixels, kind: str, share: float) -> None:
    data = file_of(Image.fromarray(texture), kind)
    with pytest.raises(ImageError, match=r"damaged|not a picture"):
        load_picture(data[: int(share * len(data))])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_damaged_files_raise_nothing_else(kind: str, gradient: Pixels) -> None:
    whole = file_of(Image.fromarray(gradient[:24, :20]), kind)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(80):
        data = np.frombuffer(whole, np.uint8).copy()
        places = generator.integers(0, min(len(data), 400), generator.integers(1, 6))
        data[places] = generator.integers(0, 256, len(places))
        try:
            load_picture(data.tobytes())
        except ImageError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (12000, 12000), (2**31 - 1, 1)])
def test_an_enormous_picture_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    data = png_that_claims(width, height)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(ImageError, match="pixels"):
        load_picture(data)
    assert time.monotonic() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 50_000  # kilobytes


# --- pixels and tensors -----------------------------------------------------------------------------------------------


def test_every_value_survives_the_way_to_a_tensor_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    image = to_image(pixels)
    assert image.shape == (1, 3, 16, 16)
    assert (float(image.min()), float(image.max())) == (-1.0, 1.0)
    assert np.array_equal(to_pixels(image), pixels)


def test_values_outside_of_the_range_are_clamped() -> None:
    image = to_image(np.full((1, 1, 3), 255, np.uint8))
    assert to_pixels(image * 3).tolist() == [[[255] * 3]]
    assert to_pixels(image * -3).tolist() == [[[0] * 3]]


def test_png_is_exact(texture: Pixels) -> None:
    assert np.array_equal(np.array(Image.open(io.BytesIO(to_png(texture)))), texture)


@pytest.mark.parametrize("most", [1, 100, 5000, 96 * 128 - 1])
def test_fitting_keeps_the_shape(gradient: Pixels, most: int) -> None:
    height, width = fit_pixels(gradient, most).shape[:2]
    assert 1 <= height * width <= most
    if most >= 100:
        assert width / height == pytest.approx(128 / 96, rel=0.15)


def test_what_fits_is_left_alone(gradient: Pixels) -> None:
    assert fit_pixels(gradient, 96 * 128) is gradient


@pytest.mark.parametrize("shape", [(1, 10_000), (10_000, 1)])
def test_fitting_a_line(shape: tuple[int, int]) -> None:
    assert fit_pixels(np.zeros((*shape, 3), np.uint8), 100).size <= 3 * 100


@pytest.mark.parametrize("shape", [(1, 70_000), (400_000, 1), (3, 65_536)])
def test_fitting_shortens_sides_that_no_header_can_say(shape: tuple[int, int]) -> None:
    fitted = fit_pixels(np.zeros((*shape, 3), np.uint8), MAX_PIXELS)
    assert max(fitted.shape) <= MAX_SIDE
    assert max(fitted.shape) >= MAX_SIDE - 1
    require_pixels(fitted)


def test_no_picture_that_is_taken_doubles_when_it_is_mirrored_to_multiples_of_64() -> None:
    heights = np.arange(1, 2049)
    widths = np.minimum(MAX_SIDE, MAX_PIXELS // heights)
    padded = (-(-heights // 64) * 64) * (-(-widths // 64) * 64)
    assert padded.max() < 2 * MAX_PIXELS


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4), np.uint8), "expected uint8"),
        (np.zeros((4, 4, 4), np.uint8), "expected uint8"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((0, 4, 3), np.uint8), "nothing to compress"),
        (np.broadcast_to(np.uint8(0), (1, MAX_PIXELS + 1, 3)), "at most"),
        (np.broadcast_to(np.uint8(0), (1, MAX_SIDE + 1, 3)), "each side can be at most 65,535"),
        (np.broadcast_to(np.uint8(0), (MAX_SIDE + 1, 64, 3)), "each side can be at most 65,535"),
    ],
)
def test_pixels_that_no_codec_takes(pixels: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        require_pixels(pixels)


@pytest.mark.parametrize("shape", [(2048, 2048), (2049, 2047), (64, MAX_SIDE), (MAX_SIDE, 64), (1, MAX_SIDE)])
def test_the_largest_pictures_are_taken(shape: tuple[int, int]) -> None:
    require_pixels(np.broadcast_to(np.uint8(0), (*shape, 3)))
