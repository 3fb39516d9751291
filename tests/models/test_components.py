"""Files from strangers: pickles with code. And who imports the large packages."""

from __future__ import annotations

import ast
import io
import pickle
from pathlib import Path

import pytest
import torch
from tiny_models import installed_in, tiny_ddpm

import diffdemo
from diffdemo.errors import WeightsError
from diffdemo.models.diffusers.components import read_tensors
from diffdemo.models.diffusers.pixel_unet import load_pixel_space


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("writer", [torch.save, pickle.dump], ids=["torch", "pickle"])
def test_code_in_a_pickled_file_is_not_executed(tmp_path, writer):
    traces = tmp_path / "executed"
    out = io.BytesIO()
    writer({"conv_in.weight": Bomb(traces)}, out)
    files = {name: data for name, data in tiny_ddpm().items() if name.endswith("json")}
    installed = installed_in(tmp_path, files | {"diffusion_pytorch_model.bin": out.getvalue()})
    with pytest.raises(WeightsError, match="not opened for safety"):
        load_pixel_space(installed, name="tiny", device=torch.device("cpu"), dtype=torch.float32)
    assert not traces.exists()


def test_a_pickled_file_must_hold_tensors_only(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "nested.bin")
    with pytest.raises(WeightsError, match="more than a network's tensors"):
        read_tensors(tmp_path / "nested.bin")


def test_large_packages_are_not_imported_before_they_are_needed():
    """They take seconds: no module may import them outside of a function."""
    for path in Path(diffdemo.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"diffusers", "transformers"}, path
