"""Numbers as people read them."""

from __future__ import annotations

import pytest

from diffdemo.plain_text import aligned, duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (3.2, "4 s"),
        (8.2, "9 s"),
        (99, "99 s"),
        (100, "2 min"),
        (240, "4 min"),
        (3_540, "59 min"),
        (7_260, "2 h 1 min"),
        (30_000, "8 h 20 min"),
    ],
)
def test_an_estimated_duration_is_rounded_up(seconds: float, text: str) -> None:
    assert duration(seconds, at_most=True) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.21, "3.2 s"), (42.4, "42 s"), (300, "5 min"), (4_500, "1 h 15 min")])
def test_a_measured_duration_is_rounded_to_the_nearest(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes() -> None:
    assert [size(n) for n in (0, 7_823_736, 999_900_000, 6_940_000_000)] == ["0.0 MB", "7.8 MB", "999.9 MB", "6.9 GB"]


def test_columns_of_a_table_are_as_wide_as_their_widest_cell() -> None:
    rows = [("name", "bytes", ""), ("a", "1,234,567", "missing"), ("long name", "8", "")]
    assert list(aligned(rows, left=(0, 2))) == [
        "name           bytes",
        "a          1,234,567  missing",
        "long name          8",
    ]
