"""The engine and the records that leave it: all that a user interface needs to know."""

from diffdemo.codecs.base import Decoder, Preset
from diffdemo.engine.engine import Engine
from diffdemo.engine.records import (
    Classical,
    CodecInfo,
    CurvePoint,
    Encoding,
    Example,
    FileInfo,
    Frame,
    ModelInfo,
    Samples,
    Step,
)

__all__ = [
    "Classical",
    "CodecInfo",
    "CurvePoint",
    "Decoder",
    "Encoding",
    "Engine",
    "Example",
    "FileInfo",
    "Frame",
    "ModelInfo",
    "Preset",
    "Samples",
    "Step",
]
