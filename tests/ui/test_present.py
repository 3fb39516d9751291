from __future__ import annotations

import math

import pytest

from diffdemo.engine.records import FileInfo, Frame, Step
from diffdemo.metrics.curves import value_at
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE
from diffdemo.ui import words as present
from diffdemo.ui.memory.session import Shown
from diffdemo.ui.plot.baselines import Baseline


def _shown(**changes) -> Shown:
    fields = {
        "png": b"",
        "num_bytes": 23114,
        "bpp": 0.4702,
        "values": {"psnr_db": 33.14, "ms_ssim": 0.97},
        "decoder": "mean",
    }
    return Shown(**(fields | changes))


def _info(**changes) -> FileInfo:
    steps = (Step(1, 5.0, 800, 16, 130, True), Step(2, 2.5, 1600, 16, 332, False))
    fields = {
        "codec": "diffc", "version": 1, "model": "m", "fingerprint": "ab", "width": 64, "height": 32, 
        "facts": {"preset": "fast", "seed": 0, "prompt": None, "delta": None}, "is_embedded": True,
        "header_bytes": 30, "num_bytes": 200,
        "whole_bytes": 332, "bpp": 0.78, "is_cut": True, "is_damaged": False, "steps": steps,
    }  # fmt: skip
    return FileInfo(**(fields | changes))


@pytest.mark.parametrize(
    ("call", "value", "words"),
    [
        (present.size, 1, "1 byte"),
        (present.size, 23114, "23,114 bytes"),
        (present.rate, 0.4702, "0.47 bpp"),
        (present.rate, 0.0123, "0.012 bpp"),
        (present.quality, 33.14, "33.1 dB"),
        (present.quality, math.inf, "lossless"),
        (present.quality, None, ""),
    ],
)
def test_numbers_in_words(call, value, words):
    assert call(value) == words


def test_the_argument_names_what_others_reach_and_need():
    baselines = [Baseline("jpeg", 4000, 29.82, 38900), Baseline("webp", 2000, 32.0, None)]
    words = present.argument(_shown(), 393_000, baselines)
    assert "<b>23,114 bytes</b> · <b>0.47 bpp</b> · <b>51:1</b> · <b>33.1 dB</b>" in words
    assert "At these bytes JPEG reaches 29.8 dB, WebP reaches 32.0 dB." in words
    assert "For this PSNR: JPEG 38,900 bytes." in words


def test_the_argument_claims_nothing_about_sizes_that_a_rival_was_not_tried_at():
    below = [Baseline("jpeg", 40_000, None, None, 21.84), Baseline("webp", 30_000, None, None, 25.0)]
    words = present.argument(_shown(), 393_000, below)
    assert "The smallest JPEG is 1.7 times as large at 21.8 dB." in words
    assert "At these bytes" not in words
    above = [Baseline("jpeg", 4_000, None, None)]
    words = present.argument(_shown(), 393_000, above)
    assert "JPEG" not in words


def test_the_argument_without_an_original_has_no_quality():
    words = present.argument(_shown(values={}), 393_000, [])
    assert "dB" not in words
    assert "51:1" in words


def test_progress_counts_and_estimates():
    frame = Frame(None, 9120, 0.28, {"psnr_db": 30.1}, 14, 38, 1.0, 3.2, 4.1, "mean")
    words = present.progress(frame, "Compressing")
    assert "Compressing: step 14 of about 38 · 3.2 s, about 4.1 s left" in words
    assert "width:36.8%" in words


def test_text_from_outside_is_escaped():
    assert "<b>" not in present.status("<b>")
    assert "<i>" not in present.picture_notes(1, 1, ["<i>"])


def test_the_strip_fills_what_is_used():
    assert present.strip(_info(), 331).count('class="here"') == 1
    assert present.strip(_info(), 332).count('class="here"') == 2
    assert present.strip(_info(), 30).count('class="missing"') == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "This file is cut: 200 bytes, 1 of 2 steps arrived"),
        ({"is_cut": False, "num_bytes": 332}, "The whole file: 332 bytes"),
        ({"is_damaged": True}, "This file is damaged"),
    ],
)
def test_a_file_says_how_much_of_it_arrived(changes, words):
    assert words in present.file_note(_info(**changes))


def test_sizes_are_offered_below_the_picture_only():
    assert present.size_choices(700, 300) == [("512 px", 512), ("original, 700 px", 0)]
    assert [side for _, side in present.size_choices(1000, 900)] == [512, 768, 0]


def test_size_reasons_give_a_time_only_once_one_was_measured():
    assert present.size_reason(3.8, "CPU", None) == "Large for CPU: this size is 3.8 times less work than the original."
    assert present.size_reason(3.8, "CPU", 12.0).startswith("About 12 s")


def test_psnr_is_interpolated_between_neighbours_only():
    points = [CurvePoint(100, 0.1, {"psnr_db": 20.0}), CurvePoint(400, 0.4, {"psnr_db": 30.0})]
    assert value_at(points, BASE, 200, "num_bytes") == pytest.approx(25.0)
    assert value_at(points, BASE, 99, "num_bytes") is None
    assert value_at(points, BASE, 401, "num_bytes") is None
