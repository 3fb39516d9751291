"""What the tests of the command line share: an engine, a picture, a file, and a look at failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diffdemo.engine import Engine
from diffdemo.images import Pixels, to_png

WHOLE_BYTES = 600
"""What a CDC file of `small` may take: the shipped model needs less."""


@pytest.fixture(autouse=True)
def shared_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diffdemo.engine.Engine", lambda: engine)


@pytest.fixture
def picture(tmp_path: Path, edges: Pixels) -> Path:
    path = tmp_path / "a text in ü.png"
    path.write_bytes(to_png(edges))
    return path


@pytest.fixture(scope="session")
def data(engine: Engine, edges: Pixels) -> bytes:
    *_, last = engine.encode(edges, num_bytes=700, preset="fast", seed=3)
    return last.data


@pytest.fixture
def file(data: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "a file in ü.difd"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def small(gradient: Pixels) -> Pixels:
    """40 x 48: CDC computes at least 64 x 64 of whatever it is given."""
    return gradient[20:60, 30:78].copy()


@pytest.fixture(scope="session")
def cdc_data(engine: Engine, small: Pixels) -> bytes:
    *_, last = engine.encode(small, codec="cdc", num_bytes=WHOLE_BYTES)
    return last.data


@pytest.fixture
def cdc_file(cdc_data: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "a whole file in ü.difd"
    path.write_bytes(cdc_data)
    return path


@pytest.fixture
def failure(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Gives the one line that a failed command may say, after checking that it is one."""

    def said() -> str:
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("diffdemo: ")
        assert err.endswith("\n")
        assert err.count("\n") == 1
        return err

    return said
