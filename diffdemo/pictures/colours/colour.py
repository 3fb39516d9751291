"""Colours as a file has them to sRGB, 8 bits: by an ICC profile, by numbers of ITU-T H.273, or as they are.

Everything here works on samples: uint8 or uint16 [rows, width, channels] over their full range, without alpha.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from diffdemo.images import Pixels
from diffdemo.pictures.colours.primaries import BT709, BY_NUMBER, Primaries, to_srgb, to_xyz
from diffdemo.pictures.colours.transfer import (
    CURVES,
    HLG,
    PQ,
    REFERENCE_WHITE,
    Values,
    hlg_to_nits,
    light_to_srgb,
    roll_off,
)

Samples = NDArray[np.unsignedinteger[Any]]
Conversion = Callable[[Samples], Pixels]
"""Samples [n,W,1], [n,W,3] or [n,W,4] (grey, RGB, CMYK) to sRGB, uint8 [n,W,3]."""

MAX_PROFILE_BYTES = 16 << 20
HDR_NOTE = "Brought from high dynamic range into the ordinary one; highlights are rolled off."
_SPACES = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def to_8_bits(samples: Samples) -> NDArray[np.uint8]:
    """Round 16 bits to 8; 8 bits stay as they are."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def as_srgb(samples: Samples) -> Pixels:
    """Take the numbers for sRGB: grey becomes three equal channels, CMYK is mixed without a profile."""
    values = to_8_bits(samples)
    if values.shape[2] == 4:
        return np.asarray(_image(values).convert("RGB"))
    return np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values


def by_profile(profile: bytes | None, channels: int, grey_by_rgb: bool = True) -> Conversion | None:
    """A conversion by an ICC profile; None if it is broken or for other channels, as viewers ignore it then.

    Args:
        channels: of the samples: 1, 3 or 4.
        grey_by_rgb: whether a profile for RGB may describe grey samples too. PNG forbids that.
    """
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return None
    described = _SPACES.get(profile[16:20], 0)
    if described != channels and not (grey_by_rgb and (channels, described) == (1, 3)):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), _MODES[described], "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

    def convert(samples: Samples) -> Pixels:
        values = to_8_bits(samples)
        if described == 3 and channels == 1:
            values = np.repeat(values, 3, axis=2)
        converted = ImageCms.applyTransform(_image(values), transform)
        return as_srgb(values) if converted is None else np.asarray(converted)

    return convert


def by_numbers(primaries: int, transfer: int, narrow: bool = False) -> Conversion | None:
    """A conversion by H.273's numbers, `narrow` from 16 to 235; None where they mean nothing, or plain sRGB."""
    if primaries not in BY_NUMBER or transfer not in CURVES or (primaries, transfer, narrow) == (1, 13, False):
        return None
    return by_curve(CURVES[transfer], BY_NUMBER[primaries], narrow, transfer if is_hdr(transfer) else None)


def by_curve(
    curve: Callable[[Values], Values], primaries: Primaries = BT709, narrow: bool = False, range_: int | None = None
) -> Conversion:
    """A conversion by a transfer function and primaries.

    Args:
        curve: signal 0..1 to light; for `PQ` to cd/m2, for `HLG` to the light of the scene.
        primaries: that the light is in. Grey has none.
        narrow: whether the signal uses the narrow range.
        range_: `PQ` or `HLG` for a high dynamic range.

    Raises:
        ValueError: if the primaries are impossible.
    """
    matrix = to_srgb(primaries).T.astype(np.float32)
    luminance = to_xyz(primaries)[1].astype(np.float32)

    def convert(samples: Samples) -> Pixels:
        top = np.iinfo(samples.dtype).max
        signal = np.arange(top + 1, dtype=np.float32) / np.float32(top)
        if narrow:
            signal = np.clip((signal * 255 - 16) / 219, 0, 1)
        light = curve(signal.astype(np.float32))[samples]
        if light.shape[2] == 1 and range_ is not None:
            light = np.repeat(light, 3, axis=2)
        if range_ == HLG:
            light = hlg_to_nits(light, luminance)
        if range_ is not None:
            light = roll_off(light / np.float32(REFERENCE_WHITE))
        if light.shape[2] == 3:
            light = light @ matrix
        return as_srgb((light_to_srgb(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8))

    return convert


def is_hdr(transfer: int) -> bool:
    """Whether a number of the transfer characteristics stands for a high dynamic range."""
    return transfer in (PQ, HLG)


def same_as_srgb(primaries: Primaries) -> bool:
    """Whether primaries are those of sRGB, up to how files round them."""
    return bool(np.abs(np.subtract(primaries, BT709)).max() < 0.002)


def _image(values: NDArray[np.uint8]) -> Image.Image:
    """Samples of 8 bits as Pillow holds them."""
    plane = np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values)
    return Image.frombytes(_MODES[values.shape[2]], (values.shape[1], values.shape[0]), plane.tobytes())
