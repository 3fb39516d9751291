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
from diffdemo.engine.scheduling.counts import Counts
from diffdemo.engine.scheduling.job import Asker, Rank
from diffdemo.engine.scheduling.line import Place, Underway
from diffdemo.engine.scheduling.scheduler import Running
from diffdemo.hub.records import CacheUsage, DownloadProgress
from diffdemo.metrics.points import CurvePoint

__all__ = [
    "DECODERS",
    "KNOBS",
    "Asker",
    "BitsMap",
    "CacheUsage",
    "Classical",
    "CodecInfo",
    "Counts",
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
    "Place",
    "Preset",
    "Rank",
    "Running",
    "Samples",
    "Step",
    "Underway",
]
