"""A disk without room: told in words, and nothing left on it."""

from __future__ import annotations

import errno
import io
import os
import secrets
import time
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fakes import FakeEngine
from gradio.utils import get_upload_folder
from serving import serve

from diffdemo.ui.server import disk, poster
from diffdemo.ui.server.disk import sweep
from diffdemo.ui.server.files import NO_ROOM, served

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every file of ours takes half of its bytes, and then there is no room."""
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", half)


def everything() -> list[Path]:
    return sorted(Path(get_upload_folder()).rglob("*"))


def test_nothing_of_a_file_is_left(monkeypatch):
    before = everything()
    fill(monkeypatch)
    with pytest.raises(gr.Error, match="disk of this server is full"):
        served(b"some bytes that nobody has written before", "picture.png")
    assert everything() == before


def test_the_page_itself_needs_no_room(monkeypatch):
    with serve(FakeEngine()) as url:
        fill(monkeypatch)
        monkeypatch.setattr(poster, "served", lambda png, name: served(secrets.token_bytes(9), name))
        page = httpx.get(url, timeout=300)
    assert page.status_code == 200
    assert "diffdemo" in page.text


def test_other_errors_are_not_taken_for_a_full_disk(monkeypatch):
    def denied(path: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "write_bytes", denied)
    with pytest.raises(PermissionError):
        served(b"yet other bytes", "picture.png")


def test_an_upload_that_finds_no_room_is_told(monkeypatch):
    from gradio import route_utils

    def nowhere(*args: object, **options: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with serve(FakeEngine()) as url:
        monkeypatch.setattr(route_utils, "NamedTemporaryFile", nowhere)
        told = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", io.BytesIO(b"data"))}, timeout=300)
    assert told.status_code == 507
    assert told.json() == {"detail": NO_ROOM}


def test_broken_uploads_are_cleared_away_and_whole_ones_kept(tmp_path):
    folder = Path(get_upload_folder())
    old, young, whole = folder / "tmpold", folder / "tmpyoung", tmp_path / "whole.png"
    for path in (old, young, whole):
        path.write_bytes(b"data")
    for path in (old, whole):
        os.utime(path, times=(time.time() - 2 * disk.STRAY_SECONDS,) * 2)
    assert sweep() >= 1
    assert (old.exists(), young.exists(), whole.exists()) == (False, True, True)
    young.unlink()
