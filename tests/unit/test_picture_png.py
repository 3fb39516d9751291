"""PNG as browsers show it: side chunks, colour keys, depths, interlacing, animations."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import file_of, png_chunk, png_of_samples, png_with
from PIL import Image, ImageCms, PngImagePlugin

from diffdemo.errors import ImageError
from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture

ON_WHITE = "Transparent areas are shown on white."


def wrong(chunk: bytes) -> bytes:
    """A chunk whose check value does not fit."""
    return chunk[:-4] + bytes(4)


# --- side chunks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"zTXt", b"tIME", b"pHYs", b"eXIf", b"gAMA", b"iCCP", b"prVt"])
@pytest.mark.parametrize("body", [b"", b"a\0b", b"nonsense" * 20])
def test_damaged_and_strange_side_chunks_do_not_matter(texture: Pixels, kind: bytes, body: bytes) -> None:
    for chunk in (png_chunk(kind, body), wrong(png_chunk(kind, body))):
        picture = load_picture(png_with(to_png(texture), chunk))
        assert np.array_equal(picture.pixels, texture)
        assert picture.notes == ()


def test_a_text_of_gigabytes_is_not_unpacked(gradient: Pixels) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    chunks = png_chunk(b"zTXt", b"Comment\0\0" + packed), png_chunk(b"iTXt", b"XML\0\1\0\0\0" + packed)
    assert np.array_equal(load_picture(png_with(to_png(gradient), *chunks)).pixels, gradient)


def test_metadata_behind_the_pixels_do_not_matter_either(gradient: Pixels) -> None:
    png = to_png(gradient)
    more = png[:-12] + wrong(png_chunk(b"tEXt", b"late")) + png_chunk(b"zTXt", b"x") + png[-12:]
    assert np.array_equal(load_picture(more).pixels, gradient)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_damaged_chunk_that_is_needed_is_refused(gradient: Pixels, kind: bytes) -> None:
    png = bytearray(to_png(gradient))
    place = png.index(kind)
    (length,) = struct.unpack_from(">I", png, place - 4)
    png[place + 4 + length] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        load_picture(bytes(png))


def test_a_damaged_palette_and_a_missing_one_are_refused() -> None:
    indices = np.zeros((2, 2, 1), np.uint8)
    for chunks in ((wrong(png_chunk(b"PLTE", b"\1\2\3")),), (png_chunk(b"PLTE", b"\1\2"),), ()):
        with pytest.raises(ImageError, match="damaged"):
            load_picture(png_of_samples(indices, 8, 3, *chunks))


def test_a_critical_chunk_that_nobody_knows_is_refused(gradient: Pixels) -> None:
    with pytest.raises(ImageError, match="ABCD is not known"):
        load_picture(png_with(to_png(gradient), png_chunk(b"ABCD", b"")))


def test_pixels_in_thousands_of_chunks(gradient: Pixels) -> None:
    png = to_png(gradient)
    place = png.index(b"IDAT")
    (length,) = struct.unpack_from(">I", png, place - 4)
    body = png[place + 4 : place + 4 + length]
    small = b"".join(png_chunk(b"IDAT", body[i : i + 1]) for i in range(length))
    assert np.array_equal(load_picture(png[: place - 4] + small + png_chunk(b"IEND", b"")).pixels, gradient)


# --- files that end early ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 4, 8, 11, 12, 14, 16, 18, 20])
def test_a_missing_end_is_tolerated_where_all_pixels_are_there(texture: Pixels, cut: int) -> None:
    picture = load_picture(to_png(texture)[:-cut])
    assert np.array_equal(picture.pixels, texture)
    if cut > 4:  # Without its check value only, the last chunk still says that it is the last one.
        assert picture.notes == ("The file ends early; all of its pixels are there.",)


@pytest.mark.parametrize("cut", [30, 60, 200])
def test_missing_pixels_are_not_tolerated(texture: Pixels, cut: int) -> None:
    with pytest.raises(ImageError, match="damaged or incomplete: its pixels end early"):
        load_picture(to_png(texture)[:-cut])


# --- kinds of pixels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filtering", [0, 1])
@pytest.mark.parametrize(
    ("colour", "depth", "channels"),
    [
        *((0, depth, 1) for depth in (1, 2, 4, 8, 16)),
        *((colour, depth, channels) for colour, channels in ((2, 3), (4, 2), (6, 4)) for depth in (8, 16)),
    ],
)
def test_every_kind_of_pixels(colour: int, depth: int, channels: int, filtering: int) -> None:
    samples = np.random.default_rng(depth).integers(0, 1 << depth, (9, 21, channels)).astype(np.uint16)
    if colour in (4, 6):
        samples[..., -1] = (1 << depth) - 1
    expected = np.floor(samples[..., : 3 if channels >= 3 else 1] * (255 / ((1 << depth) - 1)) + 0.5)
    picture = load_picture(png_of_samples(samples, depth, colour, filtering=filtering))
    assert np.array_equal(picture.pixels, np.broadcast_to(expected, (9, 21, 3)))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_of_every_depth(depth: int) -> None:
    indices = np.arange(1 << depth, dtype=np.uint8).reshape(1, -1, 1)
    palette = np.random.default_rng(0).integers(0, 256, (1 << depth, 3)).astype(np.uint8)
    picture = load_picture(png_of_samples(indices, depth, 3, png_chunk(b"PLTE", palette.tobytes())))
    assert np.array_equal(picture.pixels[0], palette)


def test_palette_entries_that_are_missing_are_black() -> None:
    picture = load_picture(png_of_samples(np.array([[[0], [7]]], np.uint8), 8, 3, png_chunk(b"PLTE", b"\1\2\3")))
    assert picture.pixels.tolist() == [[[1, 2, 3], [0, 0, 0]]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_value_that_means_transparent(depth: int) -> None:
    top = (1 << depth) - 1
    key = top // 2
    samples = np.array([[[key], [0], [top]]], np.uint16)
    other = 0 if key else 255
    picture = load_picture(png_of_samples(samples, depth, 0, png_chunk(b"tRNS", struct.pack(">H", key))))
    assert picture.pixels[0, :, 0].tolist() == [255, other, 255]
    assert ON_WHITE in picture.notes


@pytest.mark.parametrize("depth", [8, 16])
def test_a_colour_that_means_transparent(depth: int) -> None:
    scale = 1 if depth == 8 else 257
    key = np.array([10, 20, 30], np.uint16) * scale
    near = key + np.array([0, 0, 1], np.uint16)  # The same in 8 bits, and yet another colour in 16.
    samples = np.stack([key, near])[None]
    picture = load_picture(png_of_samples(samples, depth, 2, png_chunk(b"tRNS", key.astype(">u2").tobytes())))
    assert picture.pixels[0].tolist() == [[255] * 3, [10, 20, 31 if depth == 8 else 30]]


def test_a_colour_key_that_no_pixel_has_is_no_transparency(gradient: Pixels) -> None:
    key = png_chunk(b"tRNS", struct.pack(">HHH", 1000, 2000, 3000))
    picture = load_picture(png_of_samples(gradient.astype(np.uint16) * 257, 16, 2, key))
    assert np.array_equal(picture.pixels, gradient)
    assert ON_WHITE not in picture.notes


def test_16_bit_alpha_is_weighed_exactly() -> None:
    samples = np.array([[[65535, 0, 0, 32768], [0, 0, 0, 65534], [0, 0, 0, 1]]], np.uint16)
    picture = load_picture(png_of_samples(samples, 16, 6))
    assert picture.pixels[0].tolist() == [[255, 127, 127], [0, 0, 0], [255, 255, 255]]


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row, and the steps between columns and rows."""


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 1), (8, 8), (33, 17)])
@pytest.mark.parametrize("depth", [1, 8, 16])
def test_interlaced_pictures(size: tuple[int, int], depth: int) -> None:
    width, height = size
    samples = np.random.default_rng(0).integers(0, 1 << depth, (height, width, 1)).astype(np.uint16)
    rows = []
    for left, top, across, down in PASSES:
        part = samples[top::down, left::across]
        if part.size:
            png = png_of_samples(part, depth, 0)
            place = png.index(b"IDAT") + 4
            (length,) = struct.unpack_from(">I", png, place - 8)
            rows.append(zlib.decompress(png[place : place + length]))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 1))
    body = png_chunk(b"IDAT", zlib.compress(b"".join(rows))) + png_chunk(b"IEND", b"")
    picture = load_picture(b"\x89PNG\r\n\x1a\n" + header + body)
    assert np.array_equal(picture.pixels[..., :1], np.floor(samples * (255 / ((1 << depth) - 1)) + 0.5))


