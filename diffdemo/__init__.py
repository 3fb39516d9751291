"""Image compression with diffusion models.

    import diffdemo

    data = diffdemo.encode("photo.jpg", bpp=0.5)
    for frame in diffdemo.decode(data):
        ...  # frame.pixels, coarse to fine

`codec="cdc"` takes another codec: content in bits, texture from the decoder. docs/codecs.md compares them all.

Names are imported when they are first used, so that `import diffdemo` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from diffdemo.errors import (
    BitstreamError,
    Cancelled,
    CorruptBitstream,
    DiffDemoError,
    DownloadError,
    ImageError,
    MemoryBudgetError,
    ModelMismatch,
    RateError,
    TruncatedBitstream,
    UnsupportedBitstream,
    WeightsError,
    WorkLimitError,
)

if TYPE_CHECKING:
    from diffdemo.api import decode, encode
    from diffdemo.engine import Engine

__version__ = "0.12.0"

__all__ = [
    "BitstreamError",
    "Cancelled",
    "CorruptBitstream",
    "DiffDemoError",
    "DownloadError",
    "Engine",
    "ImageError",
    "MemoryBudgetError",
    "ModelMismatch",
    "RateError",
    "TruncatedBitstream",
    "UnsupportedBitstream",
    "WeightsError",
    "WorkLimitError",
    "__version__",
    "decode",
    "encode",
]

_HOMES = {"Engine": "diffdemo.engine", "decode": "diffdemo.api", "encode": "diffdemo.api"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
