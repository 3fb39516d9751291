"""CVVDP: how much two pictures differ to a model of an eye that looks at them on a display.

Source: Mantiuk, Hanji, Ashraf, Asano, Chapiro 2024, "ColorVideoVDP: A visual difference predictor for image, video and
display distortions" (doi.org/10.1145/3658144), computed by its authors' package `cvvdp`. In units of just objectionable
differences: 10 for equal pictures, and one less where three people of four would prefer the original. The display is
the package's `standard_4k`: 30 inches, seen from 0.75 m, 200 cd/m2.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from functools import cache
from typing import Any

import torch

from diffdemo.images import Pixels

DISPLAY = "standard_4k"
SMALLEST_SIDE = 16
"""Below, there is hardly a band to compare in."""
HOW_TO_GET = ("pip install cvvdp",)

_log = logging.getLogger(__name__)
_lock = threading.Lock()


def cvvdp(original: Pixels, picture: Pixels) -> float | None:
    """Quality of a picture beside its original, both uint8 [H,W,3] of one size.

    Returns:
        None below 16 pixels a side, and where the package is not here or cannot be loaded; see `missing`.
    """
    if min(original.shape[:2]) < SMALLEST_SIDE or missing():
        return None
    with _lock:  # It keeps the pyramid of the size that it saw last.
        quality, _ = _model().predict(picture, original, dim_order="HWC")
    return float(quality)


def missing() -> str:
    """Why it cannot be measured here, in a sentence; "" if it can."""
    if importlib.util.find_spec("pycvvdp") is None:
        return "The package cvvdp is not installed."
    with _lock:
        model = _model()
    return model if isinstance(model, str) else ""


@cache
def _model() -> Any:
    """The metric for that display, loaded once in a process; in its stead the reason why there is none."""
    try:
        import pycvvdp

        return pycvvdp.cvvdp(display_name=DISPLAY, quiet=True, device=torch.device("cpu"))
    except Exception as error:  # Of the packages that it imports: some have compiled parts that do not fit.
        _log.warning("cvvdp cannot be loaded", exc_info=True)
        return f"The package cvvdp cannot be loaded: {' '.join(str(error).split())}."