# --- animations -------------------------------------------------------------------------------------------------------


def animation(default: Image.Image, first: Image.Image, region: tuple[int, int, int, int]) -> bytes:
    """An APNG whose default picture is not part of the animation; its first picture covers a region of the whole."""
    width, height, left, top = region
    still, frame = file_of(default), file_of(first)

    def body(png: bytes) -> bytes:
        place = png.index(b"IDAT")
        return png[place + 4 : place + 4 + struct.unpack_from(">I", png, place - 4)[0]]

    control = struct.pack(">IIIIIHHBB", 0, width, height, left, top, 1, 10, 0, 0)
    second = struct.pack(">IIIIIHHBB", 2, width, height, left, top, 1, 10, 0, 0)
    chunks = [
        still[8:33],
        png_chunk(b"acTL", struct.pack(">II", 2, 0)),
        png_chunk(b"IDAT", body(still)),
        png_chunk(b"fcTL", control),
        png_chunk(b"fdAT", struct.pack(">I", 1) + body(frame)),
        png_chunk(b"fcTL", second),
        png_chunk(b"fdAT", struct.pack(">I", 3) + body(frame)),
        png_chunk(b"IEND", b""),
    ]
    return still[:8] + b"".join(chunks)


RED, BLUE = (Image.new("RGB", (16, 12), colour) for colour in ("#ff0000", "#0000ff"))


