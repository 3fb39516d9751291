"""The curves of others: complete, plausible, and from where they say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from diffdemo.metrics.published import FILE, Published, published
from diffdemo.ui.plot.published import METRICS

CURVES = published()
PLAUSIBLE = {"psnr_db": (5, 75), "ms_ssim": (0, 1), "lpips": (0, 1), "fid": (0, 400)}
UNITS = {"psnr_db": "dB", "ms_ssim": "", "lpips": "", "fid": ""}


def name(curve: Published) -> str:
    return f"{curve.dataset} {curve.label} {curve.metric}"


def test_the_file_is_small_enough_for_every_visitor() -> None:
    assert FILE.stat().st_size < 60_000


def test_what_there_are_curves_for() -> None:
    assert list(dict.fromkeys(curve.dataset for curve in CURVES))[:3] == ["kodak", "cifar-10", "imagenet-64"]
    assert {curve.metric for curve in CURVES} == set(METRICS)


@pytest.mark.parametrize("curve", CURVES, ids=name)
def test_a_curve_is_whole(curve: Published) -> None:
    rates = [bpp for bpp, _ in curve.points]
    low, high = PLAUSIBLE[curve.metric]
    assert curve.points
    assert all(0 < bpp <= 24 for bpp in rates)
    assert all(below <= above for below, above in pairwise(rates))
    assert all(math.isfinite(value) and low <= value <= high for _, value in curve.points)
    assert curve.unit == UNITS[curve.metric]
    assert curve.label
    assert curve.source.title
    assert curve.source.licence
    assert curve.source.note.endswith(".")
    assert curve.source.url.startswith("https://github.com/")


def test_no_curve_is_there_twice() -> None:
    keys = [(curve.dataset, curve.label, curve.source, curve.metric) for curve in CURVES]
    assert len(keys) == len(set(keys))
    shapes = [(curve.dataset, curve.metric, curve.points) for curve in CURVES]
    assert len(shapes) == len(set(shapes))


def test_curves_are_found_by_dataset_and_metric() -> None:
    found = published("kodak", "psnr_db")
    assert {"JPEG", "VTM (VVC intra)", "Cheng 2020", "StableCodec"} <= {curve.label for curve in found}
    assert {(curve.dataset, curve.metric) for curve in found} == {("kodak", "psnr_db")}
    assert len(published(metric="fid")) == sum(curve.metric == "fid" for curve in CURVES)
    assert published("kodak-99") == []


def test_divergences_are_not_sold_as_files() -> None:
    assert all(curve.is_estimate for curve in CURVES if curve.label.startswith(("DiffC", "CDC")))
    files = ("JPEG", "WebP", "BPG", "AV1", "HM", "VTM")
    assert not any(curve.is_estimate for curve in CURVES if curve.label.startswith(files))


def test_what_is_wrong_at_its_source_is_left_out() -> None:
    # There the column of FID was copied from another dataset.
    copied = [curve for curve in published("imagenet-64", "fid") if "1000 steps" in curve.label]
    assert copied == []
    assert [curve.metric for curve in published("imagenet-64") if "1000 steps" in curve.label] == ["psnr_db"]


def test_a_value_is_the_one_that_was_published() -> None:
    (jpeg,) = [curve for curve in published("kodak", "psnr_db") if curve.label == "JPEG"]
    assert jpeg.points[0] == (0.2212, 23.78)
    assert len(jpeg.points) == 19
    assert jpeg.source.title.startswith("CompressAI")
