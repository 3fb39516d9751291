"""Which red, green and blue a file means, as matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]


class Primaries(NamedTuple):
    """Chromaticities x, y (CIE 1931) of the three colours and of white."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
BT709 = Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
"""Of sRGB as well."""
BY_NUMBER = {
    1: BT709,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),  # ITU-R BT.470 System M
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),  # ITU-R BT.470 System B, G
    6: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE ST 170
    7: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE ST 240
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # ITU-R BT.2020, BT.2100
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # SMPTE RP 431-2 (DCI-P3)
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # SMPTE EG 432-1 (Display P3)
}
"""Colour primaries of ITU-T H.273, table 2, by their number."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""XYZ to the response of the eye's cones (Bradford, as ICC.1 uses it)."""


def to_xyz(primaries: Primaries) -> Matrix:
    """[3,3]: linear RGB to CIE XYZ, white having Y = 1 (SMPTE RP 177).

    Raises:
        ValueError: if the chromaticities span no triangle, or white has none.
    """
    if any(y <= 0 for _, y in primaries):
        raise ValueError("a chromaticity y is not above zero")
    columns = np.array([_xyz(point) for point in primaries[:3]]).T
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("the primaries span no triangle")
    scales = np.linalg.solve(columns, _xyz(primaries.white))
    if scales.min() <= 0:
        raise ValueError("white lies outside of the primaries")
    return columns * scales


def to_srgb(primaries: Primaries) -> Matrix:
    """[3,3]: linear RGB of these primaries to linear sRGB; white stays white (Bradford adaptation).

    Raises:
        ValueError: if the chromaticities are impossible.
    """
    matrix = to_xyz(primaries)
    return np.linalg.solve(to_xyz(BT709), adaptation(primaries.white, BT709.white) @ matrix)


def adaptation(source: tuple[float, float], target: tuple[float, float]) -> Matrix:
    """[3,3]: XYZ seen under one white to XYZ that looks alike under another."""
    before, after = _BRADFORD @ _xyz(source), _BRADFORD @ _xyz(target)
    return np.linalg.solve(_BRADFORD, np.diag(after / before) @ _BRADFORD)


def _xyz(point: tuple[float, float]) -> Matrix:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])
