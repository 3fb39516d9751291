"""Test pictures by the name of their set, from a server on this machine that stands for their owners'."""

from __future__ import annotations

import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from diffdemo.errors import DiffDemoError
from diffdemo.measure import evaluate
from diffdemo.measure.datasets import fetch as module
from diffdemo.measure.datasets.fetch import fetch
from diffdemo.measure.datasets.known import KODAK
from diffdemo.measure.results.picture import sha256_of

PICTURES = [np.random.default_rng(number).integers(0, 256, (16, 24, 3), np.uint8) for number in range(3)]


class _Files(http.server.BaseHTTPRequestHandler):
    """Answers with what lies in `files`; counts."""

    files: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        data = self.files.get(self.path)
        self.send_response(404 if data is None else 200)
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Files]]:
    """A set of three pictures, and a server that has them."""

    monkeypatch.setattr(_Files, "files", {}, raising=False)
    monkeypatch.setattr(_Files, "asked", [], raising=False)
    for number, pixels in enumerate(PICTURES, start=1):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        _Files.files[f"/kodim{number:02d}.png"] = file.getvalue()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(module, "ADDRESS", f"http://127.0.0.1:{server.server_port}/kodim{{number:02d}}.png")
    monkeypatch.setattr(module, "KODAK", tuple(map(sha256_of, PICTURES)))
    yield _Files
    server.shutdown()
    server.server_close()


def test_what_is_not_there_is_fetched_once(owners: type[_Files], tmp_path: Path) -> None:
    fetch("kodak", tmp_path / "new" / "folder")
    for number, pixels in enumerate(PICTURES, start=1):
        path = tmp_path / "new" / "folder" / f"kodim{number:02d}.png"
        np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)
    assert len(owners.asked) == 3
    fetch("kodak", tmp_path / "new" / "folder")
    assert len(owners.asked) == 3


@pytest.mark.parametrize("content", [b"no picture", b"", b"\0" * (module.MOST_BYTES + 9)])
def test_what_is_not_the_picture_is_not_kept(content: bytes, owners: type[_Files], tmp_path: Path) -> None:
    owners.files["/kodim02.png"] = content
    with pytest.raises(DiffDemoError, match="not the picture that it should be"):
        fetch("kodak", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kodim01.png"], "the one before it stays, and no half"


def test_another_picture_is_not_kept_either(owners: type[_Files], tmp_path: Path) -> None:
    owners.files["/kodim01.png"] = owners.files["/kodim03.png"]
    with pytest.raises(DiffDemoError, match="not the picture that it should be"):
        fetch("kodak", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_lacks_it_or_is_not_there_is_said(
    owners: type[_Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del owners.files["/kodim01.png"]
    with pytest.raises(DiffDemoError, match=r"Cannot fetch .*Not Found.*bring the pictures yourself"):
        fetch("kodak", tmp_path)
    monkeypatch.setattr(module, "ADDRESS", "http://127.0.0.1:9/{number}")
    with pytest.raises(DiffDemoError, match="Cannot fetch"):
        fetch("kodak", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffDemoError, match="Cannot write into"):
        fetch("kodak", tmp_path / "file")


def test_an_evaluation_fetches_only_if_it_is_asked_to(owners: type[_Files], tmp_path: Path) -> None:
    arguments = [str(tmp_path), "-o", str(tmp_path / "results.jsonl"), "--no-measure"]
    assert evaluate.main(arguments) == 1
    assert owners.asked == []
    assert evaluate.main([*arguments, "--fetch", "kodak"]) == 1, "pictures, but no results"
    assert len(owners.asked) == 3


def test_the_real_set_has_all_its_pictures() -> None:
    assert len(KODAK) == 24
    assert module.ADDRESS.format(number=7).endswith("/kodim07.png")
