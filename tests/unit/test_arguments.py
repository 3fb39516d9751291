"""Numbers that callers give: which are taken, and what is said of the others."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from diffdemo.codecs.records import Target
from diffdemo.engine import Engine
from diffdemo.engine.arguments import MAX_BYTES, require_finite, require_text, require_whole, target_of
from diffdemo.errors import RateError
from diffdemo.images import Pixels

WRONG = [math.nan, 0, -1, math.inf, -math.inf, True, False, "1", None.__class__, [1], 1j, np.bool_(True), np.nan]


def target(height: int = 100, width: int = 100, **limits: object) -> Target:
    return target_of(
        np.zeros((height, width, 3), np.uint8), **({"num_bytes": None, "bpp": None, "psnr_db": None} | limits)
    )


@pytest.mark.parametrize("name", ["num_bytes", "bpp", "psnr_db"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_target_that_is_no_number_is_named(name: str, value: object) -> None:
    with pytest.raises(RateError, match=f"^{name} is .*; it must be a positive (whole )?number"):
        target(**{name: value})


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"num_bytes": 10**12},
            "num_bytes is 1,000,000,000,000; it must be a positive whole number of at most 8,388,608.",
        ),
        ({"num_bytes": 10**5000}, "num_bytes is a very large number; it must be"),
        ({"num_bytes": 1.5}, "num_bytes is 1.5; it must be a positive whole number"),
        ({"bpp": 900}, "bpp is 900; it must be a positive number of at most 24."),
        ({"bpp": 24.001}, "bpp is 24.001; it must be a positive number of at most 24."),
        ({"psnr_db": -3.0}, "psnr_db is -3.0; it must be a positive number."),
        ({"psnr_db": "a" * 100}, "psnr_db is 'aaa"),
        ({"bpp": "a\nb"}, "bpp is 'a\\nb'; "),
    ],
)
def test_what_is_said(limits: dict[str, object], message: str) -> None:
    with pytest.raises(RateError) as raised:
        target(**limits)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 120


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, Target(1250)),
        ({"bpp": 0.5}, Target(625)),
        ({"bpp": np.float32(0.5)}, Target(625)),
        ({"bpp": Fraction(1, 2)}, Target(625)),
        ({"bpp": 24}, Target(30_000)),
        ({"num_bytes": 7}, Target(7)),
        ({"num_bytes": np.int64(700)}, Target(700)),
        ({"num_bytes": 700.0}, Target(700)),
        ({"num_bytes": MAX_BYTES}, Target(MAX_BYTES)),
        ({"psnr_db": 30}, Target(None, 30.0)),
        ({"num_bytes": 700, "bpp": 0.5, "psnr_db": 30}, Target(625, 30.0)),
        ({"num_bytes": 600, "bpp": 0.5}, Target(600)),
    ],
)
def test_targets(limits: dict[str, object], expected: Target) -> None:
    assert target(**limits) == expected


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (1, 16), (8, 8)])
@pytest.mark.parametrize("bpp", [None, 1.0, 1e-6])
def test_a_rate_leaves_room_for_the_smallest_file(height: int, width: int, bpp: float | None) -> None:
    assert target(height, width, bpp=bpp) == Target(64)


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 1), (8, 8), (16, 16)])
def test_a_tiny_picture_can_be_encoded_at_any_rate(codec: str, shape: tuple[int, int], engine: Engine) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3)).astype(np.uint8)
    for bpp in (0.01, 1.0, 24.0):
        *_, last = engine.encode(pixels, codec=codec, bpp=bpp, preset="fast")
        assert len(last.data) <= max(64, bpp * shape[0] * shape[1] / 8)
        assert last.frame.pixels.shape == pixels.shape


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_the_least_that_is_named_is_enough(codec: str, gradient: Pixels, engine: Engine) -> None:
    pixels = gradient[:2, :2].copy()
    with pytest.raises(RateError) as raised:
        list(engine.encode(pixels, codec=codec, num_bytes=1))
    least = int(str(raised.value).split("at least ")[1].split()[0])
    *_, last = engine.encode(pixels, codec=codec, num_bytes=least)
    assert len(last.data) <= least


@pytest.mark.parametrize("value", [0, -1, 0.5, np.float64(0.25)])
def test_finite_numbers(value: float) -> None:
    assert require_finite("eta", value) == value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, True, "0", None, 1j, 1 << 20_000],
    ids=lambda value: str(value)[:9] if value != 1 << 20_000 else "huge",
)
def test_what_is_no_finite_number(value: object) -> None:
    with pytest.raises(RateError, match=r"^eta is .*; it must be a number\.$"):
        require_finite("eta", value)


def test_whole_numbers_without_an_upper_bound() -> None:
    assert require_whole("num_bytes", 10**30, 0, None) == 10**30
    with pytest.raises(RateError, match=r"^num_bytes is -1; it must be a whole number of at least 0\.$"):
        require_whole("num_bytes", -1, 0, None)


def test_texts() -> None:
    assert require_text("prompt", "ü") == "ü"
    with pytest.raises(RateError, match=r"^prompt is 5; it must be a text\.$"):
        require_text("prompt", 5)
