"""What the classical codecs have to say about one operating point."""

from __future__ import annotations

import math
import os

import pytest
from fakes import FakeEngine

from diffdemo.metrics.points import CurvePoint
from diffdemo.ui.plot.baselines import Rivals, psnr_at


def point(num_bytes: int, psnr: float) -> CurvePoint:
    return CurvePoint(num_bytes, num_bytes / 100, psnr, None)


def test_psnr_is_linear_between_neighbours() -> None:
    points = [point(300, 40.0), point(100, 30.0)]
    assert [psnr_at(points, size) for size in (99, 100, 150, 300, 301)] == [None, 30.0, 32.5, 40.0, None]


def test_of_equal_sizes_the_best_counts() -> None:
    points = [point(100, 30.0), point(100, 31.0), point(300, 41.0), point(300, 35.0)]
    assert [psnr_at(points, size) for size in (100, 200, 300)] == [31.0, 36.0, 41.0]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_points_that_have_no_finite_psnr_do_not_count(value: float) -> None:
    points = [point(50, value), point(100, 30.0), point(200, value), point(300, 40.0), point(400, value)]
    assert [psnr_at(points, size) for size in (50, 200, 350)] == [None, 35.0, None]


def test_curves_of_one_point_and_of_none() -> None:
    assert [psnr_at([point(100, 30.0)], size) for size in (99, 100, 101)] == [None, 30.0, None]
    assert psnr_at([], 100) is None


def test_a_picture_that_a_codec_reproduces_exactly_has_facts_without_a_number() -> None:
    rivals, png = Rivals(FakeEngine()), os.urandom(8)
    rivals.know(png, {"jpeg": [point(40, math.inf), point(60, math.inf)]})
    (fact,) = rivals.facts(png, 50, 30.0)
    assert (fact.codec, fact.smallest, fact.psnr_db) == ("jpeg", 40, None)
