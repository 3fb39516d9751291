"""How good a model's autoencoder lets a picture become: the top of its curve, found once for a picture."""

from __future__ import annotations

from diffdemo.engine import Engine
from diffdemo.images import Pixels
from diffdemo.ui.errors import unasked
from diffdemo.ui.per_picture import PerPicture

_MAX_PICTURES = 32


class Ceilings:
    """PSNR of pictures after the autoencoder alone, by model."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: PerPicture[dict[str, float | None]] = PerPicture(_MAX_PICTURES)

    def find(self, png: bytes, pixels: Pixels, model: str) -> float | None:
        """Compute it, which takes seconds, or remember it; None for models without an autoencoder."""
        found = self._found.of(png, dict)
        if model not in found:
            found[model] = None
            with unasked("a ceiling"):
                found[model] = self._engine.ceiling(pixels, model)
        return found[model]

    def known(self, png: bytes, model: str) -> float | None:
        """What has been found so far."""
        return (self._found.known(png) or {}).get(model)
