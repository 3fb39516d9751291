"""Comparisons of codecs: intervals of means, BD-rates over pictures, and pairs of files of one quality."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.measure.comparison.delta_rate import ENOUGH_POINTS, delta_rate
from diffdemo.measure.comparison.intervals import FEWEST, Interval, mean_interval
from diffdemo.measure.comparison.matched_pairs import TOLERANCE_DB, matched_pairs, pairs_table
from diffdemo.measure.comparison.other_metrics import other_metrics_table, rising_in
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import METRICS


def curve(*places: tuple[float, float]) -> list[CurvePoint]:
    return [CurvePoint(round(1000 * bpp), bpp, {"psnr_db": psnr_db}) for bpp, psnr_db in places]


def straight(factor: float = 1.0, count: int = 10) -> list[CurvePoint]:
    """6 dB for each doubling, 40 dB at 1 bpp, all rates times a factor."""
    rates = np.geomspace(0.25, 4.0, count)
    return curve(*((factor * bpp, 40 + 6 * math.log2(bpp)) for bpp in rates))


def test_the_interval_of_many_values_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(-20, 5, 400)
    found = mean_interval(list(values))
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05 * half)


def test_the_interval_covers_the_mean_of_skewed_values_about_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("diffdemo.measure.comparison.intervals.RESAMPLES", 499)
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        found = mean_interval(list(rng.gamma(4.0, 1.0, 24)))  # mean 4
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 4.0 <= found.high
    assert 0.88 <= hits / 200 <= 0.985


def test_the_interval_is_the_same_every_time() -> None:
    values = list(np.random.default_rng(3).normal(size=24))
    assert mean_interval(values) == mean_interval(values)


def test_few_values_have_a_mean_and_no_interval() -> None:
    values = [float(value) for value in range(FEWEST)]
    assert mean_interval(values).low is not None
    assert mean_interval(values[:-1]) == Interval(3.0, None, None)
    assert mean_interval(values[:-1]).text("+.1f", " %") == "+3.0 %"
    with pytest.raises(ValueError, match="no mean"):
        mean_interval([])


def test_equal_values_have_an_interval_without_width() -> None:
    found = mean_interval([-50.0] * FEWEST)
    assert found == Interval(-50.0, -50.0, -50.0)
    assert found.text("+.1f", " %") == "-50.0 % [-50.0, -50.0]"


def test_delta_rates_are_of_the_pictures_that_both_have() -> None:
    curves = {
        "jpeg": {"a": straight(), "b": straight(), "c": straight()},
        "ours": {"b": straight(0.5), "c": straight(2.0), "d": straight(0.1)},
    }
    found = delta_rate(curves, "jpeg", "ours")
    assert found is not None
    assert found.rates == pytest.approx({"b": -50.0, "c": 100.0}, abs=0.1)
    assert found.mean.mean == pytest.approx(25.0, abs=0.1)
    assert found.range_db == pytest.approx((28.0, 52.0))
    assert (found.few, found.short, found.apart) == (0, 0, 0)
    assert delta_rate(curves, "webp", "ours") is None


def test_curves_of_few_points_are_told() -> None:
    few = straight(0.5, count=ENOUGH_POINTS - 1)
    found = delta_rate(
        {"jpeg": {"a": straight(), "b": straight()}, "ours": {"a": straight(), "b": few}}, "jpeg", "ours"
    )
    assert found is not None
    assert found.few == 1
    assert found.text().endswith("28.0 to 52.0 dB; fewer than 8 points on 1")


def test_the_text_of_a_comparison_has_its_interval() -> None:
    pictures = [str(number) for number in range(FEWEST)]
    factors = np.linspace(0.4, 0.6, FEWEST)
    curves = {
        "jpeg": {picture: straight() for picture in pictures},
        "ours": {picture: straight(factor) for picture, factor in zip(pictures, factors, strict=True)},
    }
    found = delta_rate(curves, "jpeg", "ours")
    assert found is not None
    assert found.text().startswith("ours against jpeg: -50.0 % [-5")
    assert "(worst -40.0 %, better on 8 of 8)" in found.text()
    assert found.mean.low is not None
    assert found.mean.high is not None
    assert -60 < found.mean.low < -50 < found.mean.high < -40


def test_pairs_are_the_nearest_in_quality_and_use_each_file_once() -> None:
    theirs = curve((1.0, 30.0), (2.0, 36.0), (4.0, 42.0))
    ours = curve((0.5, 30.1), (0.6, 30.2), (1.5, 35.9), (3.0, 41.0))
    found = matched_pairs({"jpeg": {"a": theirs}, "ours": {"a": ours}}, "jpeg", "ours")
    assert found is not None
    # 30.1 with 30.0 and 35.9 with 36.0; 30.2 comes too late, 41.0 is too far away.
    assert found.count == 2
    assert found.ratios == pytest.approx({"a": math.sqrt(0.5 * 0.75)})
    assert found.difference_db == pytest.approx(0.0, abs=1e-9)
    assert found.better == 2


def test_pairs_and_delta_rates_agree_where_curves_are_parallel() -> None:
    curves = {"jpeg": {"a": straight()}, "ours": {"a": straight(0.7)}}
    pairs, rate = matched_pairs(curves, "jpeg", "ours"), delta_rate(curves, "jpeg", "ours")
    assert pairs is not None
    assert rate is not None
    assert pairs.count == 10
    assert pairs.mean.mean == pytest.approx(rate.mean.mean, abs=0.1) == pytest.approx(-30.0, abs=0.1)


def test_files_that_are_not_equally_good_are_no_pairs() -> None:
    theirs, ours = curve((1.0, 30.0), (2.0, 36.0)), curve((1.0, 30.0 + 1.01 * TOLERANCE_DB), (2.0, math.inf))
    assert matched_pairs({"jpeg": {"a": theirs}, "ours": {"a": ours}}, "jpeg", "ours") is None
    assert matched_pairs({"jpeg": {"a": theirs}}, "jpeg", "ours") is None
    assert matched_pairs({"jpeg": {"a": theirs}, "ours": {"b": ours}}, "jpeg", "ours") is None


def test_the_table_of_pairs() -> None:
    found = matched_pairs({"jpeg": {"a": straight()}, "ours": {"a": straight(0.7)}}, "jpeg", "ours")
    assert found is not None
    *_, row = pairs_table([found])
    assert row.split() == ["ours", "against", "jpeg", "10", "1", "-30.0", "%", "10", "of", "10", "+0.000"]
    assert list(pairs_table([])) == []


def with_metrics(factor: float, count: int = 6) -> list[CurvePoint]:
    """MS-SSIM that misses half as much at twice the rate, LPIPS that falls by 0.1, PSNR as ever."""
    points = []
    for number in range(count):
        values = {"psnr_db": 30.0 + number, "ms_ssim": 1 - 0.1 / 2**number, "lpips": 0.6 - 0.1 * number}
        points.append(CurvePoint(0, factor * 0.1 * 2**number, values))
    return points


def test_other_metrics_have_their_own_delta_rates() -> None:
    curves = {"jpeg": {"a": with_metrics(1.0), "b": with_metrics(1.0)}, "ours": {"a": with_metrics(0.5)}}
    title, head, row = other_metrics_table(curves, [("jpeg", "ours")])
    assert title.startswith("BD-rate in other metrics")
    assert head.split() == ["in", "other", "metrics", "MS-SSIM", "LPIPS"]
    assert row.split() == ["ours", "against", "jpeg", "-50.0", "%", "(1)", "-50.0", "%", "(1)"]


def test_heights_of_metrics_rise_with_the_quality() -> None:
    points = with_metrics(1.0)
    assert [h for _, h in rising_in(METRICS["lpips"], points)] == pytest.approx([-0.6, -0.5, -0.4, -0.3, -0.2, -0.1])
    assert [h for _, h in rising_in(METRICS["ms_ssim"], points)][:2] == pytest.approx([10.0, 13.0103])
    worse = CurvePoint(0, 5.0, {"psnr_db": 50.0, "ms_ssim": 0.5, "lpips": 0.9})
    equal = CurvePoint(0, 6.0, {"psnr_db": math.inf, "ms_ssim": 1.0, "lpips": 0.0})
    assert rising_in(METRICS["lpips"], [*points, worse, equal]) == rising_in(METRICS["lpips"], points)
    assert rising_in(METRICS["ms_ssim"], points[:3]) == [], "three points are no curve"


def test_metrics_that_nobody_measured_have_no_table() -> None:
    curves = {"jpeg": {"a": straight()}, "ours": {"a": straight(0.5)}}
    assert list(other_metrics_table(curves, [("jpeg", "ours")])) == []
    assert list(other_metrics_table({}, [])) == []
