"""What all tests share: settings of the process, small pictures, one engine."""

from __future__ import annotations

import gc
import os
import tempfile

# Read when Gradio is imported. A server that closes clears the folder, and another process must not lose its own.
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="diffdemo-tests-")
# Also read then: where the look for a free port begins, which the other worker might take between look and use.
os.environ["GRADIO_SERVER_PORT"] = str(7960 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
# Read by every client of HTTP that is made, hundreds of them: none has to know all authorities of the world.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.path.dirname(__file__)
# Read when PyTorch is imported, also by what tests start. Two workers and their browsers have all cores between them,
# and a team that waits for one of its threads takes many times as long on a machine that has other work.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Read when Triton is imported: without a GPU its programs run in its interpreter.
if not os.path.exists("/dev/nvidiactl"):
    os.environ["TRITON_INTERPRET"] = "1"

import inspect
import platform
import shutil
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ray_cluster import cluster, killing  # noqa: F401  (fixtures)
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:  # The process that only hands out work need not import PyTorch.
    from diffdemo.engine import Engine
    from diffdemo.images import Pixels


_file_of = inspect.getfile


def _file_unless_gradio_begins(of: object) -> str:
    """In place of `inspect.getfile`, without which Gradio writes no stub files of its components when it is imported.

    To read its own source again takes it a third of the time of its import.
    """
    has_begun = hasattr(sys.modules.get("gradio"), "__version__")
    if isinstance(of, type) and of.__module__.startswith("gradio.") and not has_begun:
        raise OSError("not now")
    return _file_of(of)


inspect.getfile = _file_unless_gradio_begins


def pytest_collection_finish() -> None:
    """Whatever was imported and collected stays: nobody needs to look through it for garbage again and again."""
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three for everything on two cores or more, for the one with the browser waits half of its time.

    None for what somebody asks for by its path: to start them takes longer than most files.
    """
    is_everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return 3 if is_everything and (os.cpu_count() or 1) > 1 else 0


TOGETHER = {
    "tests/browser/": "the browser and its page",
    "tests/cli/": "the process that others fork off",
    "tests/hub/test_settings.py": "the process that others fork off",
    "tests/unit/test_evaluate_stop.py": "the process that others fork off",
    "tests/models/": "diffusers, which takes seconds to import",
    "tests/hub/test_hub_engine.py": "diffusers, which takes seconds to import",
}
"""Tests that stay in one process for what they share there."""


class Scheduling(LoadFileScheduling):
    """A file is never in two processes, for its tests share what is slow to make; nor are some that share even more."""

    def _split_scope(self, nodeid: str) -> str:
        shared = [what for where, what in TOGETHER.items() if nodeid.startswith(where)]
        return shared[0] if shared else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


def pytest_report_header() -> str:
    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in ("torch", "numpy", "numba", "pillow", "gradio")}
    return ", ".join(f"{name} {number}" for name, number in versions.items()) + f"; device: {_device()}"


def _device() -> str:
    if shutil.which("nvidia-smi") is None:
        return "cpu"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="session")
def engine() -> Engine:
    from diffdemo.engine import Engine

    return Engine(device="cpu")


@pytest.fixture(scope="session")
def gradient() -> Pixels:
    """96 x 128, smooth: what every codec does well."""
    y, x = np.mgrid[0:96, 0:128]
    return np.stack([x * 255 // 127, y * 255 // 95, (x + y) * 255 // 222], axis=2).astype(np.uint8)


@pytest.fixture(scope="session")
def edges() -> Pixels:
    """96 x 128, dark strokes on paper, like text."""
    pixels = np.full((96, 128, 3), 240, np.uint8)
    generator = np.random.default_rng(1)
    for top in range(6, 90, 12):
        for left in range(4, 120, 8):
            across, down = generator.integers(1, 7, 2)
            pixels[top : top + 2, left : left + across] = 20
            pixels[top : top + down, left : left + 1] = 20
    return pixels


@pytest.fixture(scope="session")
def texture(gradient: Pixels) -> Pixels:
    """96 x 128, a gradient under strong noise: what no codec does well."""
    noise = np.random.default_rng(2).normal(0, 30, gradient.shape)
    return np.clip(gradient + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def large_picture() -> Pixels:
    """192 x 200, gradient, edges and noise side by side: large enough for MS-SSIM."""
    y, x = np.mgrid[0:192, 0:200]
    pixels = np.stack([x, y, 255 - x], axis=2).astype(np.float64)
    pixels[40:150:8, 60:140] = 15
    pixels[:, 140:] += np.random.default_rng(3).normal(0, 25, (192, 60, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)
