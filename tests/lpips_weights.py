"""Random weights for LPIPS in the places and under the names of the real ones, small where nobody looks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from diffdemo.metrics import lpips

SHAPES = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
"""AlexNet's convolutions: number in `features`, channels out and in, and side of the kernel."""


def alexnet(seed: int = 1) -> dict[str, torch.Tensor]:
    """A state as torchvision names it."""
    generator = np.random.default_rng(seed)
    state = {}
    for number, (out, into, side) in SHAPES.items():
        deviation = (2 / (into * side * side)) ** 0.5
        state[f"features.{number}.weight"] = torch.tensor(
            generator.normal(0, deviation, (out, into, side, side)), dtype=torch.float32
        )
        state[f"features.{number}.bias"] = torch.tensor(generator.normal(0, 0.1, out), dtype=torch.float32)
    return state | {"classifier.1.bias": torch.zeros(1)}


def heads(seed: int = 2) -> dict[str, torch.Tensor]:
    """The linear heads as the package `lpips` names them."""
    generator = np.random.default_rng(seed)
    channels = [out for out, *_ in SHAPES.values()]
    return {
        f"lin{index}.model.1.weight": torch.tensor(generator.uniform(0, 0.2, (1, count, 1, 1)), dtype=torch.float32)
        for index, count in enumerate(channels)
    }


def put_trunk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AlexNet where `torch.hub` keeps it, with the digest that is expected."""
    path = folder / "hub" / "checkpoints" / lpips.TRUNK
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(alexnet(), path)
    monkeypatch.setenv("TORCH_HOME", str(folder))
    monkeypatch.setattr(lpips, "TRUNK_SHA256", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


def put_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the name with heads in it; to import it would fail."""
    path = folder / "lpips" / "weights" / "v0.1" / "alex.pth"
    path.parent.mkdir(parents=True)
    (folder / "lpips" / "__init__.py").write_text("raise ImportError('only the heads are wanted')")
    torch.save(heads(), path)
    monkeypatch.syspath_prepend(str(folder))
    return path


def put_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that LPIPS needs."""
    put_trunk(folder / "torch", monkeypatch)
    put_package(folder / "packages", monkeypatch)
