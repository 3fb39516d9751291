"""A file takes its place when it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffdemo.atomic import replacing


def test_a_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_bytes(b"before")
    with replacing(path) as partial:
        partial.write_bytes(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_bytes(b"before")
    with pytest.raises(OSError, match="full"), replacing(path) as partial:
        partial.write_bytes(b"half")
        raise OSError("full")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
