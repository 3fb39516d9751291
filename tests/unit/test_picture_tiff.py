"""TIFF with numbers of every type and range, and every arrangement of channels."""

from __future__ import annotations

import importlib.util
import io
import struct

import numpy as np
import pytest
import tifffile
from picture_files import file_of
from PIL import Image

from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.pictures import load_picture
from diffdemo.pictures.values import scale_of

ON_WHITE = "Transparent areas are shown on white."
RAMP = np.tile(np.linspace(0, 1, 52), (10, 1))
"""Grey from black to white, 0..1."""


def tiff(values: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def said(data: bytes) -> str:
    return " ".join(load_picture(data).notes)


def assert_ramp(data: bytes, tolerance: int = 1) -> None:
    pixels = load_picture(data).pixels
    assert np.ptp(pixels, axis=2).max() == 0
    assert np.abs(pixels[..., 0] - RAMP * 255).max() <= tolerance


# --- types and ranges -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "top", "words"),
    [
        ("u1", 255, "A grey picture"),
        ("u2", 65535, "from 16 to 8 bits"),
        ("u2", 255, "up to 255 only: taken as 8 bits"),
        ("u4", 2**32 - 1, "0 to 4294967295"),
        ("u4", 65535, "0 to 65535"),
        ("u4", 255, "0 to 255"),
        ("u8", 2**64 - 1, "64-bit whole numbers"),
        ("i1", 127, "8-bit whole numbers"),
        ("i2", 32767, "0 to 32767"),
        ("i2", 255, "0 to 255"),
        ("i2", 4095, "4095 is white"),
        ("i4", 255, "0 to 255"),
        ("i4", 65535, "0 to 65535"),
        ("i4", 2**31 - 1, "0 to 2147483647"),
        ("i4", 1000, "1000 is white"),
        ("f2", 1, "16-bit floating-point numbers, taken as 0 to 1"),
        ("f4", 1, "0 to 1"),
        ("f8", 1, "0 to 1"),
        ("f4", 255, "0 to 255"),
        ("f4", 65535, "0 to 65535"),
        ("f4", 3000, "3000 is white"),
        ("f8", 1e-3 + 5, "is white"),
    ],
)
def test_every_type_and_range(kind: str, top: float, words: str, order: str) -> None:
    scaled = RAMP * float(top)
    values = np.minimum(scaled, float(top)) if kind[0] == "f" else np.floor(scaled)
    if kind in ("u8", "u4", "i4") and top > 2**30:
        values = np.minimum(scaled, np.nextafter(float(top), 0))
    data = tiff(values.astype(order + kind), byteorder=order)
    assert_ramp(data, 3 if kind == "i1" else 1)
    assert words in said(data)


def test_numbers_below_black_map_least_to_largest() -> None:
    for values in (
        (RAMP * 2 - 1).astype("f4"),
        (RAMP * 255 - 128).round().astype("i1"),
        (RAMP * 60000 - 30000).astype("i2"),
    ):
        assert_ramp(tiff(values))
        assert "is black" in said(tiff(values))


@pytest.mark.parametrize(("low", "high"), [(0, 1.02), (-0.01, 1), (-0.03, 1.05)])
def test_a_little_overshoot_is_cut_off(low: float, high: float) -> None:
    values = RAMP.copy()
    values[0, 0], values[0, -1] = low, high
    assert_ramp(tiff(values.astype("f4")))


def test_numbers_that_are_none_do_not_choose_the_scale() -> None:
    values = RAMP.astype("f4")
    values[3, :3] = np.nan, np.inf, -np.inf
    pixels = load_picture(tiff(values)).pixels[..., 0]
    assert pixels[3, :3].tolist() == [0, 255, 0]
    assert np.abs(pixels[4] - RAMP[4] * 255).max() <= 1
    assert "without a finite number" in said(tiff(values))


def test_one_hot_pixel_does_not_make_the_rest_black() -> None:
    values = np.tile(RAMP, (20, 1)).astype("f4") * 3000
    values[5, 5] = 1e9
    pixels = load_picture(tiff(values)).pixels[..., 0]
    assert np.abs(pixels[0] - RAMP[0] * 255).max() <= 2
    assert pixels[5, 5] == 255


@pytest.mark.parametrize("value", [0.0, 0.5, 7.5, -7.5, 1e30, -1e30, np.nan, np.inf, -np.inf])
def test_pictures_of_one_number(value: float) -> None:
    pixels = load_picture(tiff(np.full((4, 5), value, "f4"))).pixels
    assert (pixels == pixels[0, 0]).all()
    if value == 0.5:
        assert pixels[0, 0, 0] == 128


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u2", "u4", "u8"])
def test_pictures_of_the_extreme_integers(kind: str) -> None:
    info = np.iinfo(kind)
    values = np.array([[info.min, info.max]], kind)
    assert load_picture(tiff(values)).pixels[0, :, 0].tolist() == [0, 255]
    load_picture(tiff(np.full((2, 2), info.min, kind)))


