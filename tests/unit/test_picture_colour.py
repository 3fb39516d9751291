"""Colours that are not sRGB: transfer functions, primaries, and how files name them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from picture_files import file_of, png_chunk, png_of_samples, png_with
from PIL import Image, ImageCms

from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture
from diffdemo.pictures.colours import transfer
from diffdemo.pictures.colours.primaries import BT709, BY_NUMBER, Primaries, adaptation, to_srgb, to_xyz

HDR = "Brought from high dynamic range into the ordinary one; highlights are rolled off."


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


# --- transfer functions against published values ----------------------------------------------------------------------


def test_srgb_against_iec_61966() -> None:
    assert transfer.srgb_to_light(values(0, 0.04045, 0.5, 1)) == pytest.approx([0, 0.0031308, 0.2140411, 1], abs=2e-6)
    ramp = np.linspace(0, 1, 1001, dtype=np.float32)
    assert transfer.light_to_srgb(transfer.srgb_to_light(ramp)) == pytest.approx(ramp, abs=1e-5)


def test_bt709_against_the_recommendation() -> None:
    # V = 1.099 L^0.45 - 0.099 above 0.018, 4.5 L below.
    light = values(0.01, 0.018, 0.18, 0.5, 1)
    signal = np.where(light < 0.018, 4.5 * light, 1.0993 * light**0.45 - 0.0993).astype(np.float32)
    assert transfer.bt709_to_light(signal) == pytest.approx(light, abs=2e-4)


def test_pq_against_published_values() -> None:
    # ITU-R BT.2408, table 1, and BT.2100: 203 cd/m2 at 58 %, 100 at 50.8 %, 1000 at 75.2 %, 10,000 at 100 %.
    found = transfer.pq_to_nits(values(0, 0.508078, 0.580689, 0.751827, 1))
    assert found == pytest.approx([0, 100, 203, 1000, 10000], rel=1e-3)


def test_hlg_against_published_values() -> None:
    # ITU-R BT.2100: a half of the signal is 1/12 of the light; BT.2408: reference white lies at 75 % (265/1000 of it).
    assert transfer.hlg_to_scene(values(0, 0.5, 0.75, 1)) == pytest.approx([0, 1 / 12, 0.2650, 1], abs=1e-3)
    white = transfer.hlg_to_nits(np.full((1, 3), 0.2650, np.float32), values(0.2627, 0.6780, 0.0593))
    assert white[0] == pytest.approx([203] * 3, rel=0.01)


def test_roll_off_leaves_what_is_below_the_knee_and_never_reaches_beyond_white() -> None:
    grey = np.linspace(0, 50, 5001, dtype=np.float32)[:, None].repeat(3, axis=1)
    rolled = transfer.roll_off(grey)[:, 0]
    assert np.array_equal(rolled[grey[:, 0] <= 0.8], grey[:, 0][grey[:, 0] <= 0.8])
    assert (np.diff(rolled) > -1e-6).all()
    assert rolled.max() == pytest.approx(1, abs=1e-6)
    hue = transfer.roll_off(values(4, 2, 1)[None])[0]
    assert hue[0] / hue[1] == pytest.approx(2)
    assert hue[1] / hue[2] == pytest.approx(2)


# --- primaries --------------------------------------------------------------------------------------------------------


def test_the_matrix_of_srgb() -> None:
    published = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    assert to_xyz(BT709) == pytest.approx(np.array(published), abs=2e-4)


def test_the_luminance_of_bt2020() -> None:
    assert to_xyz(BY_NUMBER[9])[1] == pytest.approx([0.2627, 0.6780, 0.0593], abs=1e-4)


def test_the_matrix_from_bt2020_against_bt2087() -> None:
    published = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    assert to_srgb(BY_NUMBER[9]) == pytest.approx(np.array(published), abs=2e-4)


@pytest.mark.parametrize("number", sorted(BY_NUMBER))
def test_white_stays_white(number: int) -> None:
    assert to_srgb(BY_NUMBER[number]) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-9)


def test_bradford_against_the_published_matrix_from_d65_to_d50() -> None:
    published = [[1.0479, 0.0229, -0.0502], [0.0296, 0.9904, -0.0171], [-0.0092, 0.0151, 0.7519]]
    assert adaptation((0.3127, 0.3290), (0.3457, 0.3585)) == pytest.approx(np.array(published), abs=1e-3)


def test_impossible_primaries_are_refused() -> None:
    with pytest.raises(ValueError, match="triangle"):
        to_xyz(Primaries((0.3, 0.3), (0.3, 0.3), (0.3, 0.3), (0.3, 0.3)))
    with pytest.raises(ValueError, match="not above zero"):
        to_xyz(BT709._replace(red=(0.6, 0.0)))
    with pytest.raises(ValueError, match="outside"):
        to_xyz(BT709._replace(white=(0.7, 0.29)))


# --- PNG: gAMA, cHRM, cICP --------------------------------------------------------------------------------------------


def gamma(value: int) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", value))


def chromaticities(primaries: Primaries) -> bytes:
    white, red, green, blue = primaries.white, primaries.red, primaries.green, primaries.blue
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(1e5 * v) for pair in (white, red, green, blue) for v in pair)))


def srgb_of(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, written down once more for the tests, to 8 bits."""
    clipped = np.clip(light, 0, 1)
    signal = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.round(255 * signal)


