"""DISTS against the package of its authors, and against what must hold of any such distance; VGG-16 is random."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from diffdemo.images import Pixels
from diffdemo.metrics import dists as module
from diffdemo.metrics.dists import HOW_TO_GET, SMALLEST_SIDE, TRUNK, dists, missing
from diffdemo.metrics.registry import METRICS

WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""VGG-16 of Simonyan and Zisserman 2014, configuration D; 0 is a pooling."""
NUM_CHANNELS = 3 + 64 + 128 + 256 + 512 + 512


@pytest.fixture(scope="module")
def features() -> nn.Sequential:
    """The network as torchvision lays it out, with random weights."""
    torch.manual_seed(3)
    layers: list[nn.Module] = []
    channels = 3
    for width in WIDTHS:
        if width == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        convolution = nn.Conv2d(channels, width, 3, padding=1)
        nn.init.kaiming_normal_(convolution.weight)
        layers += [convolution, nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """As the package has them: of every channel, none below 0."""
    generator = torch.Generator().manual_seed(4)
    return {name: torch.rand(1, NUM_CHANNELS, 1, 1, generator=generator) for name in ("alpha", "beta")}


@pytest.fixture
def here(features: nn.Sequential, weights: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both files in their places; the trunk's."""
    package = tmp_path / "packages" / "DISTS_pytorch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('only the weights are wanted')")
    torch.save(weights, package / "weights.pt")
    monkeypatch.syspath_prepend(str(package.parent))
    trunk = tmp_path / "hub" / "checkpoints" / TRUNK
    trunk.parent.mkdir(parents=True)
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, trunk)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(module, "TRUNK_SHA256", hashlib.sha256(trunk.read_bytes()).hexdigest()[:8])
    return trunk


@pytest.fixture
def authors_own(features: nn.Sequential, weights: dict, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The package itself with our VGG-16; of torchvision it needs nothing else."""
    if importlib.util.find_spec("DISTS_pytorch") is None:
        pytest.skip("the package DISTS-pytorch is not installed")
    vision = types.ModuleType("torchvision")
    vision.models = types.SimpleNamespace(vgg16=lambda pretrained: types.SimpleNamespace(features=features))
    vision.transforms = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "torchvision", vision)
    network = importlib.import_module("DISTS_pytorch").DISTS(load_weights=False)
    network.alpha.data, network.beta.data = weights["alpha"], weights["beta"]
    for name in [name for name in sys.modules if name.split(".")[0] == "DISTS_pytorch"]:
        del sys.modules[name]  # Else ours would find its weights there.
    return network


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("crop", [(96, 112), (77, 63), (SMALLEST_SIDE, 40)])
def test_it_agrees_with_the_package_of_its_authors(
    authors_own: nn.Module, here: Path, large_picture: Pixels, crop: tuple[int, int]
) -> None:
    a = large_picture[: crop[0], : crop[1]]
    for deviation in (3, 30, 90):
        b = noisy(a, deviation)
        x, y = (torch.tensor(pixels).permute(2, 0, 1)[None] / 255 for pixels in (a, b))
        with torch.no_grad():
            expected = float(authors_own(x, y))
        assert dists(a, b) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_it_grows_with_the_distortion_and_forgives_a_shift(here: Path, large_picture: Pixels) -> None:
    a = large_picture[:96, :96]
    values = [dists(a, noisy(a, deviation)) for deviation in (0, 5, 20, 80)]
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values == sorted(values)
    assert dists(noisy(a, 20), a) == pytest.approx(values[2], rel=1e-5)
    texture = np.random.default_rng(0).integers(60, 200, (96, 96, 3), np.uint8)
    other = np.random.default_rng(1).integers(60, 200, (96, 96, 3), np.uint8)
    grey = np.full_like(texture, 130)
    assert dists(texture, other) < dists(texture, grey), "another draw of the texture is nearer than none"


def test_tiny_pictures_have_none(here: Path, large_picture: Pixels) -> None:
    tiny = large_picture[: SMALLEST_SIDE - 1]
    assert dists(tiny, tiny) is None


def test_what_is_missing_is_said_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large_picture: Pixels
) -> None:
    monkeypatch.setattr("diffdemo.metrics.dists.folder_of", lambda package: tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    assert dists(large_picture, large_picture) is None
    assert str(tmp_path / "empty" / "hub" / "checkpoints" / TRUNK) in missing()
    assert not (tmp_path / "empty").exists()
    monkeypatch.setattr("diffdemo.metrics.dists.folder_of", lambda package: None)
    assert "The package DISTS-pytorch" in missing()
    assert METRICS["dists"].missing() == missing()


def test_another_file_of_that_name_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, large_picture: Pixels
) -> None:
    monkeypatch.setattr(module, "TRUNK_SHA256", "397923af")
    assert dists(large_picture, large_picture) is None
    assert "is not VGG-16 as it was published" in missing()


def test_weights_of_something_else_are_refused(here: Path, tmp_path: Path, large_picture: Pixels) -> None:
    torch.save({"alpha": torch.zeros(1)}, tmp_path / "packages" / "DISTS_pytorch" / "weights.pt")
    assert dists(large_picture, large_picture) is None
    assert "not those that were published" in missing()


def test_the_real_digest_is_that_of_the_name() -> None:
    assert f"-{module.TRUNK_SHA256}." in TRUNK
    assert all(part in HOW_TO_GET[1] for part in (TRUNK, "check_hash=True", "weights_only=True"))
