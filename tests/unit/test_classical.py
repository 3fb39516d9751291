"""JPEG, JPEG 2000, WebP, HEIC, AVIF and JPEG XL as the engine measures them."""

from __future__ import annotations

import importlib
import io
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from diffdemo.engine.classical.files import (
    Ladder,
    _largest_quality,
    available,
    available_codecs,
    classical_at,
    classical_curve,
)
from diffdemo.engine.classical.formats import FORMATS, _has_heic, _has_jpeg_xl
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.metrics.curves import bytes_needed
from diffdemo.metrics.distortion import psnr_db
from diffdemo.metrics.points import CurvePoint

CODECS = available()


def point(num_bytes: int, psnr: float) -> CurvePoint:
    return CurvePoint(num_bytes, num_bytes / 100, {"psnr_db": psnr})


def size_at(pixels: Pixels, codec: str, quality: int) -> int:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, FORMATS[codec].pillow, **FORMATS[codec].options(quality))
    return len(out.getvalue())


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Looks for the plugins of HEIC and JPEG XL anew, before and after."""
    for has_plugin in (_has_heic, _has_jpeg_xl):
        has_plugin.cache_clear()
    yield
    for has_plugin in (_has_heic, _has_jpeg_xl):
        has_plugin.cache_clear()


def test_codecs_are_those_of_pillow() -> None:
    assert CODECS[0] == "jpeg"
    assert "webp" in CODECS
    assert list(CODECS) == [codec for codec in FORMATS if codec in CODECS]


def test_measurements_are_beside_the_codecs_in_which_people_keep_pictures() -> None:
    assert available_codecs() == [codec for codec in ("jpeg", "webp", "heic", "avif") if codec in CODECS]


def test_every_codec_has_a_name_and_a_colour_of_its_own_in_plots() -> None:
    assert all(codec.label and codec.colour for codec in FORMATS.values())
    assert len({codec.label for codec in FORMATS.values()}) == len(FORMATS)
    assert len({codec.colour for codec in FORMATS.values()}) == len(FORMATS)


def test_what_pillow_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch, forgetful: None, edges: Pixels) -> None:
    def without_plugin(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr("PIL.features.check", lambda feature: feature == "webp")
    monkeypatch.setattr(importlib, "import_module", without_plugin)
    assert available() == ("jpeg", "webp")
    assert available_codecs() == ["jpeg", "webp"]
    for codec in ("avif", "jpeg2000", "heic", "jxl"):
        with pytest.raises(ValueError, match=codec):
            classical_at(edges, codec, num_bytes=1000)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("budget", [900, 1500, 4000])
def test_the_file_fits_and_the_next_quality_does_not(codec: str, budget: int, texture: Pixels) -> None:
    smallest = size_at(texture, codec, 1)
    found = classical_at(texture, codec, num_bytes=smallest + budget)
    assert len(found.data) <= smallest + budget
    assert len(found.data) == size_at(texture, codec, found.quality)
    assert found.quality < FORMATS[codec].settings[-1]
    assert size_at(texture, codec, found.quality + 1) > smallest + budget


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_reported_is_what_the_file_holds(codec: str, texture: Pixels) -> None:
    found = classical_at(texture, codec, num_bytes=3000)
    with Image.open(io.BytesIO(found.data)) as opened:
        assert opened.format == FORMATS[codec].pillow
        decoded = np.array(opened.convert("RGB"))
    assert np.array_equal(found.pixels, decoded)
    assert found.codec == codec
    assert found.point.num_bytes == len(found.data)
    assert found.point.bpp == 8 * len(found.data) / (96 * 128)
    assert found.point.psnr_db == psnr_db(texture, decoded)


@pytest.mark.parametrize("codec", CODECS)
def test_too_small_a_budget_gives_the_smallest_file(codec: str, texture: Pixels) -> None:
    found = classical_at(texture, codec, num_bytes=10)
    assert len(found.data) == min(size_at(texture, codec, quality) for quality in FORMATS[codec].settings[:12])


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_that_is_larger_than_was_asked_for_says_so(codec: str, texture: Pixels) -> None:
    found = classical_at(texture, codec, num_bytes=5)
    assert not found.is_within
    assert found.note == (
        f"{FORMATS[codec].label}'s smallest file of this picture has {len(found.data):,} bytes; 5 were asked for."
    )
    fitting = classical_at(texture, codec, num_bytes=len(found.data))
    assert (fitting.is_within, fitting.note) == (True, "")


@pytest.mark.parametrize("num_bytes", [0, -7])
def test_no_bytes_at_all(num_bytes: int, edges: Pixels) -> None:
    assert f"{num_bytes} were asked for" in classical_at(edges, "jpeg", num_bytes=num_bytes).note


@pytest.mark.parametrize("codec", CODECS)
def test_a_large_budget_gives_the_best_quality(codec: str, edges: Pixels) -> None:
    assert classical_at(edges, codec, num_bytes=10**6).quality == FORMATS[codec].settings[-1]


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (50, 3)])
@pytest.mark.parametrize("codec", CODECS)
def test_tiny_pictures(codec: str, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert classical_at(pixels, codec, num_bytes=10**5).pixels.shape == pixels.shape
    assert len(classical_curve(pixels, codec)) >= 1


def test_pictures_that_a_format_cannot_hold() -> None:
    with pytest.raises(ImageError, match="webp cannot hold a picture of 20000 x 1"):
        classical_at(np.zeros((1, 20_000, 3), np.uint8), "webp", num_bytes=1000)


@pytest.mark.parametrize("codec", [codec for codec in CODECS if FORMATS[codec].max_side])
def test_sides_are_refused_that_cannot_be_written_or_not_be_read_again(codec: str) -> None:
    longest = FORMATS[codec].max_side
    assert longest is not None
    fitting = classical_at(np.zeros((1, longest, 3), np.uint8), codec, num_bytes=10**6)
    assert fitting.pixels.shape == (1, longest, 3)
    for shape in ((1, longest + 1), (longest + 1, 1)):
        with pytest.raises(ImageError, match=f"no side may have more than {longest:,}"):
            classical_curve(np.zeros((*shape, 3), np.uint8), codec)


@pytest.mark.skipif("heic" not in CODECS, reason="pillow-heif is not installed")
@pytest.mark.parametrize("shape", [(1, 65_536), (65_536, 1)])
def test_heic_says_what_it_cannot_hold(shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"heic cannot hold a picture of {shape[1]} x {shape[0]} pixels"):
        classical_at(np.zeros((*shape, 3), np.uint8), "heic", num_bytes=1000)


@pytest.mark.skipif("heic" not in CODECS, reason="pillow-heif is not installed")
def test_heic_halves_the_chroma_as_people_get_it(texture: Pixels) -> None:
    best = classical_at(texture, "heic", num_bytes=10**6)
    out = io.BytesIO()
    Image.fromarray(texture).save(out, "HEIF", quality=100, chroma="444")
    with Image.open(out) as opened:
        assert psnr_db(texture, np.array(opened.convert("RGB"))) > best.point.psnr_db + 3


@pytest.mark.parametrize("quality", [0, 1, 37, 98, 99, 100])
def test_bisection_finds_every_quality(quality: int) -> None:
    assert _largest_quality(lambda q: q <= quality, 0) == quality


def test_bisection_of_what_never_fits() -> None:
    assert _largest_quality(lambda q: False, 1) is None


@pytest.mark.parametrize("start", [0, 1, 36, 37, 38, 99, 100, 250])
@pytest.mark.parametrize("quality", [0, 1, 37, 99, 100])
def test_a_guess_only_saves_work(quality: int, start: int) -> None:
    assert _largest_quality(lambda q: q <= quality, 0, 100, start) == quality


def test_a_good_guess_saves_most_of_the_work() -> None:
    asked: list[int] = []

    def fits(quality: int) -> bool:
        asked.append(quality)
        return quality <= 620

    assert _largest_quality(fits, 0, 1000, 619) == 620
    assert len(set(asked)) <= 6


def test_a_guess_where_nothing_fits() -> None:
    assert _largest_quality(lambda q: False, 19, 100, 50) is None


@pytest.mark.parametrize("fitting", [{0, 1, 2, 4}, {0, 1, 2, 3, 6}, {2}, set(range(99)) | {99}])
def test_bisection_looks_across_small_dips(fitting: set[int]) -> None:
    assert _largest_quality(lambda q: q in fitting, 0) == max(fitting)


@pytest.mark.parametrize("codec", CODECS)
def test_a_curve_rises(codec: str, large_picture: Pixels) -> None:
    points = classical_curve(large_picture, codec)
    assert 8 <= len(points) <= 14
    sizes = [p.num_bytes for p in points]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] > 3 * sizes[0]
    assert np.all(np.diff([p.psnr_db for p in points]) > -0.5)
    assert points[-1].psnr_db > points[0].psnr_db + 2
    assert all(0.5 < p.values["ms_ssim"] <= 1 for p in points)


def test_equal_files_are_listed_once() -> None:
    sizes = [p.num_bytes for p in classical_curve(np.full((64, 64, 3), 128, np.uint8), "jpeg")]
    assert len(sizes) == len(set(sizes))


def test_bytes_needed_of_a_measured_curve(texture: Pixels) -> None:
    points = classical_curve(texture, "jpeg")
    between = (points[3].psnr_db + points[4].psnr_db) / 2
    assert points[3].num_bytes < bytes_needed(points, between) < points[4].num_bytes


@pytest.mark.skipif("jpeg2000" not in CODECS, reason="this Pillow has no OpenJPEG")
@pytest.mark.parametrize("num_bytes", [400, 1000, 3000, 9000])
def test_jpeg_2000_uses_the_bytes_it_may(num_bytes: int, large_picture: Pixels) -> None:
    found = classical_at(large_picture, "jpeg2000", num_bytes=num_bytes)
    assert 0.9 * num_bytes < len(found.data) <= num_bytes


@pytest.mark.skipif("jxl" not in CODECS, reason="pillow-jxl-plugin is not installed")
def test_jpeg_xl_looks_above_the_quality_where_files_suddenly_grow_smaller(large_picture: Pixels) -> None:
    above, below = size_at(large_picture, "jxl", 19), size_at(large_picture, "jxl", 18)
    assert above < below
    assert classical_at(large_picture, "jxl", num_bytes=below).quality >= 19
    assert classical_at(large_picture, "jxl", num_bytes=above - 1).quality < 19


@pytest.mark.skipif("jxl" not in CODECS, reason="pillow-jxl-plugin is not installed")
def test_the_best_quality_of_jpeg_xl_is_lossless(edges: Pixels) -> None:
    assert np.array_equal(classical_at(edges, "jxl", num_bytes=10**6).pixels, edges)


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_a_curve_of_a_common_picture_takes_seconds(codec: str) -> None:
    generator = np.random.default_rng(0)
    coarse = Image.fromarray(generator.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    pixels = np.array(coarse.resize((512, 512), Image.Resampling.BICUBIC))
    began = time.process_time()  # Of all threads: 1.2 to 3.4 s, and up to twice that beside other work.
    classical_curve(pixels, codec)
    assert time.process_time() - began < 12


def test_the_smallest_file_from_a_size_on(edges: Pixels) -> None:
    sizes = [size_at(edges, "jpeg", quality) for quality in range(1, 101)]
    ladder = Ladder(edges, "jpeg")
    for num_bytes in (1, sizes[40] - 1, sizes[40], sizes[40] + 1, max(sizes)):
        found = ladder.smallest_from(num_bytes)
        assert found is not None
        assert found.num_bytes == min(size for size in sizes if size >= num_bytes)
    assert ladder.smallest_from(max(sizes) + 1) is None