def test_linear_gamma(gradient: Pixels) -> None:
    picture = load_picture(png_with(to_png(gradient), gamma(100_000)))
    assert np.abs(picture.pixels - srgb_of(gradient / 255)).max() <= 1
    assert picture.notes == ("Converted to sRGB from the gamma and primaries that the file names.",)


@pytest.mark.parametrize("value", [55_556, 35_000, 22_727])
def test_other_gammas(gradient: Pixels, value: int) -> None:
    picture = load_picture(png_with(to_png(gradient), gamma(value)))
    assert np.abs(picture.pixels - srgb_of((gradient / 255) ** (100_000 / value))).max() <= 1


@pytest.mark.parametrize("value", [45_455, 45_454, 45_000, 0])
def test_the_usual_gamma_changes_nothing(texture: Pixels, value: int) -> None:
    picture = load_picture(png_with(to_png(texture), gamma(value), chromaticities(BT709)))
    assert np.array_equal(picture.pixels, texture)
    assert picture.notes == ()


def test_gamma_of_grey_and_of_16_bits() -> None:
    samples = np.array([[[0], [100], [20_000], [65_535]]], np.uint16)
    picture = load_picture(png_of_samples(samples, 16, 0, gamma(100_000)))
    assert picture.pixels[0, :, 0].tolist() == srgb_of(samples[0, :, 0] / 65535).tolist()


def test_gamma_leaves_alpha_alone() -> None:
    rgba = np.full((1, 2, 4), 188, np.uint8)
    rgba[0, :, 3] = 255, 0
    picture = load_picture(png_with(file_of(Image.fromarray(rgba)), gamma(100_000)))
    assert picture.pixels[0].tolist() == [srgb_of(np.full(3, 188 / 255)).tolist(), [255] * 3]


def test_gamma_of_a_palette() -> None:
    picture = load_picture(
        png_of_samples(np.array([[[0]]], np.uint8), 8, 3, gamma(100_000), png_chunk(b"PLTE", b"\x80\x40\x10"))
    )
    assert picture.pixels[0, 0].tolist() == srgb_of(np.array([0x80, 0x40, 0x10]) / 255).tolist()


@pytest.mark.parametrize("with_gamma", [True, False])
def test_primaries_of_adobe_rgb(with_gamma: bool) -> None:
    adobe = BT709._replace(green=(0.21, 0.71))
    pixels = np.array([[[200, 100, 50], [10, 250, 10]]], np.uint8)
    chunks = [chromaticities(adobe), *([gamma(45_455)] if with_gamma else [])]
    light = np.where(pixels / 255 <= 0.04045, pixels / 255 / 12.92, ((pixels / 255 + 0.055) / 1.055) ** 2.4)
    picture = load_picture(png_with(to_png(pixels), *chunks))
    assert np.abs(picture.pixels - srgb_of(light @ to_srgb(adobe).T)).max() <= 1


def test_impossible_chromaticities_are_ignored(texture: Pixels) -> None:
    for body in (bytes(32), bytes(31), b"\xff" * 32, struct.pack(">8I", *[30000] * 8)):
        assert np.array_equal(load_picture(png_with(to_png(texture), png_chunk(b"cHRM", body))).pixels, texture)


