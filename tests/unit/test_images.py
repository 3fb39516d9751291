"""Pictures as people have them: every mode, turned, animated, with colours of their own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from picture_files import file_of, png_of_16_bit_rgb
from PIL import ExifTags, Image, ImageCms

from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture, to_picture

# --- modes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_plain_colour_is_read_exactly_and_without_notes(texture: Pixels, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = load_picture(file_of(Image.fromarray(texture), kind, **options))
    assert np.array_equal(picture.pixels, texture)
    assert picture.notes == ()
    assert (picture.width, picture.height) == (128, 96)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "GIF"])
def test_lossy_formats_are_read(gradient: Pixels, kind: str) -> None:
    picture = load_picture(file_of(Image.fromarray(gradient), kind))
    assert picture.pixels.shape == gradient.shape
    assert np.abs(picture.pixels.astype(int) - gradient).mean() < 12


def test_paths_and_their_names_are_read(tmp_path: Path, gradient: Pixels) -> None:
    path = tmp_path / "grün ein Bild.png"
    path.write_bytes(to_png(gradient))
    assert np.array_equal(load_picture(path).pixels, gradient)
    assert np.array_equal(load_picture(str(path)).pixels, gradient)


def test_transparency_is_shown_on_white() -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, 0, 3], rgba[:, 1, 3], rgba[:, 2, 3] = 0, 128, 255
    picture = load_picture(file_of(Image.fromarray(rgba)))
    assert picture.pixels[0].tolist() == [[255, 255, 255], [227, 127, 127], [200, 0, 0]]
    assert "Transparent areas are shown on white." in picture.notes


def test_full_opacity_is_no_transparency(gradient: Pixels) -> None:
    opaque = Image.fromarray(gradient)
    opaque.putalpha(255)
    picture = load_picture(file_of(opaque))
    assert np.array_equal(picture.pixels, gradient)
    assert picture.notes == ()


def palette_picture() -> Image.Image:
    picture = Image.frombytes("P", (2, 2), bytes([0, 1, 1, 0]))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    return picture


def test_palette() -> None:
    picture = load_picture(file_of(palette_picture()))
    assert picture.pixels.tolist() == [[[10, 20, 30], [200, 100, 50]], [[200, 100, 50], [10, 20, 30]]]
    assert picture.notes == ()


def test_palette_with_a_transparent_colour() -> None:
    picture = load_picture(file_of(palette_picture(), transparency=0))
    assert picture.pixels.tolist() == [[[255] * 3, [200, 100, 50]], [[200, 100, 50], [255] * 3]]
    assert picture.notes == ("Transparent areas are shown on white.",)


def test_colour_with_one_transparent_value() -> None:
    pixels = np.full((4, 4, 3), 90, np.uint8)
    pixels[0, 0] = (1, 2, 3)
    picture = load_picture(file_of(Image.fromarray(pixels), transparency=(1, 2, 3)))
    assert picture.pixels[0, :2].tolist() == [[255] * 3, [90] * 3]


def test_cmyk(gradient: Pixels) -> None:
    picture = load_picture(file_of(Image.fromarray(gradient).convert("CMYK"), "TIFF"))
    assert np.array_equal(picture.pixels, gradient)
    assert picture.notes == ("Converted from CMYK to RGB.",)


def test_16_bit_grey() -> None:
    values = np.array([[0, 257, 32896], [65535, 128, 129]], np.uint16)
    picture = load_picture(file_of(Image.fromarray(values)))
    assert picture.pixels[..., 0].tolist() == [[0, 1, 128], [255, 0, 1]]
    assert np.ptp(picture.pixels, axis=2).max() == 0
    assert "Reduced from 16 to 8 bits a channel." in picture.notes


def test_16_bit_colour(texture: Pixels) -> None:
    picture = load_picture(png_of_16_bit_rgb(texture.astype(np.uint16) * 257))
    assert np.array_equal(picture.pixels, texture)


def test_floating_point_tiff() -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert load_picture(file_of(Image.fromarray(values), "TIFF")).pixels[0, :, 0].tolist() == [0, 128, 255]


def test_one_bit() -> None:
    picture = load_picture(file_of(Image.frombytes("1", (8, 1), b"\xaa")))
    assert picture.pixels[0, :, 0].tolist() == [255, 0] * 4
    assert picture.notes == ("A grey picture: coded as colour with equal channels.",)


def test_grey_with_alpha() -> None:
    picture = load_picture(
        file_of(Image.merge("LA", [Image.new("L", (2, 1), 50), Image.frombytes("L", (2, 1), b"\0\xff")]))
    )
    assert picture.pixels[0].tolist() == [[255] * 3, [50] * 3]


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_alpha_of_an_opened_picture(mode: str) -> None:
    picture = Image.new(mode.upper(), (2, 2), 0).convert(mode)
    assert to_picture(picture).pixels.tolist() == [[[255] * 3] * 2] * 2


def test_one_pixel() -> None:
    assert load_picture(file_of(Image.new("RGB", (1, 1), (3, 2, 1)))).pixels.tolist() == [[[3, 2, 1]]]


# --- what cameras and browsers add ------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, edges: Pixels) -> None:
    # What each value means by the standard: the side on which the first stored row and column belong.
    stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p.transpose(1, 0, 2)[::-1],
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: p.transpose(1, 0, 2)[:, ::-1],
    }[orientation](edges)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = load_picture(file_of(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
    assert np.array_equal(picture.pixels, edges)
    assert bool(picture.notes) == (orientation != 1)


def test_an_orientation_that_does_not_exist_is_ignored(edges: Pixels) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 0
    picture = load_picture(file_of(Image.fromarray(edges), exif=exif))
    assert np.array_equal(picture.pixels, edges)
    assert picture.notes == ()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_picture_of_an_animation_is_taken(kind: str) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("#ff0000", "#0000ff"))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = file_of(first, kind, save_all=True, append_images=[second], duration=100, **options)
    picture = load_picture(data)
    assert picture.pixels[8, 8].tolist() == [255, 0, 0]
    assert "Only the first picture in the file is used." in picture.notes


def wide_profile() -> bytes:
    """A profile whose red and green are exchanged: no viewer that ignores it shows the right colours."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_colour_profile_is_applied(mode: str) -> None:
    data = file_of(Image.new("RGB", (4, 4), (250, 10, 10)).convert(mode), icc_profile=wide_profile())
    red, green, _ = load_picture(data).pixels[0, 0].tolist()
    assert green > 240
    assert red < 20


def test_a_broken_profile_is_ignored(gradient: Pixels) -> None:
    data = file_of(Image.fromarray(gradient), icc_profile=b"nonsense" * 30)
    assert np.array_equal(load_picture(data).pixels, gradient)
