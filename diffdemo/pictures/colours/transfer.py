"""Transfer functions: what the numbers in a file mean as light.

All take and give float32 arrays of any shape. Signals are 0..1. Light is relative to the display's white where nothing
else is said, and may exceed 1 for high dynamic range.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

PQ = 16
HLG = 18
"""Transfer characteristics of ITU-T H.273, table 3, that have a high dynamic range."""
REFERENCE_WHITE = 203.0
"""Brightness of a white page in pictures of high dynamic range, in cd/m2 (ITU-R BT.2408)."""
_HLG_PEAK = 1000.0
_KNEE = 0.85


def srgb_to_light(signal: Values) -> Values:
    """IEC 61966-2-1."""
    curve = ((np.maximum(signal, 0.0) + 0.055) / 1.055) ** 2.4
    return np.where(signal <= 0.04045, signal / 12.92, curve).astype(np.float32)


def light_to_srgb(light: Values) -> Values:
    """IEC 61966-2-1, the inverse of `srgb_to_light`."""
    curve = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, curve).astype(np.float32)


def bt709_to_light(signal: Values) -> Values:
    """Inverse of the camera curve of ITU-R BT.709, which BT.601 and BT.2020 share."""
    alpha, beta = 1.09929682680944, 0.018053968510807
    curve = ((np.maximum(signal, 0.0) + alpha - 1) / alpha) ** (1 / 0.45)
    return np.where(signal < 4.5 * beta, signal / 4.5, curve).astype(np.float32)


def power_to_light(signal: Values, exponent: float) -> Values:
    """A pure power: light is the signal to the `exponent`."""
    return (np.maximum(signal, 0.0) ** exponent).astype(np.float32)


def pq_to_nits(signal: Values) -> Values:
    """SMPTE ST 2084 (PQ): signal to the brightness of the display, in cd/m2, 0 to 10,000."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = np.maximum(signal, 0.0).astype(np.float64) ** (1 / m2)
    return (10_000 * (np.maximum(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1)).astype(np.float32)


def hlg_to_scene(signal: Values) -> Values:
    """ARIB STD-B67 (HLG, also ITU-R BT.2100): signal to the light of the scene, 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = (np.exp((signal - c) / a) + b) / 12
    return np.where(signal <= 0.5, signal * signal / 3, bright).astype(np.float32)


def hlg_to_nits(scene: Values, luminance: Values) -> Values:
    """Scene light to the brightness of a display with a peak of 1000 cd/m2 (ITU-R BT.2100, system gamma 1.2).

    Args:
        scene: [..., 3], linear light of the scene, 0..1.
        luminance: [3], shares of red, green and blue in the luminance.
    """
    brightness = np.maximum(scene @ luminance, 1e-6)
    return (_HLG_PEAK * brightness[..., None] ** 0.2 * scene).astype(np.float32)


def roll_off(light: Values) -> Values:
    """Bring highlights into the ordinary range: what lies above the knee approaches 1, what lies below stays.

    Args:
        light: [..., 3], 1 is reference white. All three channels are scaled alike by their largest, so that hues stay.
    """
    top = light.max(axis=-1, keepdims=True)
    rolled = _KNEE + (1 - _KNEE) * -np.expm1(-(np.maximum(top, _KNEE) - _KNEE) / (1 - _KNEE))
    return np.where(top > _KNEE, light * (rolled / np.maximum(top, _KNEE)), light).astype(np.float32)


CURVES: dict[int, Callable[[Values], Values]] = {
    1: bt709_to_light,
    4: lambda signal: power_to_light(signal, 2.2),  # ITU-R BT.470 System M
    5: lambda signal: power_to_light(signal, 2.8),  # ITU-R BT.470 System B, G
    6: bt709_to_light,  # SMPTE ST 170
    8: lambda signal: signal,  # linear
    13: srgb_to_light,
    14: bt709_to_light,  # ITU-R BT.2020, 10 bits
    15: bt709_to_light,  # ITU-R BT.2020, 12 bits
    PQ: pq_to_nits,
    HLG: hlg_to_scene,
}
"""Transfer characteristics of ITU-T H.273, table 3, by their number."""
