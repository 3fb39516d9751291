"""Where the files lie that come with diffdemo: weights, examples, published curves, and what the page is made of."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSIDE = _PACKAGE / "assets"
ASSETS = _INSIDE if _INSIDE.is_dir() else _PACKAGE.parent / "assets"
"""Inside the package where it has been installed, beside it in a checkout."""
