"""Curves of means, and published ones beside ours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.measure.comparison.mean_points import How, at_rates, at_settings, at_slopes, mean_curve
from diffdemo.measure.comparison.published_table import averaging_check, differences, own_curves, published_table
from diffdemo.measure.datasets.known import KODAK, set_of
from diffdemo.measure.summary import summary
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.published import Published, Source

SOURCE = Source("A paper", "", "not stated", "")


def gaussian(variance: float, sigmas: np.ndarray) -> list[CurvePoint]:
    """R(D) of a Gaussian source at given errors: R = 1/2 log2(variance / D)."""
    points = []
    for sigma in sigmas:
        bpp = 0.5 * math.log2(variance / sigma**2)
        points.append(CurvePoint(0, bpp, {"psnr_db": -10 * math.log10(sigma**2)}))
    return points


def test_equal_slopes_of_gaussian_sources_are_equal_errors() -> None:
    """dD/dR = -2 ln 2 D, whatever the variance, so that a setting is an error."""
    sigmas = np.geomspace(0.3, 0.01, 60)
    pictures = {"a": gaussian(1.0, sigmas), "b": gaussian(16.0, sigmas)}
    found = at_slopes(pictures)
    assert (found.how, found.num_pictures, len(found.points)) == (How.SLOPES, 2, 12)
    for point in found.points:
        error = 10 ** (-point.values["psnr_db"] / 10)
        expected = 0.5 * (0.5 * math.log2(1 / error) + 0.5 * math.log2(16 / error))
        assert point.bpp == pytest.approx(expected, rel=2e-3)


def test_equal_slopes_are_equal_settings_where_an_encoder_minimises_a_sum() -> None:
    lambdas = np.geomspace(0.1, 1e-4, 24)
    pictures = {}
    for name, scale, power in (("a", 1.0, 1.0), ("b", 5.0, 1.4), ("c", 0.3, 0.8)):
        # D = scale R^-power; D + lambda R is least where scale power R^(-power - 1) = lambda.
        rates = (scale * power / lambdas) ** (1 / (power + 1))
        pictures[name] = [CurvePoint(0, r, {"psnr_db": -10 * math.log10(scale * r**-power)}) for r in rates]
    settings, slopes = at_settings(pictures).points, at_slopes(pictures).points
    levels = [point.values["psnr_db"] for point in settings]
    for point in slopes:
        expected = np.interp(point.values["psnr_db"], levels, [math.log(each.bpp) for each in settings])
        assert math.log(point.bpp) == pytest.approx(expected, abs=0.02)


def test_means_at_settings_leave_out_what_is_not_finite_anywhere() -> None:
    one = [
        CurvePoint(0, 1.0, {"psnr_db": 30.0, "ms_ssim": 0.9}),
        CurvePoint(0, 2.0, {"psnr_db": 35.0, "ms_ssim": 0.95}),
    ]
    other = [CurvePoint(0, 2.0, {"psnr_db": 34.0, "ms_ssim": 0.8}), CurvePoint(0, 4.0, {"psnr_db": math.inf})]
    found = mean_curve({"a": one, "b": other})
    assert (found.how, found.left_out) == (How.SETTINGS, 1)
    (point,) = found.points
    assert (point.bpp, point.values) == (1.5, {"psnr_db": 32.0, "ms_ssim": pytest.approx(0.85)})


def test_means_at_rates_stay_where_all_pictures_have_values() -> None:
    one = [CurvePoint(0, bpp, {"psnr_db": 30 + 6 * math.log2(bpp)}) for bpp in (0.1, 1.0, 4.0)]
    other = [CurvePoint(0, bpp, {"psnr_db": 34 + 6 * math.log2(bpp)}) for bpp in (0.2, 2.0)]
    found = mean_curve({"a": one, "b": other})
    assert found.how is How.RATES
    assert (found.points[0].bpp, found.points[-1].bpp) == pytest.approx((0.2, 2.0))
    assert [p.values["psnr_db"] for p in found.points] == pytest.approx(
        [32 + 6 * math.log2(p.bpp) for p in found.points]
    )


def test_nothing_in_common_gives_no_curve() -> None:
    one = [CurvePoint(0, bpp, {"psnr_db": 30.0 + bpp}) for bpp in (0.1, 0.2, 0.3)]
    other = [CurvePoint(0, bpp, {"psnr_db": 60.0 + bpp}) for bpp in (1.0, 2.0, 3.0, 4.0)]
    assert at_rates({"a": one, "b": other}).points == ()
    assert at_slopes({}).points == ()
    assert at_slopes({"a": one[:2]}).points == ()
    assert mean_curve({"a": [], "b": []}).points == ()


def straight(factor: float, rates: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)) -> list[CurvePoint]:
    return [CurvePoint(0, factor * bpp, {"psnr_db": 40 + 6 * math.log2(bpp)}) for bpp in rates]


def published(factor: float, *, is_estimate: bool = False, count: int = 6) -> Published:
    points = tuple((point.bpp, point.psnr_db) for point in straight(factor)[-count:])
    return Published("", "VTM", SOURCE, "psnr_db", "dB", is_estimate, points)


def test_differences_to_published_curves() -> None:
    pictures = {"a": straight(0.5), "b": straight(0.5)}
    (row,) = differences(pictures, [published(1.0, is_estimate=True)])
    assert row == ("VTM", "estimate", "5", "A paper", "-50.0 %", "-50.0 %"), "one lies below 25 dB"
    assert list(differences(pictures, [published(1.0, count=3)])) == [], "three points are no curve"
    assert list(published_table("ours", pictures, [])) == []


def test_only_codecs_that_have_all_pictures_stand_beside_published_ones() -> None:
    curves = {"ours": {"a": straight(1.0), "b": straight(1.0), "c": straight(1.0)}, "other": {"a": straight(1.0)}}
    found = own_curves(curves, frozenset("ab"))
    assert {name: set(pictures) for name, pictures in found.items()} == {"ours": {"a", "b"}}


def test_the_check_of_averages_says_nothing_of_codecs_without_settings() -> None:
    curves = {"jpeg": {"a": straight(1.0), "b": straight(2.0)}, "other": {"a": straight(1.0), "b": straight(1.0)[1:]}}
    (text,) = averaging_check(curves)
    assert text.startswith("jpeg, over its means at settings: ")


def test_kodak_is_known_by_its_pixels() -> None:
    assert len(set(KODAK)) == 24
    assert set_of(KODAK) == "kodak"
    assert set_of(KODAK[:23]) == ""
    assert set_of([*KODAK, "0" * 64]) == ""


def rows_of(hashes: tuple[str, ...]) -> list[dict]:
    rows = []
    for digest in hashes:
        for codec, factor in (("jpeg", 1.0), ("diffc mean", 0.5)):
            points = [{"num_bytes": round(49152 * p.bpp), "bpp": p.bpp, "psnr_db": p.psnr_db} for p in straight(factor)]
            rows.append({"picture": "a", "sha256": digest, "codec": codec, "settings": {}, "points": points})
    return rows


def test_the_summary_sets_published_curves_beside_ours_on_their_own_pictures_only() -> None:
    text = summary(rows_of(KODAK))
    assert "diffc mean against published curves of the same 24 pictures" in text
    assert any(line.startswith("VTM (VVC intra)") and " file " in line for line in text.splitlines())
    assert any(line.startswith("ELIC") and " estimate " in line for line in text.splitlines())
    assert "jpeg, over its means at settings" in text
    assert "published curves" not in summary(rows_of(KODAK[:5]))
    assert "VTM" in summary(rows_of(KODAK[:5]), [published(1.0)])