def test_an_srgb_chunk_and_a_profile_stand_above_gamma(texture: Pixels) -> None:
    srgb = png_chunk(b"sRGB", b"\0")
    assert np.array_equal(load_picture(png_with(to_png(texture), srgb, gamma(100_000))).pixels, texture)
    profile = zlib.compress(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    iccp = png_chunk(b"iCCP", b"x\0\0" + profile)
    close = load_picture(png_with(to_png(texture), iccp, gamma(100_000))).pixels
    assert np.abs(close.astype(int) - texture).max() <= 1


def test_a_broken_profile_leaves_the_word_to_gamma(gradient: Pixels) -> None:
    picture = load_picture(png_with(to_png(gradient), png_chunk(b"iCCP", b"x\0\0nonsense"), gamma(100_000)))
    assert np.abs(picture.pixels - srgb_of(gradient / 255)).max() <= 1


def test_display_p3_by_number() -> None:
    pixels = np.array([[[255, 255, 255], [128, 128, 128], [200, 100, 50], [255, 0, 0]]], np.uint8)
    light = np.where(pixels / 255 <= 0.04045, pixels / 255 / 12.92, ((pixels / 255 + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])  # CSS Color 4
    chunks = png_chunk(b"cICP", bytes([12, 13, 0, 1])), gamma(100_000), png_chunk(b"sRGB", b"\0")
    picture = load_picture(png_with(to_png(pixels), *chunks))
    assert np.abs(picture.pixels - srgb_of(light @ matrix.T)).max() <= 1


def test_bt2020_by_number() -> None:
    pixels = np.array([[[200, 120, 90]]], np.uint8)
    light = ((pixels / 255 + 0.0993) / 1.0993) ** (1 / 0.45)
    expected = srgb_of(
        light @ np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]).T
    )
    for number in (14, 15):
        picture = load_picture(png_with(to_png(pixels), png_chunk(b"cICP", bytes([9, number, 0, 1]))))
        assert np.abs(picture.pixels - expected).max() <= 1


@pytest.mark.parametrize("numbers", [(1, 13, 0, 1), (2, 2, 0, 1), (1, 13, 1, 1), (200, 13, 0, 1), (12, 99, 0, 1)])
def test_numbers_of_srgb_and_such_without_a_meaning_change_nothing(texture: Pixels, numbers: tuple[int, ...]) -> None:
    picture = load_picture(png_with(to_png(texture), png_chunk(b"cICP", bytes(numbers))))
    assert np.array_equal(picture.pixels, texture)
    assert picture.notes == ()


def test_the_narrow_range() -> None:
    pixels = np.array([[[16] * 3, [235] * 3, [0] * 3, [255] * 3]], np.uint8)
    picture = load_picture(png_with(to_png(pixels), png_chunk(b"cICP", bytes([1, 13, 0, 0]))))
    assert picture.pixels[0, :, 0].tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize(("number", "white"), [(16, 0.580689), (18, 0.75)])
def test_high_dynamic_range_becomes_an_ordinary_picture(number: int, white: float) -> None:
    signals = np.array([0, 0.25 * white, 0.8 * white, white, 1])
    samples = np.round(signals * 65535).astype(np.uint16)[None, :, None].repeat(3, axis=2)
    picture = load_picture(png_of_samples(samples, 16, 2, png_chunk(b"cICP", bytes([9, number, 0, 1]))))
    grey = picture.pixels[0, :, 0].tolist()
    assert np.ptp(picture.pixels, axis=2).max() <= 1
    assert grey == sorted(grey)
    assert grey[0] == 0
    assert 240 <= grey[3] < 255  # Reference white is nearly white, with room for highlights above it.
    assert grey[4] == 255
    assert HDR in picture.notes


def test_mid_grey_of_a_pq_picture_is_exact() -> None:
    samples = np.full((1, 1, 3), round(0.4 * 65535), np.uint16)
    picture = load_picture(png_of_samples(samples, 16, 2, png_chunk(b"cICP", bytes([9, 16, 0, 1]))))
    nits = 32.46  # ST 2084 at 40 %
    assert np.abs(picture.pixels[0, 0] - srgb_of(np.full(3, nits / 203))).max() <= 1