def test_12_bits_in_16_stay_dark_and_say_so() -> None:
    values = np.floor(RAMP * 4095).astype("u2")
    assert load_picture(tiff(values)).pixels.max() == 16
    assert "up to 4095 of 65535 only" in said(tiff(values))


def test_the_largest_value_that_the_file_names_is_white() -> None:
    data = tiff(np.floor(RAMP * 4095).astype("u2"), extratags=[(281, 3, 1, 4095, True)])
    assert_ramp(data)
    assert "4095 is white, as the file says" in said(data)


def test_a_named_largest_value_that_is_exceeded_does_not_count() -> None:
    assert_ramp(tiff(np.floor(RAMP * 65535).astype("u2"), extratags=[(281, 3, 1, 1000, True)]))


def test_scales_of_colour_are_chosen_for_all_channels_together() -> None:
    values = np.stack([RAMP, RAMP / 2, RAMP * 0], axis=-1) * 3000
    pixels = load_picture(tiff(values.astype("f4"), photometric="rgb")).pixels
    assert np.abs(pixels - values / 3000 * 255).max() <= 1


def test_random_numbers_of_any_range_become_something() -> None:
    generator = np.random.default_rng(1)
    for _ in range(200):
        values = generator.normal(generator.normal() * 100, 10 ** generator.uniform(-30, 30), (3, 4, 1))
        scale = scale_of(values.astype(generator.choice(["f4", "f8"])))
        assert scale.high > scale.low
        assert scale.apply(values).dtype == np.uint8


# --- arrangements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4", "f2"])
def test_zero_that_means_white(kind: str) -> None:
    top = 1 if kind[0] == "f" else np.iinfo(kind).max
    values = ((1 - RAMP) * float(top)).clip(0, np.nextafter(float(top), 0)).astype(kind)
    assert_ramp(tiff(values, photometric="miniswhite"))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4", "f8"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": 2},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"bigtiff": True},
    ],
)
def test_colour_of_every_arrangement(texture: Pixels, kind: str, planar: bool, options: dict[str, object]) -> None:
    if options.get("predictor") and kind[0] == "f":
        pytest.skip("needs another predictor, which needs imagecodecs")
    scale = {"u1": 1, "u2": 257, "u4": 16843009}.get(kind, 1 / 255)
    values = (texture.astype("f8") * scale).astype(kind)
    if planar:
        options = {**options, "planarconfig": "separate"}
        values = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    assert np.array_equal(load_picture(tiff(values, photometric="rgb", **options)).pixels, texture)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("associated", [False, True])
def test_alpha_that_is_multiplied_in_and_alpha_that_is_not(kind: str, associated: bool) -> None:
    top = 1.0 if kind == "f4" else float(np.iinfo(kind).max)
    colour, alpha = np.array([1.0, 0.5, 0.0]), 0.5
    values = np.concatenate([colour * (alpha if associated else 1), [alpha]])[None, None].repeat(4, axis=1) * top
    values[0, 0, 3] = top
    values[0, 0, :3] = colour * top
    data = tiff(values.astype(kind), photometric="rgb", extrasamples=["assocalpha" if associated else "unassalpha"])
    picture = load_picture(data)
    assert np.abs(picture.pixels[0, 0] - colour * 255).max() <= 1
    assert np.abs(picture.pixels[0, 1] - (colour * 0.5 + 0.5) * 255).max() <= 2
    assert ON_WHITE in picture.notes


def test_channels_that_nobody_explains_are_left_out(texture: Pixels) -> None:
    values = np.dstack([texture, texture[..., :2]]).astype("u2") * 257
    picture = load_picture(tiff(values, photometric="rgb", extrasamples=["unspecified"] * 2))
    assert np.array_equal(picture.pixels, texture)
    assert "Only the first 3 of its 5 channels are used." in picture.notes


def test_16_bit_cmyk(texture: Pixels) -> None:
    values = np.dstack([255 - texture, np.zeros_like(texture[..., :1])]).astype("u2") * 257
    picture = load_picture(tiff(values, photometric="separated"))
    assert np.array_equal(picture.pixels, texture)
    assert "Converted from CMYK to RGB." in picture.notes


def test_ycbcr_without_compression(gradient: Pixels) -> None:
    values = np.asarray(Image.fromarray(gradient).convert("YCbCr"))
    data = tiff(values, photometric="ycbcr", subsampling=(1, 1))
    assert np.abs(load_picture(data).pixels.astype(int) - gradient).max() <= 3


