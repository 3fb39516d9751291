"""The endpoint that compares: any two codecs, at equal bytes or at a rate each."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image

from diffdemo.engine.classical.files import available
from diffdemo.metrics.distortion import ms_ssim, psnr_db
from diffdemo.pictures import load_picture
from diffdemo.ui.programs.compare import Comparison
from diffdemo.ui.programs.endpoints import Endpoints

PIXELS = 200 * 192


@pytest.fixture(scope="module")
def calls() -> Comparison:
    return Comparison(FakeEngine())


def result(moments: Iterator[tuple]) -> tuple:
    """What the call ends with; before, it only tells how far it is."""
    *before, last = moments
    assert all(first is second is None and 0 <= told["share"] <= 1 for first, second, told in before)
    return last


@pytest.fixture
def picture(tmp_path, large_picture) -> str:
    path = tmp_path / "picture.png"
    Image.fromarray(large_picture).save(path)
    return str(path)


def test_at_first_jpeg_gets_as_many_bytes_as_diffc(calls, picture, large_picture):
    ours, theirs, report = result(calls.compare_codecs(picture, 9000))
    assert (report["ours"]["codec"], report["theirs"]["codec"]) == ("diffc", "jpeg")
    assert report["theirs"]["num_bytes"] <= report["ours"]["num_bytes"] <= 9000
    for path, numbers in ((ours, report["ours"]), (theirs, report["theirs"])):
        pixels = load_picture(path).pixels
        assert numbers["psnr_db"] == pytest.approx(psnr_db(large_picture, pixels))
        assert numbers["ms_ssim"] == pytest.approx(ms_ssim(large_picture, pixels))
        assert numbers["lpips"] is None, "its weights are not here"
        assert numbers["bpp"] == 8 * numbers["num_bytes"] / PIXELS


@pytest.mark.parametrize("own", ["original", "diffc", "cdc", "jpeg"])
@pytest.mark.parametrize("codec", ["original", "diffc", "cdc", *(name for name in available() if name != "jxl")])
def test_any_two_can_be_compared(calls, picture, own, codec):
    *paths, report = result(calls.compare_codecs(picture, 9000, codec, own))
    assert [report[side]["codec"] for side in ("ours", "theirs")] == [own, codec]
    assert all(load_picture(path).pixels.shape == (192, 200, 3) for path in paths)
    for side, name in (("ours", own), ("theirs", codec)):
        assert (report[side]["num_bytes"] <= 9000) == (name != "original"), side
    assert report["notes"] == []


def test_each_side_can_have_a_rate_of_its_own(calls, picture):
    *_, report = result(calls.compare_codecs(picture, None, "webp", "jpeg", bpp=0.9, their_bpp=2.0))
    assert 0.5 < report["ours"]["bpp"] <= 0.9 < report["theirs"]["bpp"] <= 2.0
    *_, report = result(calls.compare_codecs(picture, 9000, "cdc", "diffc", their_bpp=1.5))
    assert report["ours"]["num_bytes"] <= 9000
    assert 9000 > report["theirs"]["num_bytes"] > 0
    assert report["theirs"]["bpp"] <= 1.5


def test_the_original_takes_no_bytes_from_the_other(calls, picture, large_picture):
    ours, _, report = result(calls.compare_codecs(picture, 5000, "webp", "original"))
    assert np.array_equal(load_picture(ours).pixels, large_picture)
    assert report["ours"]["num_bytes"] == large_picture.nbytes
    assert report["theirs"]["num_bytes"] <= 5000


def test_what_cannot_be_as_small_says_so(calls, picture):
    *_, report = result(calls.compare_codecs(picture, None, "jpeg", "webp", bpp=0.01, their_bpp=0.01))
    assert [note.split(" file")[0] for note in report["notes"]] == ["The smallest jpeg", "The smallest webp"]
    assert all("than was asked for" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codec": "mp3"}, "There is no codec 'mp3' here; choose one of: original, diffc, cdc, jpeg"),
        ({"bpp": 0.0}, "0 bits per pixel cannot be met"),
        ({"their_bpp": -1.0}, "-1 bits per pixel cannot be met"),
        ({"bpp": float("nan")}, "nan bits per pixel cannot be met"),
        ({"num_bytes": None}, "please give num_bytes or bpp"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(calls, picture, options, words):
    with pytest.raises(gr.Error, match=words):
        result(calls.compare_codecs(picture, **options))


def test_classical_takes_every_codec_and_a_rate(picture):
    endpoint = Endpoints(FakeEngine()).classical
    for codec in ("jpeg", "jpeg2000", "webp", "avif"):
        file, png, report = endpoint(picture, codec, bpp=2.0)
        assert report["num_bytes"] <= 2.0 * PIXELS / 8
        with Image.open(file) as opened:
            assert np.array_equal(np.asarray(opened.convert("RGB")), load_picture(png).pixels)
    assert endpoint(picture, "jpeg2000", 9000)[0].endswith(".jp2")
    assert endpoint(picture, "jpeg", 9000, 1.0)[2]["num_bytes"] <= 1.0 * PIXELS / 8
    for nothing in ({"num_bytes": None}, {"num_bytes": 0}, {"num_bytes": None, "bpp": -1}):
        with pytest.raises(gr.Error, match="please give num_bytes, or bpp"):
            endpoint(picture, "jpeg", **nothing)
