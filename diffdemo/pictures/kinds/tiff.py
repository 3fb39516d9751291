"""TIFF (TIFF 6.0, BigTIFF): by Pillow where it is exact, else by tifffile, which knows numbers of every type."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.pictures.colours.colour import by_profile
from diffdemo.pictures.compose import FIRST_ONLY, FROM_16_BITS, FROM_CMYK, TURNED, on_white
from diffdemo.pictures.kinds.tiff_tags import needed_codes, pixels_only
from diffdemo.pictures.limits import Order
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster, row_ranges
from diffdemo.pictures.values import Numbers, Scale, scale_of

MIN_IS_WHITE, MIN_IS_BLACK, RGB, CMYK, YCBCR = 0, 1, 2, 5, 6
"""Values of the tag PhotometricInterpretation that numbers of any type are read for."""
_CHANNELS = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, CMYK: 4, YCBCR: 3}
_UNPACKED_BY_ITSELF = {1, 8, 32773, 32946, 34925}
"""Compressions that tifffile undoes without imagecodecs: none, Deflate, PackBits, and LZMA."""
_ASSOCIATED, _UNASSOCIATED = 1, 2
_ORIENTATION, _MAX_SAMPLE_VALUE, _EXTRA_SAMPLES = 274, 281, 338

# tifffile logs what it finds odd in a file; it is for whoever asked for logs, not for the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Layout:
    """What the tags of a TIFF file's first picture say.

    Attributes:
        orientation: which way is up, as in EXIF.
        alpha: number of the channel that is alpha, or None.
        is_multiplied: whether the colours have been multiplied with alpha.
        named_top: the largest value that there may be, if a tag says so.
        is_first: whether there are more pictures behind it.
    """

    page: tifffile.TiffPage
    photometric: int
    orientation: int
    alpha: int | None
    is_multiplied: bool
    named_top: float | None
    is_first: bool

    @property
    def is_plain(self) -> bool:
        """Whether its values are unsigned and have at most 8 bits, which Pillow reads exactly (but for raw YCbCr)."""
        if self.photometric == YCBCR and self.page.compression == 1:
            return False
        return self.page.bitspersample <= 8 and (self.page.dtype is None or self.page.dtype.kind in "bu")


def read_tiff(data: bytes, order: Order) -> Raster:
    """Open a TIFF file; its pixels are unpacked when the strips are taken.

    Raises:
        ImageError: if it has too many pixels, or a kind of compression or values that cannot be read here.
        ValueError: if it is damaged.
    """
    layout = _layout(data)
    page = layout.page
    order.admit(page.imagewidth, page.imagelength)
    notes = [FIRST_ONLY] if layout.is_first else []
    opened = _by_pillow(data) if layout.is_plain else None
    if opened is None and _why_not(layout) is None:
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > len(data):
            raise ValueError("its pixels end early")
        return _by_numbers(layout, order, notes)
    if opened is None and _is_nearly_exact(layout):
        opened = _by_pillow(data)
    if opened is None:
        raise ImageError(
            f"{order.name} is a TIFF picture with {_why_not(layout)}, which cannot be read here. Please save it "
            "without compression, with 8 or 16 bits a channel, or install imagecodecs (`pip install imagecodecs`)."
        )
    order.admit(*opened.size)
    if page.bitspersample == 16 and opened.mode in ("RGB", "RGBA", "CMYK"):
        notes.append(FROM_16_BITS)
    profile = page.iccprofile
    return raster_of(opened, notes, orientation=layout.orientation, profile=profile)


def _layout(data: bytes) -> Layout:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise ValueError("there is no picture in it")
        if missing := needed_codes(data) - {tag.code for tag in page.tags}:
            raise ValueError(f"the value of its tag {min(missing)} is not there")
        is_first = False
        with contextlib.suppress(Exception):  # A second picture that cannot be read is none.
            is_first = file.pages[1] is not None
        extra = _numbers_of(page, _EXTRA_SAMPLES)
        channels = _CHANNELS.get(int(page.photometric), 3)
        kind = next((value for value in extra[:1] if value in (_ASSOCIATED, _UNASSOCIATED)), None)
        orientation = next(iter(_numbers_of(page, _ORIENTATION)), 1)
        tops = _numbers_of(page, _MAX_SAMPLE_VALUE)
        return Layout(
            page,
            int(page.photometric),
            int(orientation) if orientation in range(1, 9) else 1,
            None if kind is None else channels,
            kind == _ASSOCIATED,
            float(max(tops)) if tops else None,
            is_first,
        )


def _numbers_of(page: tifffile.TiffPage, code: int) -> tuple[int, ...]:
    """Values of a tag; none if it is missing or holds something else."""
    tag = page.tags.get(code)
    value: Any = None
    with contextlib.suppress(Exception):  # Values are read when they are asked for, broken or not.
        value = tag.value if tag else None
    values = value if isinstance(value, tuple) else (value,)
    return tuple(int(number) for number in values if isinstance(number, int))


def _why_not(layout: Layout) -> str | None:
    """What keeps tifffile from reading the numbers, in words; None if nothing does."""
    page = layout.page
    if page.dtype is None or page.dtype.kind not in "biuf":
        return f"values of a rare type ({page.bitspersample} bits)"
    if layout.photometric not in _CHANNELS:
        return f"a rare kind of colours ({getattr(page.photometric, 'name', page.photometric)})"
    if layout.photometric == YCBCR and (page.dtype != np.uint8 or page.subsampling != (1, 1)):
        return "a rare kind of colours (YCBCR with fewer values for colour than for brightness)"
    if importlib.util.find_spec("imagecodecs"):
        return None
    if page.compression not in _UNPACKED_BY_ITSELF:
        return f"{getattr(page.compression, 'name', page.compression)} compression"
    if page.predictor not in (1, 2):
        return "a predictor for floating-point numbers"
    if page.bitspersample not in (1, 8, 16, 32, 64):
        return f"{page.bitspersample} bits a channel"
    return None


def _is_nearly_exact(layout: Layout) -> bool:
    """Whether Pillow reads numbers of this kind right, be it that it rounds 16 bits of colour down."""
    page = layout.page
    is_planar = page.planarconfig == 2 and page.samplesperpixel > 1
    kind = page.dtype.kind if page.dtype is not None else "u"
    known = {"u": (12, 16), "i": (16, 32), "f": (32,)}.get(kind, ())
    return page.bitspersample in known and not is_planar and layout.photometric != MIN_IS_WHITE


def _by_pillow(data: bytes) -> Image.Image | None:
    """The file as Pillow opens it, or None if it does not know what the values mean."""
    try:
        return TiffImagePlugin.TiffImageFile(io.BytesIO(pixels_only(data)))
    except (SyntaxError, KeyError):
        return None


def _by_numbers(layout: Layout, order: Order, notes: list[str]) -> Raster:
    page = layout.page
    samples = page.imagewidth * page.imagelength * page.imagedepth * page.samplesperpixel
    order.admit_whole(samples * ((page.bitspersample + 7) // 8), "its numbers are read at once")
    if layout.orientation != 1:
        notes.append(TURNED)
    return Raster(page.imagewidth, page.imagelength, _strips(layout, notes), notes, layout.orientation)


def _strips(layout: Layout, notes: list[str]) -> Iterator[Pixels]:
    numbers = _array(layout.page)
    channels = _CHANNELS[layout.photometric]
    if numbers.shape[2] < channels:
        raise ValueError(f"it has {numbers.shape[2]} of {channels} channels")
    has_alpha = layout.alpha is not None and layout.alpha < numbers.shape[2]
    if numbers.shape[2] > channels + has_alpha:
        notes.append(f"Only the first {channels + has_alpha} of its {numbers.shape[2]} channels are used.")
    scale = scale_of(numbers[..., :channels], layout.page.bitspersample, layout.named_top)
    if layout.page.bitspersample > 8 or layout.page.dtype != np.uint8:
        notes.append(scale.note)
    if layout.photometric == CMYK:
        notes.append(FROM_CMYK)
    alpha_scale = scale_of(numbers[..., channels : channels + 1]) if has_alpha else None
    strips = (
        _samples(numbers[first:last], layout, channels, scale, alpha_scale)
        for first, last in row_ranges(numbers.shape[1], numbers.shape[0])
    )
    convert = by_profile(layout.page.iccprofile, channels)
    yield from on_white(strips, notes, has_alpha=has_alpha, convert=convert)


def _array(page: tifffile.TiffPage) -> Numbers:
    """Its numbers as [H,W,C], whether the file has them pixel by pixel or plane by plane."""
    numbers = page.asarray().reshape(page.shaped)[:, 0]
    if numbers.dtype == np.bool_:
        numbers = numbers.view(np.uint8)
    return np.moveaxis(numbers[..., 0], 0, -1) if len(numbers) > 1 else numbers[0]


def _samples(
    numbers: Numbers, layout: Layout, channels: int, scale: Scale, alpha_scale: Scale | None
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Some rows as uint8, with alpha last and not multiplied into the colours."""
    colours = numbers[..., :channels]
    alpha = None if alpha_scale is None else alpha_scale.apply(numbers[..., channels : channels + 1])
    if layout.is_multiplied and alpha is not None:
        colours = colours.astype(np.float64) * 255 / np.maximum(alpha, 1)
    values = scale.apply(colours)
    if layout.photometric == MIN_IS_WHITE:
        values = 255 - values
    elif layout.photometric == YCBCR:
        values = np.asarray(Image.frombytes("YCbCr", values.shape[1::-1], values.tobytes()).convert("RGB"))
    return values if alpha is None else np.concatenate([values, alpha], axis=2)
