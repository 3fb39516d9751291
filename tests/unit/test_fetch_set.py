"""Test pictures by the name of their set, from a server on this machine that stands for their owners'."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from diffdemo.errors import DiffDemoError, DownloadError
from diffdemo.images import to_png
from diffdemo.measure import evaluate
from diffdemo.measure.datasets import archives
from diffdemo.measure.datasets import fetch as module
from diffdemo.measure.datasets.fetch import fetch
from diffdemo.measure.datasets.known import KODAK
from diffdemo.measure.results.picture import sha256_of
from diffdemo.pictures.folder import picture_paths

PICTURES = [np.random.default_rng(number).integers(0, 256, (16, 24, 3), np.uint8) for number in range(3)]


class _Files(http.server.BaseHTTPRequestHandler):
    """Answers with what lies in `files`, up to a byte after which it breaks off; counts."""

    files: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[str]]
    cut_after: ClassVar[int | None] = None
    sent: ClassVar[int] = 0

    def do_GET(self) -> None:
        self.asked.append(self.path)
        data = self.files.get(self.path)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(404 if data is None else 206 if start else 200)
        self.send_header("Content-Length", str(len((data or b"")[start:])))
        self.end_headers()
        part = (data or b"")[start : self.cut_after]
        type(self).sent += len(part)
        self.wfile.write(part)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Files]]:
    """A set of three pictures, and a server that has them."""

    monkeypatch.setattr(_Files, "files", {}, raising=False)
    monkeypatch.setattr(_Files, "asked", [], raising=False)
    monkeypatch.setattr(_Files, "cut_after", None)
    monkeypatch.setattr(_Files, "sent", 0)
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


def zip_of(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tar_of(pictures: list[np.ndarray]) -> bytes:
    """As CIFAR-10's binary version: of each picture a label, then its planes."""
    data, rows = io.BytesIO(), b"".join(b"\7" + pixels.transpose(2, 0, 1).tobytes() for pixels in pictures)
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in (("cifar-10-batches-bin/data_batch_1.bin", b"x"), (archives.CIFAR_TEST, rows)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


SMALL = [np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8) for number in range(3)]
ZIPPED = {f"valid/{number}.png": to_png(pixels) for number, pixels in enumerate(PICTURES)}
FILES = {
    "clic": zip_of({**ZIPPED, "__MACOSX/valid/._0.png": b"no picture", "../../readme.txt": b"text"}),
    "cifar-10": tar_of(SMALL),
}


@pytest.fixture
def archive(owners: type[_Files], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A set as one archive, which the server has."""
    name, data = request.param, FILES[request.param]
    port = module.ADDRESS.split(":")[2].split("/")[0]
    known = {"address": f"http://127.0.0.1:{port}/archive", "num_bytes": len(data), "count": 3}
    monkeypatch.setitem(
        archives.ARCHIVES, name, replace(archives.ARCHIVES[name], **known, sha256=hashlib.sha256(data).hexdigest())
    )
    monkeypatch.setattr("diffdemo.hub.fetch.transfer.PAUSES", (0.0,))
    owners.files["/archive"] = data
    return name


@pytest.mark.parametrize(("archive", "expected"), [("clic", PICTURES), ("cifar-10", SMALL)], indirect=["archive"])
def test_an_archive_becomes_pictures_once(
    archive: str, expected: list, owners: type[_Files], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(archive, tmp_path)
    found = picture_paths(tmp_path)
    assert len(found) == 3
    for path, pixels in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)
    said = capsys.readouterr().err
    assert "MB from http://127.0.0.1" in said
    assert f"licence: {archives.ARCHIVES[archive].licence}" in said
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".png") == [f".{archive}.json"]
    fetch(archive, tmp_path)
    assert owners.asked == ["/archive"]
    found[1].unlink()
    fetch(archive, tmp_path)
    assert owners.asked == ["/archive"] * 2, "one was missing"


@pytest.mark.parametrize(
    "note", ["", "[", "[]", "5", '["0.png"]', "[null, 1, {}]", '{"0.png": 1, "1.png": 1, "2.png": 1}']
)
@pytest.mark.parametrize("archive", ["clic"], indirect=True)
def test_a_note_that_does_not_name_all_pictures_is_none(
    archive: str, note: str, owners: type[_Files], tmp_path: Path
) -> None:
    (tmp_path / f".{archive}.json").write_text(note)
    fetch(archive, tmp_path)
    assert owners.asked == ["/archive"]
    assert len(picture_paths(tmp_path)) == 3


@pytest.mark.parametrize("archive", ["clic"], indirect=True)
def test_an_archive_goes_on_where_it_broke_off(archive: str, owners: type[_Files], tmp_path: Path) -> None:
    data = owners.files["/archive"]
    owners.cut_after = len(data) // 2
    with pytest.raises(DownloadError, match="kept"):
        fetch(archive, tmp_path)
    assert picture_paths(tmp_path) == []
    owners.cut_after, owners.sent = None, 0
    fetch(archive, tmp_path)
    assert len(picture_paths(tmp_path)) == 3
    assert owners.sent == len(data) - len(data) // 2


@pytest.mark.parametrize("archive", ["clic"], indirect=True)
@pytest.mark.parametrize("change", [lambda data: data[:-1] + b"?", lambda data: data + b"more", lambda data: b"short"])
def test_another_archive_is_not_unpacked(change: Any, archive: str, owners: type[_Files], tmp_path: Path) -> None:
    owners.files["/archive"] = change(owners.files["/archive"])
    with pytest.raises(DownloadError):
        fetch(archive, tmp_path)
    assert picture_paths(tmp_path) == []
    del owners.files["/archive"]
    with pytest.raises(DownloadError, match=r"Cannot fetch .*404"):
        fetch(archive, tmp_path)


@pytest.mark.parametrize("archive", ["clic"], indirect=True)
def test_a_full_disk_is_said_before(archive: str, owners: type[_Files], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(DiffDemoError, match="are needed"):
        fetch(archive, tmp_path)
    assert owners.asked == []


def test_every_archive_names_its_source_its_licence_and_its_hash() -> None:
    for archive in archives.ARCHIVES.values():
        assert archive.address.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
        assert archive.licence
        assert archive.count > 40


def test_an_evaluation_fetches_only_if_it_is_asked_to(owners: type[_Files], tmp_path: Path) -> None:
    arguments = [str(tmp_path), "-o", str(tmp_path / "results.jsonl"), "--no-measure"]
    assert evaluate.main(arguments) == 1
    assert owners.asked == []
    assert evaluate.main([*arguments, "--fetch", "kodak"]) == 1, "pictures, but no results"
    assert len(owners.asked) == 3


def test_the_real_set_has_all_its_pictures() -> None:
    assert len(KODAK) == 24
    assert module.ADDRESS.format(number=7).endswith("/kodim07.png")
