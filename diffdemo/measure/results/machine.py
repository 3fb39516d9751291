"""On what something was measured."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

import torch

from diffdemo.engine.hardware.device import choose_device


@functools.cache
def hardware() -> str:
    """The GPU that networks run on, or where there is none the processor, by name."""
    device = choose_device("auto")
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


def _processor() -> str:
    """Its name where the system says it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
