"""Differences as pictures: grey where there is none, light where the error is."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.errors import ImageError
from diffdemo.metrics.maps import COLOURS, DIFFERENCE_GAIN, FULL_ERROR, coloured, difference, error_map

GREY = np.full((40, 60, 3), 100, np.uint8)


def test_no_difference_is_grey_and_dark():
    assert (difference(GREY, GREY) == 128).all()
    assert (error_map(GREY, GREY) == COLOURS[0].astype(np.uint8)).all()


def test_a_difference_is_enlarged_with_its_sign():
    other = GREY.copy()
    other[3, 4] += 5
    other[5, 6] -= 100
    seen = difference(GREY, other)
    assert seen[3, 4].tolist() == [128 + 5 * DIFFERENCE_GAIN] * 3
    assert seen[5, 6].tolist() == [0, 0, 0]
    assert (seen[10:] == 128).all()


def test_an_error_is_light_where_it_is():
    other = GREY.copy()
    other[10:30, 20:40] += int(FULL_ERROR)
    seen = error_map(GREY, other)
    assert seen[20, 30].tolist() == COLOURS[-1].tolist()
    assert seen[35, 55].tolist() == COLOURS[0].tolist()


def test_colours_are_those_of_the_ramp_at_its_marks():
    marks = np.linspace(0, 1, len(COLOURS))[None]
    assert (coloured(marks)[0] == COLOURS).all()
    assert (coloured(np.array([[7.0]])) == COLOURS[-1]).all()


def test_pictures_of_other_sizes_are_not_compared():
    for compare in (difference, error_map):
        with pytest.raises(ImageError, match=r"60 x 40 and 60 x 39"):
            compare(GREY, GREY[1:])
