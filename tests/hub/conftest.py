"""What the tests of the hub share: a server, a cache of their own, a small model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, point_to
from hub_specs import PIXELS, REPOSITORY, WEIGHTS, make_spec, noise
from huggingface_hub.utils import close_session

from diffdemo.hub.fetch import transfer
from diffdemo.hub.library import Library
from diffdemo.models.spec import ModelSpec


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def home(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that HF_HOME names."""
    monkeypatch.setattr(transfer, "PAUSES", (0.0, 0.0, 0.0))
    point_to(hub.url, tmp_path / "home", monkeypatch)
    yield tmp_path / "home"
    close_session()


@pytest.fixture
def spec() -> ModelSpec:
    return make_spec("pixels", PIXELS)


@pytest.fixture
def files(hub: HubServer) -> dict[str, bytes]:
    """What lies in the repository of `spec`."""
    contents = {"config.json": b'{"a": 1}', WEIGHTS: noise(70_000), "net.bin": noise(100), "README.md": b"hello"}
    hub.add(REPOSITORY, contents)
    return contents


@pytest.fixture
def library(spec: ModelSpec, home: Path, files: dict[str, bytes]) -> Library:
    return Library((spec,), released=None)