def test_the_first_picture_of_an_animation_and_not_the_default_one() -> None:
    picture = load_picture(animation(RED, BLUE, (16, 12, 0, 0)))
    assert (picture.pixels == (0, 0, 255)).all()
    assert picture.notes == ("Only the first picture in the file is used.",)


def test_a_first_picture_that_covers_a_part_lies_on_white() -> None:
    picture = load_picture(animation(RED, BLUE.resize((4, 3)), (4, 3, 5, 6)))
    expected = np.full((12, 16, 3), 255)
    expected[6:9, 5:9] = (0, 0, 255)
    assert np.array_equal(picture.pixels, expected)
    assert ON_WHITE in picture.notes


@pytest.mark.parametrize("region", [(16, 12, 1, 0), (0, 0, 0, 0), (2**31, 2**31, 2**31, 0)])
def test_an_animation_that_makes_no_sense_shows_its_default_picture(region: tuple[int, int, int, int]) -> None:
    assert (load_picture(animation(RED, BLUE, region)).pixels == (255, 0, 0)).all()


def test_a_damaged_animation_shows_its_default_picture() -> None:
    data = bytearray(animation(RED, BLUE, (16, 12, 0, 0)))
    data[data.index(b"fdAT") + 9] ^= 1
    assert (load_picture(bytes(data)).pixels == (255, 0, 0)).all()


# --- profiles ---------------------------------------------------------------------------------------------------------


def large_profile(size: int) -> bytes:
    """A profile with red and green exchanged, and padding that makes it large."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    profile[entries[b"rXYZ"] : entries[b"rXYZ"] + 4] = b"gXYZ"
    profile[entries[b"gXYZ"] : entries[b"gXYZ"] + 4] = b"rXYZ"
    profile += bytes(size)
    profile[:4] = struct.pack(">I", len(profile))
    return bytes(profile)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_profiles_of_two_megabytes_are_honoured(kind: str) -> None:
    red = Image.new("RGB", (16, 16), (250, 10, 10))
    profile = large_profile(2_500_000)
    if kind == "PNG":
        data = png_with(file_of(red), png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(profile)))
    else:
        data = file_of(red, kind, icc_profile=profile)
    seen = load_picture(data).pixels[8, 8]
    assert seen[1] > 230
    assert seen[0] < 40


def test_a_profile_without_end_is_ignored(gradient: Pixels) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(40)) + packer.flush()
    picture = load_picture(png_with(to_png(gradient), png_chunk(b"iCCP", b"bomb\0\0" + packed)))
    assert np.array_equal(picture.pixels, gradient)


def test_a_profile_for_colour_is_ignored_in_a_grey_png() -> None:
    grey = Image.frombytes("L", (4, 1), bytes([0, 80, 160, 255]))
    profile = png_chunk(b"iCCP", b"rgb\0\0" + zlib.compress(large_profile(0)))
    assert load_picture(png_with(file_of(grey), profile)).pixels[0, :, 0].tolist() == [0, 80, 160, 255]


def test_what_pillow_writes_is_read_alike(texture: Pixels) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "words")
    info.add_itxt("XML:com.adobe.xmp", "<x/>" * 1000)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        data = file_of(Image.fromarray(texture).convert(mode), pnginfo=info, optimize=True)
        assert np.array_equal(load_picture(data).pixels, np.array(Image.open(io.BytesIO(data)).convert("RGB"))), mode
