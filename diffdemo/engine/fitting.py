"""A picture as a model takes it: some know one size only."""

from __future__ import annotations

import numpy as np
from PIL import Image

from diffdemo.engine.records import Fitted
from diffdemo.images import Pixels, fit_pixels, require_pixels
from diffdemo.models.spec import Kind, ModelSpec

LATENT_AREA = 1.5
"""Largest picture for a latent model, in squares of its native side: 768x512 for one that was trained on 512x512."""


def fit_picture(pixels: Pixels, spec: ModelSpec) -> Fitted:
    """Cut and scale a picture to what a model knows; one that has been fitted before stays as it is.

    Args:
        pixels: uint8 [H,W,3].
        spec: the model.

    Raises:
        ImageError: if it is no picture.
    """
    require_pixels(pixels)
    height, width = pixels.shape[:2]
    if spec.native is None:
        return Fitted(pixels, "")
    if spec.kind is Kind.LATENT:
        fitted = fit_pixels(pixels, int(LATENT_AREA * spec.native**2))
    else:
        fitted = _square(pixels, spec.native)
    new_height, new_width = fitted.shape[:2]
    if (new_height, new_width) == (height, width):
        return Fitted(pixels, "")
    done = "Scaled" if spec.kind is Kind.LATENT or height == width else "Cut and scaled"
    limit = "the most that" if spec.kind is Kind.LATENT else "the size that"
    return Fitted(
        fitted, f"{done} from {width} x {height} to {new_width} x {new_height} pixels, {limit} {spec.label} knows."
    )


def _square(pixels: Pixels, side: int) -> Pixels:
    """The middle of a picture, as large a square as it holds, at `side` by `side` pixels."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = pixels[top : top + edge, left : left + edge]
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS))
