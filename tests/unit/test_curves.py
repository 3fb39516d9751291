"""Between the points of a curve."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from diffdemo.metrics.curves import bytes_needed, value_at
from diffdemo.metrics.points import CurvePoint, few
from diffdemo.metrics.registry import BASE, METRICS


def point(num_bytes: int, psnr: float, **others: float) -> CurvePoint:
    return CurvePoint(num_bytes, num_bytes / 100, {"psnr_db": psnr, **others})


def psnr_at(points: list[CurvePoint], num_bytes: int) -> float | None:
    return value_at(points, BASE, num_bytes, "num_bytes")


def test_values_are_linear_over_log_bytes() -> None:
    points = [point(400, 40.0), point(100, 30.0)]
    assert [psnr_at(points, size) for size in (99, 100, 400, 401)] == [None, 30.0, 40.0, None]
    assert psnr_at(points, 200) == pytest.approx(35.0)
    assert value_at(points, BASE, 2.0) == pytest.approx(35.0)


def test_what_a_curve_needs_for_what_it_reaches() -> None:
    points = [point(100, 20.0), point(900, 31.0), point(4000, 36.5)]
    for size in (100, 250, 900, 1234, 4000):
        assert bytes_needed(points, psnr_at(points, size)) == size


def test_of_equal_sizes_the_best_counts() -> None:
    points = [point(100, 30.0), point(100, 31.0), point(400, 41.0), point(400, 35.0)]
    assert [psnr_at(points, size) for size in (100, 400)] == [31.0, 41.0]
    assert psnr_at(points, 200) == pytest.approx(36.0)


def test_of_distances_the_smallest_is_best() -> None:
    points = [point(100, 30.0, lpips=0.5), point(100, 30.0, lpips=0.3), point(400, 40.0, lpips=0.1)]
    assert value_at(points, "lpips", 1.0) == 0.3
    assert value_at(points, "lpips", 2.0) == pytest.approx(0.2)
    assert value_at(points, "ms_ssim", 2.0) is None


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_points_that_have_no_finite_psnr_do_not_count(value: float) -> None:
    points = [point(50, value), point(100, 30.0), point(200, value), point(400, 40.0), point(500, value)]
    assert [psnr_at(points, size) for size in (50, 450)] == [None, None]
    assert psnr_at(points, 200) == pytest.approx(35.0)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_nor_do_those_whose_value_is_no_number(value: float) -> None:
    points = [point(100, 30.0, lpips=0.4), point(200, 35.0, lpips=value), point(400, 40.0, lpips=0.2)]
    assert value_at(points, "lpips", 2.0) == pytest.approx(0.3)


def test_curves_of_one_point_and_of_none() -> None:
    assert [psnr_at([point(100, 30.0)], size) for size in (99, 100, 101)] == [None, 30.0, None]
    assert psnr_at([], 100) is None


def test_a_file_may_end_a_few_bytes_early() -> None:
    points = [point(1000, 30.0), point(9999, 40.0)]
    assert psnr_at(points, 10_000) == 40.0
    assert psnr_at(points, 10_020) is None


def test_bytes_needed_interpolates_log_bytes() -> None:
    points = [point(100, 20.0), point(400, 30.0), point(6400, 40.0)]
    assert bytes_needed(points, 25.0) == 200
    assert bytes_needed(points, 35.0) == 1600
    assert bytes_needed(points[::-1], 25.0) == 200
    assert [bytes_needed(points, q) for q in (20.0, 30.0, 40.0)] == [100, 400, 6400]


@pytest.mark.parametrize("quality", [19.99, 40.01, -5.0, math.inf, math.nan])
def test_nothing_is_extrapolated(quality: float) -> None:
    assert bytes_needed([point(100, 20.0), point(400, 40.0)], quality) is None


def test_bytes_needed_without_a_curve() -> None:
    assert bytes_needed([], 30.0) is None
    assert bytes_needed([point(50, math.inf)], 30.0) is None
    assert bytes_needed([point(100, 30.0)], 30.0) == 100


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_points_without_a_finite_psnr_do_not_count(value: float) -> None:
    points = [point(50, value), point(100, 20.0), point(100, 19.0), point(100, value), point(400, 30.0), point(0, 1.0)]
    assert bytes_needed(points, 25.0) == 200
    assert bytes_needed([point(50, value)], value) is None


def test_points_that_are_worse_for_more_bytes_do_not_count() -> None:
    points = [point(100, 20.0), point(200, 19.0), point(400, 30.0), point(500, 29.0)]
    assert bytes_needed(points, 25.0) == 200
    assert bytes_needed(points, 29.5) < 400


@pytest.mark.parametrize("count", [0, 1, 11, 12, 13, 100])
def test_few_are_evenly_apart_and_begin_with_the_last(count: int) -> None:
    kept = list(few(range(count)))
    assert len(kept) <= 12
    assert kept[:1] == list(range(count))[-1:]
    assert len({before - after for before, after in pairwise(kept)}) <= 1


def test_points_survive_json() -> None:
    first = point(100, 30.0, ms_ssim=0.9)
    unknown = dict.fromkeys(METRICS)
    assert first.to_json() == {"num_bytes": 100, "bpp": 1.0} | unknown | {"psnr_db": 30.0, "ms_ssim": 0.9}
    assert CurvePoint.from_json(first.to_json()) == first
    assert CurvePoint.from_json({"num_bytes": 100, "bpp": 1.0, "psnr_db": 30.0, "delta": 2.0}) == point(100, 30.0)


def test_a_lossless_point_survives_json_too() -> None:
    lossless = point(100, math.inf)
    assert lossless.to_json()["psnr_db"] is None
    assert CurvePoint.from_json(lossless.to_json()) == lossless
