"""CVVDP by the package of its authors: what is given to it, and what is said where it cannot be loaded."""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch

from diffdemo.images import Pixels
from diffdemo.metrics import cvvdp as module
from diffdemo.metrics.cvvdp import DISPLAY, SMALLEST_SIDE, cvvdp, missing
from diffdemo.metrics.registry import METRICS

loadable = pytest.mark.skipif(
    importlib.util.find_spec("pycvvdp") is None or missing() != "", reason="the package cvvdp is not installed"
)


@pytest.fixture(autouse=True)
def anew() -> None:
    module._model.cache_clear()


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


@loadable
@pytest.mark.filterwarnings("ignore")  # of the package
def test_it_is_what_the_package_says_of_tensors(large_picture: Pixels) -> None:
    """Its other way in: planes from 0 to 1, the picture first and the original after it."""
    import pycvvdp

    original, picture = large_picture[:128, :160], noisy(large_picture, 12)[:128, :160]
    planes = [torch.tensor(pixels / 255, dtype=torch.float32).permute(2, 0, 1) for pixels in (picture, original)]
    expected, _ = pycvvdp.cvvdp(display_name=DISPLAY, device=torch.device("cpu")).predict(*planes, dim_order="CHW")
    assert cvvdp(original, picture) == pytest.approx(float(expected), abs=1e-3)
    assert abs(cvvdp(original, picture) - cvvdp(picture, original)) > 1e-3, "it tells one from the other"


@loadable
def test_equal_pictures_have_ten_and_more_noise_has_less(large_picture: Pixels) -> None:
    values = [cvvdp(large_picture, noisy(large_picture, deviation)) for deviation in (0, 3, 20, 80)]
    assert values[0] == 10
    assert values == sorted(values, reverse=True)
    assert METRICS["cvvdp"].text(values[1]) == f"{values[1]:.2f} JOD"
    tiny = large_picture[: SMALLEST_SIDE - 1]
    assert cvvdp(tiny, tiny) is None


def test_the_picture_is_held_against_its_original(large_picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Package:
        def predict(self, test: Pixels, reference: Pixels, dim_order: str) -> tuple[torch.Tensor, dict]:
            seen.append((test, reference, dim_order))
            return torch.tensor(7.5), {}

    package = types.SimpleNamespace(cvvdp=lambda **options: Package())
    monkeypatch.setitem(sys.modules, "pycvvdp", package)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    other = noisy(large_picture, 5)
    assert cvvdp(large_picture, other) == 7.5
    assert seen[0][0] is other
    assert seen[0][1] is large_picture
    assert seen[0][2] == "HWC"


def test_without_the_package_there_is_none(large_picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cvvdp(large_picture, large_picture) is None
    assert missing() == "The package cvvdp is not installed."


def test_one_that_cannot_be_loaded_is_said(large_picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**options: object) -> None:
        raise RuntimeError("operator torchvision::nms\ndoes not exist")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "pycvvdp", types.SimpleNamespace(cvvdp=broken))
    assert cvvdp(large_picture, large_picture) is None
    assert "cannot be loaded: operator torchvision::nms does not exist" in missing()
