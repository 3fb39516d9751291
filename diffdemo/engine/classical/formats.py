"""How Pillow is asked for each classical codec, and which of them it knows here.

To add one, enter it in `FORMATS`; nothing else names classical codecs.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from PIL import features

QUALITIES = (1, 5, 12, 21, 32, 45, 58, 70, 80, 89, 95)
"""Nearly even in log bytes; beyond 95 the codecs spend bytes on differences that nobody sees."""
RAW_BPP = 24
OCTAVE = 100
"""Settings of JPEG 2000 for twice the rate: steps of 0.7 %, so that hardly a byte stays unused."""
OCTAVES = 10
_TOP = OCTAVE * OCTAVES


@dataclass(frozen=True, slots=True)
class Format:
    """A codec as Pillow writes it and as people meet it.

    Attributes:
        label: what people call it.
        colour: of its curve. Those that are drawn are from Okabe and Ito's palette, which stays apart for every kind of
            colour vision.
        pillow: its name there.
        suffix: of its files, without the dot.
        stretches: lowest and highest setting, the best ones first. Within a stretch files grow with the setting.
        sweep: settings for a curve.
        options: setting to arguments of `Image.save`.
        setting_of: a rate in bits per pixel to the setting that will about give it; None where nobody knows.
        max_side: the longest side in pixels that can be written and read again, where it is known beforehand.
        is_here: whether it can be written on this computer.
        is_drawn: whether its curve is drawn and shipped: that of what every browser shows and every Pillow writes.
        is_measured: whether our own measurements are compared with it, as with all in which people keep their pictures.
    """

    label: str
    colour: str
    pillow: str
    suffix: str
    stretches: tuple[tuple[int, int], ...]
    sweep: tuple[int, ...] = QUALITIES
    options: Callable[[int], dict[str, Any]] = lambda quality: {"quality": quality}
    setting_of: Callable[[float], int | None] = lambda bpp: None
    max_side: int | None = None
    is_here: Callable[[], bool] = lambda: True
    is_drawn: bool = False
    is_measured: bool = False

    @property
    def settings(self) -> list[int]:
        """All that there are, ascending."""
        return sorted(setting for low, high in self.stretches for setting in range(low, high + 1))


def _jpeg_2000(setting: int) -> dict[str, Any]:
    """Ask for a rate: `_TOP` is that of raw pixels, `OCTAVE` less is half of it.

    Colour transform and the lossy wavelet have to be asked for as well; without them Pillow's files are twice as large.
    """
    ratio = 2 ** ((_TOP - setting) / OCTAVE)
    return {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True, "mct": 1}


def _jpeg_2000_setting(bpp: float) -> int:
    """The inverse: OpenJPEG keeps to the rate within a percent, but for headers of tiny pictures."""
    return min(_TOP, max(0, round(_TOP - OCTAVE * math.log2(RAW_BPP / bpp))))


def _heic_quality(bpp: float) -> int:
    """About right for photographs, whose files double every 15 qualities; spares the search the slowest encodes."""
    return min(100, max(0, round(49 + 15 * math.log2(bpp))))


def _jpeg_xl(quality: int) -> dict[str, Any]:
    """The plugin refuses 100, which stands for lossless."""
    return {"lossless": True} if quality == 100 else {"quality": quality}


def _has(feature: str) -> bool:
    """Whether Pillow was built with a library."""
    return bool(features.check(feature))


@cache
def _has_heic() -> bool:
    """Whether pillow-heif is here and can encode; Pillow knows the format from then on."""
    try:
        pillow_heif = importlib.import_module("pillow_heif")
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return bool(pillow_heif.libheif_info().get("HEIF"))


@cache
def _has_jpeg_xl() -> bool:
    """Whether the plugin is here. To import it is what makes Pillow know the format."""
    try:
        importlib.import_module("pillow_jxl")
    except ImportError:
        return False
    return True


FORMATS = {
    "jpeg": Format("JPEG", "#E69F00", "JPEG", "jpg", ((1, 100),), max_side=65_500, is_drawn=True, is_measured=True),
    "jpeg2000": Format(
        "JPEG 2000",
        "#D55E00",
        "JPEG2000",
        "jp2",
        ((0, _TOP),),
        tuple(range(200, 801, 60)),
        _jpeg_2000,
        _jpeg_2000_setting,
        is_here=partial(_has, "jpg_2000"),
    ),
    "webp": Format(
        "WebP",
        "#009E73",
        "WEBP",
        "webp",
        ((0, 100),),
        max_side=16_383,
        is_here=partial(_has, "webp"),
        is_drawn=True,
        is_measured=True,
    ),
    # Qualities come in pairs that give the same file. From 80 on, only the halved chroma is still in the way.
    "heic": Format(
        "HEIC",
        "#7A5195",
        "HEIF",
        "heic",
        ((0, 100),),
        (0, 9, 18, 27, 36, 45, 54, 63, 72, 82, 95),
        setting_of=_heic_quality,
        is_here=_has_heic,
        is_measured=True,
    ),
    "avif": Format(
        "AVIF",
        "#CC79A7",
        "AVIF",
        "avif",
        ((0, 100),),
        max_side=32_768,
        is_here=partial(_has, "avif"),
        is_drawn=True,
        is_measured=True,
    ),
    # Below 19 libjxl codes the picture at half its size, which looks worse and is larger than 19 is.
    "jxl": Format(
        "JPEG XL",
        "#8A6D00",
        "JXL",
        "jxl",
        ((19, 100), (0, 18)),
        (0, 8, 19, 30, 42, 55, 66, 76, 84, 91, 96),
        _jpeg_xl,
        is_here=_has_jpeg_xl,
    ),
}
"""By our names, in the order in which they were invented."""


def available() -> tuple[str, ...]:
    """Names of the codecs that can be written here, in the order in which they were invented.

    JPEG 2000 needs a Pillow with OpenJPEG, AVIF one with libavif, HEIC the package pillow-heif with an encoder (x265 in
    its wheels), JPEG XL the package pillow-jxl-plugin.
    """
    return tuple(name for name, each in FORMATS.items() if each.is_here())


def drawn() -> tuple[str, ...]:
    """Names of the codecs whose curves are drawn and shipped, whether or not they can be written here."""
    return tuple(name for name, each in FORMATS.items() if each.is_drawn)


def measured() -> tuple[str, ...]:
    """Names of the codecs that our own measurements are compared with, whether or not they can be written here."""
    return tuple(name for name, each in FORMATS.items() if each.is_measured)
