"""JPEG as cameras and phones write it: broken EXIF, missing ends, gain maps, hundreds of megapixels, CMYK."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
from picture_files import file_of, jpeg_with
from PIL import ExifTags, Image, ImageCms

from diffdemo.errors import ImageError
from diffdemo.images import MAX_PIXELS, Pixels
from diffdemo.pictures import load_picture

EARLY = "The file ends early; all of its pixels are there."
GAIN_MAP = "The ordinary picture is used; the gain map for high dynamic range beside it is not."


def jpeg(pixels: Pixels, **options: object) -> bytes:
    return file_of(Image.fromarray(pixels), "JPEG", **options)


def plain(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def exif_of(entries: list[tuple[int, int, int, bytes]], order: str = "<") -> bytes:
    """EXIF with a directory of raw entries: tag, type, count, four bytes."""
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    rows = b"".join(struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0" + header + struct.pack(order + "H", len(entries)) + rows + bytes(4)


# --- EXIF -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "other",
    [
        (0x9204, 10, 1, struct.pack("<I", 60000)),  # a rational far behind the end
        (0x9003, 99, 2**32 - 1, b"\xff" * 4),  # a type that does not exist
        (0x8769, 4, 1, struct.pack("<I", 8)),  # a sub-directory that is the directory itself
        (0x011A, 5, 1, bytes(4)),
    ],
)
def test_orientation_is_read_beside_broken_tags(edges: Pixels, order: str, other: tuple[int, int, int, bytes]) -> None:
    orientation = (ExifTags.Base.Orientation, 3, 1, struct.pack(order + "HH", 6, 0))
    data = jpeg(edges, quality=95)
    for entries in ([orientation, other], [other, orientation]):
        picture = load_picture(jpeg_with(data, 0xE1, exif_of(entries, order)))
        assert np.array_equal(picture.pixels, np.rot90(plain(data), -1))
        assert picture.notes == ("Turned upright as the camera recorded it.",)
        assert (picture.width, picture.height) == edges.shape[:2]


def test_a_negative_zero_rational_does_not_matter(edges: Pixels) -> None:
    body = exif_of([(0x0112, 3, 1, struct.pack("<HH", 3, 0)), (0x9204, 10, 1, struct.pack("<I", 38))])
    data = jpeg_with(jpeg(edges), 0xE1, body + struct.pack("<ii", -1, 0))
    assert np.array_equal(load_picture(data).pixels, plain(jpeg(edges))[::-1, ::-1])


@pytest.mark.parametrize(
    "body",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0nonsense" * 9,
        b"http://nonsense\0" * 9,
        exif_of([(0x0112, 3, 1, struct.pack("<HH", 9, 0))]),
        exif_of([(0x0112, 2, 900, b"\0\0\0\6")]),
    ],
)
def test_exif_without_a_sensible_orientation(edges: Pixels, body: bytes) -> None:
    data = jpeg(edges)
    picture = load_picture(jpeg_with(data, 0xE1, body))
    assert np.array_equal(picture.pixels, plain(data))
    assert picture.notes == ()


def test_strange_segments_do_not_matter(edges: Pixels) -> None:
    data = jpeg(edges)
    for marker in (0xE2, 0xE3, 0xED, 0xEF, 0xFE):
        for body in (b"", b"MPF\0", b"ICC_PROFILE\0", b"ICC_PROFILE\0\1\2half of a profile", b"Photoshop 3.0\0" * 99):
            assert np.array_equal(load_picture(jpeg_with(data, marker, body)).pixels, plain(data))


# --- files that end early ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_missing_end_marker_is_tolerated(texture: Pixels, progressive: bool, cut: int) -> None:
    data = jpeg(texture, progressive=progressive)
    picture = load_picture(data[:-cut])
    assert np.array_equal(picture.pixels, plain(data))
    assert picture.notes == (EARLY,)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [5, 8, 20, 100])
def test_missing_pixels_are_not_tolerated(texture: Pixels, progressive: bool, cut: int) -> None:
    with pytest.raises(ImageError, match="damaged or incomplete"):
        load_picture(jpeg(texture, progressive=progressive)[:-cut])


def test_whatever_is_accepted_without_its_end_is_right(texture: Pixels) -> None:
    accepted = 0
    for width in range(16, 128, 5):
        data = jpeg(np.ascontiguousarray(texture[:40, :width]))
        for cut in range(1, 6):
            try:
                picture = load_picture(data[:-cut])
            except ImageError:
                continue
            accepted += 1
            assert np.array_equal(picture.pixels, plain(data))
    assert accepted >= 2 * len(range(16, 128, 5))


def test_a_thousand_scans_are_refused(gradient: Pixels) -> None:
    data = jpeg(gradient, progressive=True)
    place = data.rindex(b"\xff\xda")
    began = time.monotonic()
    with pytest.raises(ImageError, match="more than 100 scans"):
        load_picture(data[:-2] + data[place:-2] * 1000 + data[-2:])
    assert time.monotonic() - began < 1


# --- large ones -------------------------------------------------------------------------------------------------------


def test_a_photo_of_108_megapixels_is_read_at_a_fraction_of_its_size() -> None:
    image = Image.new("L", (12000, 9000), 90)
    image.paste(200, (0, 0, 6000, 9000))
    data = file_of(image, "JPEG", quality=30)
    picture = load_picture(data, most_pixels=MAX_PIXELS)
    height, width = picture.pixels.shape[:2]
    assert 0.95 * MAX_PIXELS < height * width <= MAX_PIXELS
    assert width / height == pytest.approx(4 / 3, rel=0.01)
    assert (picture.width, picture.height, picture.is_reduced) == (12000, 9000, True)
    assert abs(int(picture.pixels[10, 10, 0]) - 200) <= 2
    assert abs(int(picture.pixels[10, -10, 0]) - 90) <= 2
    with pytest.raises(ImageError, match="at most 100,000,000"):
        load_picture(data)


def test_even_drafts_have_a_limit(monkeypatch: pytest.MonkeyPatch, gradient: Pixels) -> None:
    data = jpeg(gradient)
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "5000")
    assert load_picture(data, most_pixels=500).is_reduced
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "4000")
    with pytest.raises(ImageError, match="128 x 96 pixels; at most 12,000"):
        load_picture(data, most_pixels=500)


def test_progressive_ones_are_held_in_memory_and_get_no_more_pixels(
    monkeypatch: pytest.MonkeyPatch, gradient: Pixels
) -> None:
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "5000")
    with pytest.raises(ImageError, match="at most 5,000"):
        load_picture(jpeg(gradient, progressive=True), most_pixels=500)


def test_a_draft_looks_like_the_picture_made_smaller_afterwards(gradient: Pixels) -> None:
    data = jpeg(np.kron(gradient, np.ones((4, 4, 1), np.uint8)), quality=95)
    small = load_picture(data, most_pixels=96 * 128).pixels
    assert small.shape == gradient.shape
    assert np.abs(small.astype(int) - gradient).mean() < 3


# --- what else phones and printers write ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "segments",
    [
        [(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>')],
        [(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")],
    ],
)
def test_a_gain_map_is_said(gradient: Pixels, segments: list[tuple[int, bytes]]) -> None:
    data = jpeg(gradient)
    whole = data
    for marker, body in segments:
        whole = jpeg_with(whole, marker, body)
    picture = load_picture(whole + jpeg(gradient[:24, :32]))
    assert np.array_equal(picture.pixels, plain(data))
    assert picture.notes == (GAIN_MAP,)


def test_a_gain_map_of_apple_is_said(gradient: Pixels) -> None:
    first = file_of(
        Image.fromarray(gradient), "MPO", save_all=True, append_images=[Image.fromarray(gradient[:24, :32])]
    )
    assert load_picture(first).notes == ("Only the first picture in the file is used.",)
    assert load_picture(first + b"<x>urn:com:apple:photo:2020:aux:hdrgainmap</x>").notes == (GAIN_MAP,)


def test_several_pictures_in_a_file(gradient: Pixels, texture: Pixels) -> None:
    data = file_of(Image.fromarray(gradient), "MPO", save_all=True, append_images=[Image.fromarray(texture)])
    picture = load_picture(data)
    assert np.array_equal(picture.pixels, plain(data))


def test_cmyk_and_grey(gradient: Pixels) -> None:
    cmyk = load_picture(file_of(Image.fromarray(gradient).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(cmyk.pixels.astype(int) - gradient).mean() < 3
    assert cmyk.notes == ("Converted from CMYK to RGB.",)
    grey = load_picture(file_of(Image.fromarray(gradient).convert("L"), "JPEG", quality=95))
    assert np.ptp(grey.pixels, axis=2).max() == 0
    assert grey.notes == ("A grey picture: coded as colour with equal channels.",)


def test_grey_with_a_profile_for_colour() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = load_picture(file_of(Image.linear_gradient("L"), "JPEG", quality=100, icc_profile=profile))
    assert np.abs(grey.pixels[:, 0, 0].astype(int) - np.arange(256)).max() <= 2


def test_a_profile_for_other_channels_is_ignored(gradient: Pixels) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"CMYK"
    data = jpeg(gradient)
    assert np.array_equal(load_picture(jpeg(gradient, icc_profile=bytes(profile))).pixels, plain(data))
