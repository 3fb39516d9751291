"""LPIPS against the package of its authors, and against what must hold of any distance; weights are random."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import lpips_weights
import numpy as np
import pytest
import torch
from torch import nn

from diffdemo.images import Pixels
from diffdemo.metrics import lpips as perceptual
from diffdemo.metrics import published_weights
from diffdemo.metrics.lpips import HOW_TO_GET, SMALLEST_SIDE, TRUNK, lpips, missing


@pytest.fixture
def weights(tmp_path, monkeypatch) -> None:
    lpips_weights.put_both(tmp_path, monkeypatch)


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def published_alexnet() -> nn.Sequential:
    """The network of Krizhevsky 2014 as torchvision lays it out, up to where LPIPS looks."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )
    state = lpips_weights.alexnet()
    layers.load_state_dict(
        {name.removeprefix("features."): value for name, value in state.items() if name.startswith("features.")}
    )
    return layers


@pytest.fixture
def authors_own(monkeypatch) -> object:
    """The package itself with our AlexNet; of torchvision it needs nothing else."""
    if importlib.util.find_spec("lpips") is None:
        pytest.skip("the package lpips is not installed")
    vision = types.ModuleType("torchvision")
    vision.models = types.SimpleNamespace(
        alexnet=lambda pretrained: types.SimpleNamespace(features=published_alexnet())
    )
    monkeypatch.setitem(sys.modules, "torchvision", vision)
    package = importlib.import_module("lpips")
    yield package.LPIPS(net="alex", verbose=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "lpips"]:
        del sys.modules[name]


@pytest.mark.filterwarnings("ignore")  # of the package
@pytest.mark.parametrize("crop", [(192, 200), (77, 131), (SMALLEST_SIDE, 40)])
def test_it_agrees_with_the_package_of_its_authors(authors_own, tmp_path, monkeypatch, large_picture, crop):
    lpips_weights.put_trunk(tmp_path, monkeypatch)
    a = large_picture[: crop[0], : crop[1]]
    for deviation in (3, 30, 90):
        b = noisy(a, deviation)
        x, y = (torch.tensor(pixels).permute(2, 0, 1)[None] / 127.5 - 1 for pixels in (a, b))
        with torch.no_grad():
            expected = float(authors_own(x, y))
        assert lpips(a, b) == pytest.approx(expected, rel=1e-5)


def test_its_value_with_these_weights_stays(weights, large_picture):
    """Measured with the package of its authors (see above), which not everybody has."""
    generator = np.random.default_rng(5)
    a, b = (generator.integers(0, 256, (64, 80, 3), np.uint8) for _ in range(2))
    assert lpips(a, b) == pytest.approx(GOLDEN, rel=1e-4)


def test_it_grows_with_the_distortion_and_is_a_distance(weights, large_picture):
    values = [lpips(large_picture, noisy(large_picture, deviation)) for deviation in (0, 3, 20, 80)]
    assert values == sorted(values)
    assert values[0] == 0
    assert lpips(noisy(large_picture, 20), large_picture) == pytest.approx(values[2], rel=1e-6)


def test_it_is_the_same_from_many_threads(weights, large_picture):
    others = [noisy(large_picture, deviation) for deviation in range(1, 9)]
    expected = [lpips(large_picture, other) for other in others]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda other: lpips(large_picture, other), others)) == expected


def test_it_is_loaded_once(weights, large_picture, monkeypatch):
    assert missing() == ""
    monkeypatch.setattr(torch, "load", lambda *args, **options: pytest.fail("loaded again"))
    assert lpips(large_picture, noisy(large_picture, 5)) > 0


def test_tiny_pictures_have_none(weights, large_picture):
    tiny = large_picture[: SMALLEST_SIDE - 1]
    assert lpips(tiny, tiny) is None
    assert lpips(large_picture[:SMALLEST_SIDE], large_picture[:SMALLEST_SIDE]) == 0


def test_without_the_package_there_is_none(tmp_path, monkeypatch, large_picture):
    lpips_weights.put_trunk(tmp_path, monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert lpips(large_picture, large_picture) is None
    assert "package lpips" in missing()


def test_without_alexnet_there_is_none_and_nothing_is_fetched(tmp_path, monkeypatch, large_picture):
    lpips_weights.put_package(tmp_path / "packages", monkeypatch)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    assert lpips(large_picture, large_picture) is None
    assert str(tmp_path / "empty" / "hub" / "checkpoints" / TRUNK) in missing()
    assert not (tmp_path / "empty").exists()


def test_weights_may_come_while_the_process_runs(tmp_path, monkeypatch, large_picture):
    lpips_weights.put_package(tmp_path / "packages", monkeypatch)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert missing()
    lpips_weights.put_trunk(tmp_path / "torch", monkeypatch)
    assert missing() == ""


def test_another_file_of_that_name_is_refused_and_looked_at_once(weights, tmp_path, monkeypatch, large_picture):
    monkeypatch.setattr(perceptual, "TRUNK_SHA256", "7be5be79")
    assert lpips(large_picture, large_picture) is None
    assert "begins with" in missing()
    assert "not with 7be5be79" in missing()
    monkeypatch.setattr(published_weights, "state_of", lambda *args: pytest.fail("read again"))
    assert lpips(large_picture, large_picture) is None


def test_the_real_digest_is_that_of_the_name():
    assert f"-{perceptual.TRUNK_SHA256}." in TRUNK
    assert all(TRUNK in HOW_TO_GET[1] and part in HOW_TO_GET[1] for part in ("check_hash=True", "weights_only=True"))


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("which", ["trunk", "heads"])
def test_pickles_are_not_executed(tmp_path, monkeypatch, large_picture, which):
    trunk = lpips_weights.put_trunk(tmp_path / "torch", monkeypatch)
    heads = lpips_weights.put_package(tmp_path / "packages", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(perceptual, "TRUNK_SHA256", "")
    torch.save({"features.0.weight": Malicious()}, trunk if which == "trunk" else heads)
    assert lpips(large_picture, large_picture) is None
    assert "cannot be read as weights" in missing()
    assert not (tmp_path / "executed").exists()


def test_heads_of_another_version_are_refused(weights, tmp_path, large_picture):
    torch.save({"lin0": torch.zeros(1)}, tmp_path / "packages" / "lpips" / "weights" / "v0.1" / "alex.pth")
    assert lpips(large_picture, large_picture) is None
    assert "not those of its version 0.1" in missing()


GOLDEN = 0.183880165
