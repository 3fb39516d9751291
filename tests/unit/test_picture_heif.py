"""HEIC as phones write it, and AVIF: colours by number, gain maps, turned pictures, a missing package."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from picture_files import file_of
from PIL import ExifTags, Image, ImageCms

from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.pictures import load_picture, readable_formats
from diffdemo.pictures.kinds import heif
from diffdemo.pictures.kinds.boxes import brands_of, colour_numbers

HDR = "Brought from high dynamic range into the ordinary one; highlights are rolled off."
BY_NUMBER = "Converted to sRGB from the colours that the file names by number."


def avif(pixels: Pixels, primaries: int = 1, transfer: int = 13, **options: object) -> bytes:
    """An AVIF file whose colours are named by these numbers."""
    data = bytearray(file_of(Image.fromarray(pixels), "AVIF", quality=95, subsampling="4:4:4", **options))
    place = data.index(b"nclx") + 4
    struct.pack_into(">HH", data, place, primaries, transfer)
    return bytes(data)


def heic(pixels: Pixels, **options: object) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    made = pillow_heif.from_pillow(Image.fromarray(pixels))
    out = io.BytesIO()
    made.save(out, quality=95, chroma=444, **options)
    return out.getvalue()


def close(left: Pixels, right: Pixels, tolerance: float = 4) -> bool:
    return left.shape == right.shape and float(np.abs(left.astype(int) - right).mean()) < tolerance


# --- boxes ------------------------------------------------------------------------------------------------------------


def test_numbers_of_the_primary_picture(gradient: Pixels) -> None:
    assert colour_numbers(avif(gradient, 12, 16)) == (12, 16)
    assert colour_numbers(file_of(Image.fromarray(gradient), "PNG")) is None


def test_damaged_boxes_name_no_colours_and_take_no_time(gradient: Pixels) -> None:
    whole = avif(gradient[:16, :16])
    generator = np.random.default_rng(0)
    for length in range(0, len(whole), 3):
        colour_numbers(whole[:length])
    for _ in range(300):
        data = np.frombuffer(whole, np.uint8).copy()
        places = generator.integers(0, min(400, len(data)), 4)
        data[places] = generator.integers(0, 256, 4)
        colour_numbers(data.tobytes())
        brands_of(data.tobytes())


# --- AVIF -------------------------------------------------------------------------------------------------------------


def test_avif_of_srgb_has_no_notes(gradient: Pixels) -> None:
    picture = load_picture(avif(gradient))
    assert close(picture.pixels, gradient)
    assert picture.notes == ()


def test_avif_in_display_p3() -> None:
    pixels = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    light = ((pixels[0, 0] / 255 + 0.055) / 1.055) ** 2.4
    matrix = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])  # CSS Color 4
    expected = (1.055 * np.clip(matrix @ light, 0, 1) ** (1 / 2.4) - 0.055) * 255
    picture = load_picture(avif(pixels, 12, 13))
    assert np.abs(picture.pixels[8, 8] - expected).max() <= 4
    assert picture.notes == (BY_NUMBER,)


@pytest.mark.parametrize("numbers", [(1, 1), (1, 6), (2, 2), (77, 99)])
def test_avif_whose_numbers_say_nothing_new(gradient: Pixels, numbers: tuple[int, int]) -> None:
    picture = load_picture(avif(gradient, *numbers))
    assert close(picture.pixels, gradient)
    assert picture.notes == ()


@pytest.mark.parametrize("transfer", [16, 18])
def test_avif_of_high_dynamic_range(transfer: int) -> None:
    pixels = np.full((16, 16, 3), 148 if transfer == 16 else 191, np.uint8)  # reference white of BT.2408
    picture = load_picture(avif(pixels, 9, transfer))
    assert picture.notes == (HDR,)
    assert 238 <= picture.pixels.min() <= picture.pixels.max() <= 254


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_once(orientation: int, edges: Pixels) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    expected = {
        1: edges,
        2: edges[:, ::-1],
        3: edges[::-1, ::-1],
        4: edges[::-1],
        5: edges.transpose(1, 0, 2),
        6: np.rot90(edges, -1),
        7: edges[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(edges),
    }[orientation]
    picture = load_picture(avif(edges, exif=exif))
    assert close(picture.pixels, expected, 8)


def test_broken_exif_in_avif_does_not_matter(gradient: Pixels) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "x" * 40
    data = avif(gradient, exif=exif).replace(b"II*\0", b"????").replace(b"MM\0*", b"????")
    assert close(load_picture(data).pixels, gradient)


def test_an_animated_avif_and_one_with_alpha(gradient: Pixels) -> None:
    other = Image.fromarray(255 - gradient)
    moving = load_picture(file_of(Image.fromarray(gradient), "AVIF", save_all=True, append_images=[other], quality=95))
    assert close(moving.pixels, gradient, 8)
    assert "Only the first picture in the file is used." in moving.notes
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    picture = load_picture(file_of(clear, "AVIF"))
    assert picture.pixels.min() == 255
    assert picture.notes == ("Transparent areas are shown on white.",)


# --- HEIC -------------------------------------------------------------------------------------------------------------


def test_heic_is_recognised_and_named_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "heif_library", lambda: None)
    for brand in (b"heic", b"heix", b"mif1", b"hevc"):
        data = struct.pack(">I4s4sI", 24, b"ftyp", brand, 0) + b"mif1heic" + bytes(100)
        with pytest.raises(ImageError, match=r"HEIC picture, as phones write them.*pip install pillow-heif"):
            load_picture(data)


def test_the_package_is_found_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    heif.heif_library.cache_clear()
    try:
        assert heif.heif_library() is None
        assert "HEIC" not in readable_formats()
        assert readable_formats().endswith(" and GIF")
    finally:
        monkeypatch.undo()
        heif.heif_library.cache_clear()


def test_heic(gradient: Pixels) -> None:
    picture = load_picture(heic(gradient))
    assert close(picture.pixels, gradient)
    assert picture.notes == ()
    assert "HEIC" in readable_formats()
    assert load_picture(heic(gradient), most_pixels=1000).is_reduced


def test_heic_is_turned_once(edges: Pixels) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = load_picture(file_of(Image.fromarray(edges), "HEIF", exif=exif.tobytes(), quality=95))
    height, width = edges.shape[:2]
    assert (picture.width, picture.height) == (height, width)
    assert close(picture.pixels, np.rot90(edges, -1), 10)


def test_a_profile_in_heic_is_applied() -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    pillow_heif = pytest.importorskip("pillow_heif")
    made = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (250, 10, 10)))
    made.info["icc_profile"] = bytes(profile)
    made.info["icc_profile_type"] = "prof"
    out = io.BytesIO()
    made.save(out, quality=95)
    seen = load_picture(out.getvalue()).pixels[32, 32]
    assert seen[1] > 230
    assert seen[0] < 40


def test_heic_in_display_p3_and_of_high_dynamic_range() -> None:
    pixels = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    data = heic(pixels, color_primaries=12, transfer_characteristics=13, matrix_coefficients=6, full_range_flag=1)
    picture = load_picture(data)
    assert picture.notes == (BY_NUMBER,)
    assert picture.pixels[32, 32, 0] > 210
    grey = np.full((64, 64, 3), 148, np.uint8)
    data = heic(grey, color_primaries=9, transfer_characteristics=16, matrix_coefficients=9, full_range_flag=1)
    picture = load_picture(data)
    assert picture.notes == (HDR,)
    assert 238 <= picture.pixels[32, 32].min() <= 254


def test_heic_of_10_bits_reaches_white() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    values = np.full((64, 64, 3), 65535, np.uint16)
    made = pillow_heif.from_bytes(mode="RGB;16", size=(64, 64), data=values.tobytes())
    out = io.BytesIO()
    made.save(out, quality=-1)
    picture = load_picture(out.getvalue())
    assert picture.pixels.min() == 255
    assert picture.notes == ("Reduced from 10 to 8 bits a channel.",)


def test_a_burst_gives_its_primary_picture(gradient: Pixels) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    made = pillow_heif.from_pillow(Image.fromarray(255 - gradient))
    made.add_from_pillow(Image.fromarray(gradient))
    out = io.BytesIO()
    made.save(out, quality=95, primary_index=1)
    picture = load_picture(out.getvalue())
    assert close(picture.pixels, gradient, 6)
    assert "Only the first picture in the file is used." in picture.notes


def test_heic_with_alpha_and_grey(gradient: Pixels) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGBA", (64, 64), (255, 0, 0, 0))).save(out, quality=-1)
    assert load_picture(out.getvalue()).pixels.min() >= 254
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(gradient).convert("L")).save(out, quality=95)
    assert np.ptp(load_picture(out.getvalue()).pixels, axis=2).max() == 0


def test_damaged_heic_raises_nothing_else(gradient: Pixels) -> None:
    whole = heic(gradient[:64, :64])
    generator = np.random.default_rng(0)
    for length in (20, 100, len(whole) // 2, len(whole) - 40):
        with pytest.raises(ImageError):
            load_picture(whole[:length])
    for _ in range(60):
        data = np.frombuffer(whole, np.uint8).copy()
        places = generator.integers(8, min(len(data), 500), 3)
        data[places] = generator.integers(0, 256, 3)
        try:
            load_picture(data.tobytes())
        except ImageError:
            continue
