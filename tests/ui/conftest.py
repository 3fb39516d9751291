"""What handlers are given has been uploaded: they open nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio.utils import get_upload_folder


@pytest.fixture(scope="session")
def uploads() -> Callable[[str], Path]:
    """Makes a folder below that of uploads, in place of pytest's own."""

    def make(name: str) -> Path:
        folder = Path(get_upload_folder())
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"test-{name}-", dir=folder))

    return make


@pytest.fixture
def tmp_path(uploads: Callable[[str], Path]) -> Path:
    """A folder below that of uploads, under the name that tests know."""
    return uploads("file")
