"""How good a model's autoencoder lets a picture become: the top of its curve, found once for a picture."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from threading import Lock

from diffdemo.engine import Engine
from diffdemo.images import Pixels

_MOST = 64
_log = logging.getLogger(__name__)


class Ceilings:
    """PSNR of pictures after the autoencoder alone, kept for a few of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: OrderedDict[tuple[bytes, str], float | None] = OrderedDict()
        self._lock = Lock()

    def find(self, png: bytes, pixels: Pixels, model: str) -> float | None:
        """Compute it, which takes seconds, or remember it; None for models without an autoencoder."""
        key = _key(png, model)
        if key not in self._found:
            ceiling = self._computed(pixels, model)
            with self._lock:
                self._found[key] = ceiling
                while len(self._found) > _MOST:
                    self._found.popitem(last=False)
        return self._found.get(key)

    def known(self, png: bytes, model: str) -> float | None:
        """What has been found so far."""
        return self._found.get(_key(png, model))

    def _computed(self, pixels: Pixels, model: str) -> float | None:
        """Nobody asked for this line in the plot, so nobody is told why it is not there."""
        try:
            return self._engine.ceiling(pixels, model)
        except Exception:
            _log.exception("a ceiling was not found")
            return None


def _key(png: bytes, model: str) -> tuple[bytes, str]:
    return hashlib.sha256(png).digest(), model
