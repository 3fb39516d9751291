"""The engine and the records that leave it: all that a user interface needs to know."""

from diffdemo.codecs.records import Preset, Step
from diffdemo.codecs.rendering import DECODERS, KNOBS, Decoder, Knob, Knobs
from diffdemo.engine.engine import Engine
from diffdemo.engine.limits.work import Limits
from diffdemo.engine.records import (
    BitsMap,
    Classical,
    CodecInfo,
    Encoding,
    Example,
    FileInfo,
    Fitted,
    ForeignFile,
    Frame,
    ModelInfo,
    Samples,
)
from diffdemo.hub.records import CacheUsage, DownloadProgress
from diffdemo.metrics.points import CurvePoint

__all__ = [
    "DECODERS",
    "KNOBS",
    "BitsMap",
    "CacheUsage",
    "Classical",
    "CodecInfo",
    "CurvePoint",
    "Decoder",
    "DownloadProgress",
    "Encoding",
    "Engine",
    "Example",
    "FileInfo",
    "Fitted",
    "ForeignFile",
    "Frame",
    "Knob",
    "Knobs",
    "Limits",
    "ModelInfo",
    "Preset",
    "Samples",
    "Step",
]