def test_lab(gradient: Pixels) -> None:
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    picture = load_picture(file_of(ImageCms.applyTransform(Image.fromarray(gradient), to_lab), "TIFF"))
    assert np.abs(picture.pixels.astype(int) - gradient).mean() < 2
    assert picture.notes == ("Converted from Lab to RGB.",)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_orientation(kind: str) -> None:
    top = 1 if kind == "f4" else np.iinfo(kind).max
    values = (RAMP * top).round(3 if kind == "f4" else 0).astype(kind)
    picture = load_picture(tiff(values, extratags=[(274, 3, 1, 8, True)]))
    assert picture.pixels.shape == (52, 10, 3)
    assert (picture.width, picture.height) == (10, 52)
    assert picture.pixels[0, 0, 0] == 255
    assert picture.pixels[-1, 0, 0] == 0


@pytest.mark.parametrize("code", [34665, 34853, 40965, 700, 282, 305, 33432, 65000])
@pytest.mark.parametrize("offset", [0, 8, 2**32 - 1])
def test_other_tags_do_not_matter(texture: Pixels, code: int, offset: int) -> None:
    data = tiff(texture, photometric="rgb", extratags=[(code, 4, 1, offset, True)])
    picture = load_picture(data)
    assert np.array_equal(picture.pixels, texture)
    assert picture.notes == ()


def test_an_orientation_in_xmp_is_not_the_files_own(texture: Pixels) -> None:
    xmp = b'<x tiff:Orientation="6"/>'
    data = tiff(texture, photometric="rgb", extratags=[(700, 1, len(xmp), xmp, True)])
    assert np.array_equal(load_picture(data).pixels, texture)


def test_the_first_of_several_pictures_is_taken() -> None:
    picture = load_picture(tiff(np.stack([RAMP, 1 - RAMP]).astype("f4"), photometric="minisblack"))
    assert picture.pixels[0, 0, 0] == 0
    assert "Only the first picture in the file is used." in picture.notes


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_complex_numbers_are_refused_in_words() -> None:
    with pytest.raises(ImageError, match="TIFF picture with values of a rare type"):
        load_picture(tiff(RAMP.astype("c8")))


@pytest.mark.skipif(importlib.util.find_spec("imagecodecs") is not None, reason="imagecodecs undoes them all")
def test_a_compression_that_needs_another_package_is_named(texture: Pixels) -> None:
    data = bytearray(tiff(np.moveaxis(texture.astype("u2"), -1, 0).copy(), photometric="rgb", planarconfig="separate"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        place = file.pages.first.tags[259].valueoffset
    struct.pack_into("<H", data, place, 5)
    with pytest.raises(ImageError, match=r"with LZW compression, which cannot be read here.*pip install imagecodecs"):
        load_picture(bytes(data))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f4"])
def test_what_pillow_compresses(compression: str, kind: str) -> None:
    top = {"u1": 255, "u2": 65535, "i4": 255, "f4": 1}[kind]
    values = RAMP * top if kind == "f4" else np.floor(RAMP * top)
    assert_ramp(file_of(Image.fromarray(values.astype(kind)), "TIFF", compression=compression))


def test_a_small_file_that_claims_much_is_refused_before_it_is_unpacked() -> None:
    data = bytearray(tiff(np.zeros((64, 64), "f8"), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = file.pages.first.tags
        places = [tags[code].valueoffset for code in (256, 257, 278)]
    for place in places:
        struct.pack_into("<H", data, place, 9000)
    with pytest.raises(ImageError, match="takes 648 MB when it is unpacked"):
        load_picture(bytes(data))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_truncated_files_are_refused(compression: str | None, kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(kind)
    data = tiff(values, compression=compression)
    for length in (len(data) - 1, len(data) - 5, len(data) * 9 // 10, len(data) // 2, 200, 9):
        with pytest.raises(ImageError, match=r"damaged|not a picture"):
            load_picture(data[:length])


def test_lost_tags_are_not_guessed(texture: Pixels) -> None:
    """Where tags stand behind the pixels, a file that ends early may lose how many bits its values have."""
    data = file_of(Image.fromarray(texture), "TIFF", compression="tiff_adobe_deflate")
    whole = load_picture(data).pixels
    for cut in range(1, 40):
        try:
            assert np.array_equal(load_picture(data[:-cut]).pixels, whole)
        except ImageError:
            continue


def test_damaged_numbers_raise_nothing_else() -> None:
    generator = np.random.default_rng(0)
    for options in ({}, {"compression": "zlib"}, {"photometric": "rgb", "bigtiff": True}):
        values = np.random.default_rng(1).random((12, 10, 3) if "photometric" in options else (12, 10)).astype("f4")
        whole = tiff(values, **options)
        for _ in range(80):
            data = np.frombuffer(whole, np.uint8).copy()
            places = generator.integers(0, min(len(data), 350), generator.integers(1, 6))
            data[places] = generator.integers(0, 256, len(places))
            try:
                load_picture(data.tobytes())
            except ImageError:
                continue
