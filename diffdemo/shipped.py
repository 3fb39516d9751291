"""Where the files lie that come with diffdemo: weights, examples, published curves, and what the page is made of."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"
