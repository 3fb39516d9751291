"""LPIPS between pictures of the page, where its weights are here: measured once for a pair."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

from diffdemo.metrics.distortion import MS_SSIM_SMALLEST_SIDE
from diffdemo.metrics.lpips import lpips, missing
from diffdemo.pictures import load_picture

_MOST = 1024
_found: OrderedDict[bytes, float | None] = OrderedDict()
_lock = Lock()


def likeness(original: bytes, png: bytes) -> float | None:
    """LPIPS of two PNG files; None if one is empty or it cannot be measured."""
    if not original or not png or missing():
        return None
    key = hashlib.sha256(original).digest() + hashlib.sha256(png).digest()
    if key not in _found:
        found = lpips(load_picture(original).pixels, load_picture(png).pixels)
        with _lock:
            _found[key] = found
            while len(_found) > _MOST:
                _found.popitem(last=False)
    return _found.get(key)


def is_settled(ms_ssim: float | None, height: int, width: int) -> bool:
    """Whether a picture is worth the time: like MS-SSIM, LPIPS is for those that stay, and not for those on the way."""
    return ms_ssim is not None or min(height, width) < MS_SSIM_SMALLEST_SIDE
