"""What a summary says: only finite numbers, and the same pictures on both sides of every mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.measure.comparison.delta_rate import bd_rate
from diffdemo.measure.comparison.mean_curves import flow_below_mean, mean_curve_tables
from diffdemo.measure.summary import summary
from diffdemo.measure.tables import comparable, counted
from diffdemo.metrics.curves import value_at
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.sets.patches import features_to_text
from diffdemo.metrics.sets.realism import FEATURES, REVISION


def curve(offset: float = 0.0, *, lossless: int = 0) -> list[dict]:
    """Points at 0.1 ... 4 bpp, 6 dB for each doubling; the last ones as files say it of exact reproductions."""
    rates = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0]
    points = [
        {"num_bytes": round(1000 * bpp), "bpp": bpp, "psnr_db": 40 + 6 * math.log2(bpp) + offset, "ms_ssim": None}
        for bpp in rates
    ]
    for point in points[len(points) - lossless :]:
        point["psnr_db"] = None
    return points


def line(picture: str, codec: str, points: list[dict], **fields: object) -> dict:
    return {"picture": picture, "codec": codec, "settings": {}, "points": points, **fields}


def cells(text: str, start: str) -> list[list[str]]:
    """All rows of tables that begin with this cell."""
    return [line.split() for line in text.splitlines() if line.split()[:1] == [start]]


def test_lossless_points_are_left_out_and_counted() -> None:
    text = summary(
        [
            line("a", "jpeg", curve()),
            line("b", "jpeg", curve(lossless=2)),
            line("a", "diffc mean", curve(6.0)),
            line("b", "diffc mean", curve(6.0, lossless=1)),
        ]
    )
    assert "3 lossless points left out (jpeg 2, diffc mean 1)" in text
    assert "diffc mean against jpeg: -50.0 % (worst -50.0 %, better on 2 of 2)" in text
    assert "nan" not in text
    assert "inf" not in text


def test_one_lossless_point_is_counted_in_the_singular() -> None:
    assert "1 lossless point left out (jpeg 1)" in summary([line("a", "jpeg", curve(lossless=1))])
    assert "lossless" not in summary([line("a", "jpeg", curve())])


def test_infinity_of_a_row_that_never_was_in_a_file_counts_as_lossless() -> None:
    points = curve()
    points[-1]["psnr_db"] = math.inf
    assert "1 lossless point left out" in summary([line("a", "jpeg", points)])


@pytest.mark.parametrize("lossless", [5, 6])
def test_curves_of_too_few_finite_points_are_skipped_and_counted(lossless: int) -> None:
    rows = [
        line("a", "jpeg", curve()),
        line("b", "jpeg", curve(lossless=lossless)),
        line("c", "jpeg", curve(60.0)),
        *(line(picture, "diffc mean", curve(6.0)) for picture in "abc"),
    ]
    text = summary(rows)
    assert "better on 1 of 1; too few finite points on 1; nothing in common on 1)" in text
    assert "nan" not in text
    only = summary(rows[1:2] + rows[4:5])
    assert "no qualities in common from 25 dB on; too few finite points on 1" in only


def test_nothing_finite_at_all() -> None:
    rows = [line("a", codec, curve(lossless=6)) for codec in ("jpeg", "diffc mean", "diffc flow")]
    text = summary(rows)
    assert "18 lossless points left out" in text
    assert "PSNR, dB" not in text


def test_anchors_are_those_of_the_file_whatever_can_be_written_here() -> None:
    text = summary([line("a", "heic", curve()), line("a", "diffc mean", curve(6.0))])
    assert "diffc mean against heic: -50.0 %" in text


def test_pictures_of_one_name_are_told_apart_by_their_hash() -> None:
    rows = [
        line("a.png", codec, curve(offset + more), sha256=digest)
        for codec, more in (("jpeg", 0.0), ("diffc mean", 6.0))
        for digest, offset in (("1" * 64, 0.0), ("2" * 64, -10.0))
    ]
    text = summary(rows)
    assert text.startswith("2 pictures;")
    assert cells(text, "1") == [["1", "35.00", "41.00"]]


def test_one_picture_under_two_names_counts_once() -> None:
    rows = [line(name, "jpeg", curve(), sha256="1" * 64) for name in ("a.png", "b.png")]
    assert summary(rows).startswith("1 picture;")


def points_of(*values: tuple[float, float]) -> list[CurvePoint]:
    return [CurvePoint(0, bpp, {"psnr_db": psnr}) for bpp, psnr in values]


def test_mean_curves_are_over_the_same_pictures() -> None:
    """JPEG lacks the picture on which all do badly."""
    good, bad = points_of((0.1, 30.0), (2.0, 40.0)), points_of((0.1, 10.0), (2.0, 20.0))
    tables = "\n".join(
        mean_curve_tables({"jpeg": {"a": good, "b": good}, "diffc mean": {"a": good, "b": good, "c": bad}})
    )
    assert "PSNR, dB, mean over the same 2 of 3 pictures" in tables
    assert cells(tables, "2") == [["2", "40.00", "40.00"]]


def test_codecs_with_few_pictures_have_a_table_of_their_own() -> None:
    good, bad = points_of((0.1, 30.0), (2.0, 40.0)), points_of((0.1, 10.0), (2.0, 20.0))
    many = {"a": good, **{picture: bad for picture in "bcd"}}
    tables = "\n".join(mean_curve_tables({"jpeg": many, "cdc 1 step": {"a": good}, "webp": many}))
    first, second = (part for part in tables.split("PSNR, dB, ") if part)
    assert first.startswith("mean over the same 4 pictures")
    assert first.splitlines()[1].split() == ["bpp", "jpeg", "webp"]
    assert cells(first, "2") == [["2", "25.00", "25.00"]]
    assert second.startswith("mean over the same 1 of 4 pictures")
    assert second.splitlines()[1].replace("cdc 1 step", "cdc").split() == ["bpp", "jpeg", "cdc", "webp"]
    assert cells(second, "2") == [["2", "40.00", "40.00", "40.00"]]


def test_pictures_too_small_for_any_of_the_rates_empty_no_table() -> None:
    tiny, usual = points_of((4000.0, 30.0), (9000.0, 50.0)), points_of((0.1, 30.0), (2.0, 40.0))
    curves = {codec: {"1x1": tiny, "a": usual} for codec in ("jpeg", "diffc mean")}
    tables = "\n".join(mean_curve_tables(curves))
    assert "mean over the same 1 of 2 pictures" in tables
    assert cells(tables, "2") == [["2", "40.00", "40.00"]]


def test_no_curves_no_tables() -> None:
    assert list(mean_curve_tables({})) == []
    assert list(mean_curve_tables({"jpeg": {"a": []}, "webp": {}})) == []


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_interpolation_leaves_out_what_is_not_finite(value: float) -> None:
    points = points_of((0.25, 30.0), (0.4, value), (1.0, 34.0), (2.0, value))
    assert value_at(points, "psnr_db", 0.5) == pytest.approx(32)
    assert value_at(points, "psnr_db", 1.5) is None
    assert value_at(points_of((1.0, value)), "psnr_db", 1.0) is None
    anchor = points_of((0.25, 28.0), (0.5, 34.0), (1.0, 40.0))
    half = points_of((0.125, 28.0), (0.25, 34.0), (0.5, 40.0), (0.75, value))
    assert bd_rate(anchor, half) == pytest.approx(-50, abs=0.1)


def test_a_flow_that_is_lossless_is_not_infinitely_above_the_mean() -> None:
    mean, flow = points_of((0.25, 30.0), (2.0, 36.0)), points_of((1.0, 33.5), (2.0, math.inf))
    (text,) = flow_below_mean({"diffc mean": {"a": mean}, "diffc flow": {"a": flow}})
    assert "over 1 points" in text
    assert "inf" not in text


def test_codecs_join_unless_too_little_would_be_left() -> None:
    assert comparable({}) == ([], set())
    assert comparable({"a": set()}) == ([], set())
    assert comparable({"a": {"1", "2"}, "b": {"1"}, "c": set()}) == (["a", "b"], {"1"})
    assert comparable({"b": {"1"}, "a": {"1", "2", "3"}}) == (["a"], {"1", "2", "3"})
    assert comparable({"a": {"1", "2"}, "b": {"3", "4"}}) == (["a"], {"1", "2"})
    assert comparable({"a": set("1234"), "b": set("123"), "c": set("234"), "d": set("41")}) == (
        ["a", "b", "c"],
        set("23"),
    )


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_numbers_with_their_nouns(number: int, text: str) -> None:
    assert counted(number, "file") == text


def cdc_point(own: float | None, jpeg: float | None, num_bytes: int = 1000) -> dict:
    usual = {"num_bytes": num_bytes, "bpp": 1.0, "ms_ssim": None}
    return {**usual, "psnr_db": own, "delta": 2.0, "target_bpp": None, "jpeg": {**usual, "psnr_db": jpeg}}


def test_gains_over_jpeg_leave_out_lossless_files() -> None:
    pairs = [(30.0, 28.0), (None, 40.0), (40.0, None)]
    text = summary([line(str(n), "cdc 1 step", [cdc_point(*pair)]) for n, pair in enumerate(pairs)])
    (row,) = cells(text, "delta")
    assert row[2:6] == ["3", "1,000", "1.000", "35.00"]
    assert row[-5:] == ["+2.00", "+2.00", "1", "of", "1"]
    assert "inf" not in text


def test_bytes_beside_jpeg_are_said_of_the_same_files() -> None:
    alone = {**cdc_point(30.0, None, 5000), "jpeg": None}
    rows = [line("a", "cdc 1 step", [cdc_point(33.0, 34.0, 3000)]), line("b", "cdc 1 step", [alone])]
    rows[0]["points"][0]["jpeg"]["num_bytes"] = 3100
    assert "on the 1 of 2 files at delta 2.00 that have a JPEG beside them: 3,000 bytes, JPEG 3,100" in summary(rows)


def look(picture: str, codec: str, psnr_db: float | None) -> dict:
    features = features_to_text(np.zeros((0, FEATURES), np.float16))
    content = {"rate": 0.3, "num_bytes": 100, "bpp": 0.3, "psnr_db": psnr_db, "blotches": None, "features": features}
    return {"picture": picture, "codec": codec, "settings": {"features": REVISION}, "looks": [content]}


def test_looks_are_compared_on_the_same_pictures() -> None:
    rows = [look(picture, "original", None) for picture in "abcd"]
    rows += [look(picture, "diffc", psnr) for picture, psnr in zip("abcd", (40.0, 40.0, 20.0, 20.0), strict=True)]
    rows += [look(picture, "webp", 35.0) for picture in "ab"]
    rows += [look("a", "jpeg", 39.0)]
    text = summary(rows)
    assert [row[:4] for row in cells(text, "diffc")] == [["diffc", "2", "0.300", "40.00"]]
    assert [row[:4] for row in cells(text, "webp")] == [["webp", "2", "0.300", "35.00"]]
    assert cells(text, "jpeg") == []
    assert "left out, with so small a file of less than half of the pictures: jpeg (1 picture)" in text
    assert "2 pictures left out of which not all of these have one" in text


def test_looks_of_lossless_files_are_counted() -> None:
    rows = [look("a", "webp", None), look("b", "webp", 30.0), look("a", "jpeg", 50.0), look("b", "jpeg", 20.0)]
    text = summary(rows)
    assert cells(text, "webp")[0][:4] == ["webp", "2", "0.300", "30.00"]
    assert cells(text, "jpeg")[0][:4] == ["jpeg", "2", "0.300", "20.00"], "of the same picture"
    assert "1 picture with a lossless file left out of PSNR" in text
