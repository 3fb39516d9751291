"""What a user reads when a model does not come, and what is left of it then."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hub_server import MEMBER, VISITOR, HubServer, point_to
from hub_specs import REPOSITORY, WEIGHTS, make_spec, noise
from huggingface_hub import constants

from diffdemo.errors import DownloadError
from diffdemo.hub.fetch import partial
from diffdemo.hub.library import Library
from diffdemo.models.spec import HubFile, HubSource


def message(library: Library, name: str = "pixels") -> str:
    """What a download says that fails; everything that can be said on a page for visitors."""
    with pytest.raises(DownloadError) as raised:
        list(library.download(name))
    text = str(raised.value)
    assert library.installed(name) is None
    assert "Please" in text, "it says what to do"
    assert not any(part in text for part in ("Traceback", "Error", "\n", "http://localhost"))
    return text


def library_of(repository: str, *paths: str, revision: str = "main", sha256: str | None = None) -> Library:
    files = tuple(HubFile((path,), sha256=sha256) for path in paths)
    return Library((make_spec("pixels", HubSource(repository, files, revision)),), released=None)


def test_switched_off(library: Library, monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in message(library)
    assert hub.requests == []


def test_offline(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        point_to(url, tmp_path / "home", monkeypatch)
        assert f"The Hub at {url} cannot be reached for 'owner/pixels'" in message(library)


def test_a_repository_that_is_gone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = library_of("owner/gone", "config.json")
    assert "no public repository 'owner/gone'" in message(library)
    assert "https://huggingface.co/owner/gone" in message(library)
    monkeypatch.setenv("HF_TOKEN", VISITOR)
    assert "no public repository 'owner/gone'" in message(library)


def test_a_file_that_is_gone(home: Path, files: object) -> None:
    library = library_of(REPOSITORY, "config.json", "model.safetensors")
    assert "'owner/pixels' has no file 'model.safetensors' any more" in message(library)


def test_a_file_that_is_listed_but_not_there(library: Library, hub: HubServer) -> None:
    hub.behave(REPOSITORY, "config.json", status=404, code="EntryNotFound", on="resolve")
    assert "'owner/pixels' has no file 'config.json' any more" in message(library)


def test_a_revision_that_is_gone(home: Path, files: object) -> None:
    library = library_of(REPOSITORY, "config.json", revision="v9")
    assert "'owner/pixels' has no revision 'v9' any more" in message(library)


@pytest.mark.parametrize("token", ["", VISITOR])
def test_a_gated_repository(
    token: str, library: Library, hub: HubServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPOSITORY, files, gated=True)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    text = message(library)
    for part in ("gated", "https://huggingface.co/owner/pixels", "accept its licence", "hf auth login", "HF_TOKEN"):
        assert part in text
    monkeypatch.setenv("HF_TOKEN", MEMBER)
    assert list(library.download("pixels"))[-1].done


def test_the_token_of_a_login(library: Library, hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    hub.add(REPOSITORY, files, private=True)
    assert "is private" in message(library)
    home.mkdir(exist_ok=True)
    (home / "token").write_text(MEMBER)
    assert list(library.download("pixels"))[-1].done


def test_a_token_that_is_none(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mistyped")
    text = message(library)
    assert "does not know the access token" in text
    assert "HF_TOKEN" in text


def test_an_account_without_rights(library: Library, hub: HubServer) -> None:
    hub.behave(REPOSITORY, status=403)
    assert "does not allow this account" in message(library)


def test_a_refusal_after_the_bytes_have_come(library: Library, hub: HubServer) -> None:
    list(library.download("pixels"))
    library.installed("pixels").files["config.json"].unlink()
    hub.behave(REPOSITORY, "config.json", status=403)
    assert "does not allow this account" in message(library), "not that there is nothing in the cache"


@pytest.mark.parametrize(("status", "part"), [(500, "in trouble (it answered 500"), (503, "503"), (429, "a pause")])
@pytest.mark.parametrize("on", ["list", "resolve", "bytes"])
def test_lasting_trouble(on: str, status: int, part: str, library: Library, hub: HubServer) -> None:
    hub.behave(REPOSITORY, None if on == "list" else WEIGHTS, status=status, on=on)
    assert part in message(library)


def test_a_connection_that_is_always_cut(library: Library, hub: HubServer, home: Path) -> None:
    hub.behave(REPOSITORY, WEIGHTS, cut_after=0)
    hub.behave(REPOSITORY, WEIGHTS, cut_after=30_000, times=1)
    text = message(library)
    assert "connection broke off" in text
    assert "goes on from there" in text
    assert hub.count("cdn", "GET") == 4, "one attempt, and one after each pause"
    assert [path.stat().st_size for path in home.rglob("*.incomplete")] == [30_000]


def test_a_server_that_falls_silent(library: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.behave(REPOSITORY, WEIGHTS, seconds_per_piece=0.5)
    assert "did not answer in time" in message(library)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (noise(70_000, 1), "SHA-256"),
        (noise(69_000), "69,000 bytes instead of 70,000"),
        (noise(70_001), "bytes instead"),
    ],
)
def test_another_file_than_expected(content: bytes, part: str, library: Library, hub: HubServer, home: Path) -> None:
    hub.behave(REPOSITORY, WEIGHTS, content=content, times=1)
    text = message(library)
    assert part in text
    assert "It was deleted" in text
    assert list(home.rglob("*.incomplete")) == []
    assert list(library.download("pixels"))[-1].done


def test_a_small_file_of_another_size(library: Library, hub: HubServer) -> None:
    hub.behave(REPOSITORY, "config.json", content=b"{}", times=1)
    assert "2 bytes instead of 8" in message(library)


def test_another_file_than_the_registry_knows(home: Path, files: object, hub: HubServer) -> None:
    library = library_of(REPOSITORY, WEIGHTS, sha256="ab" * 32)
    assert "not the file that diffdemo was tested with" in message(library)
    assert hub.count("cdn") == 0


def test_a_file_whose_hash_only_the_registry_knows(home: Path, hub: HubServer) -> None:
    hub.add("owner/vectors", {"vectors.npy": b"12"})
    assert "not the file that was expected" in message(library_of("owner/vectors", "vectors.npy", sha256="ab" * 32))


def test_no_room_before_the_first_byte(library: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=50_060_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    text = message(library)
    assert "no room on the disk" in text
    assert "50 MB are needed" in text
    assert "HF_HOME" in text
    assert hub.count("resolve") == 0


def test_no_room_on_the_way(library: Library, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = partial.Partial.append

    def until_full(self: Any, piece: bytes) -> None:
        if self.num_bytes > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
        append(self, piece)

    monkeypatch.setattr(partial.Partial, "append", until_full)
    text = message(library)
    assert "no room on the disk" in text
    assert "goes on from there" in text
    assert next(home.rglob("*.incomplete")).stat().st_size > 20_000
    monkeypatch.undo()


def test_a_folder_that_cannot_be_written(library: Library, home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("no folder")
    assert "Please check the rights on that folder" in message(library)


@pytest.mark.parametrize("answer", [b"<html>Welcome to the hotel</html>", b"[]", b'{"siblings": 3}', b"{}"])
def test_a_server_that_is_not_the_hub(
    answer: bytes, library: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_protocol.Handler._about", lambda self, *rest: self._answer(200, answer, {}))
    assert "HF_ENDPOINT" in message(library)


@pytest.mark.parametrize("path", ["../config.json", "/config.json", "a/../../config.json"])
def test_paths_that_lead_elsewhere(path: str, home: Path, hub: HubServer) -> None:
    hub.add(REPOSITORY, {path: b"{}", "README.md": b""})
    assert "has no file" in message(library_of(REPOSITORY, path))


def test_a_commit_that_is_a_path(library: Library, hub: HubServer) -> None:
    hub.repositories[REPOSITORY].commit = "../../elsewhere"
    assert "lists 'owner/pixels' without sizes and hashes" in message(library)
