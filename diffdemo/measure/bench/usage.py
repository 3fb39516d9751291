"""What a measurement has used of the machine."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path


def peak_mebibytes() -> float:
    """The most memory that this process has held, since it began or since `forget_peak`."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return kibibytes / 1024


def forget_peak() -> None:
    """Let the peak begin anew, where the system can (Linux), so that it is not that of what ran before."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
