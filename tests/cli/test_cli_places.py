"""Inputs and outputs that are none, and what a result keeps of the file that it replaces."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from diffdemo.cli import output, parser
from diffdemo.errors import DiffDemoError
from diffdemo.inputs import MAX_FILE_BYTES


def circle(folder: Path) -> Path:
    (folder / "there").symlink_to(folder / "back")
    (folder / "back").symlink_to(folder / "there")
    return folder / "there"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def unnamed_pipe(folder: Path) -> Path:
    """What /dev/stdout is in a pipeline."""
    _, end = os.pipe()
    return Path(f"/proc/self/fd/{end}")


def dangling(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "missing" / "o")
    return folder / "link"


PLACES: dict[str, Callable[[Path], Path]] = {
    "circle": circle,
    "pipe": pipe,
    "unnamed pipe": unnamed_pipe,
    "dangling": dangling,
    "folder": lambda folder: folder,
    "device": lambda folder: Path("/dev/null"),
    "nul": lambda folder: folder / "a\0b",
    "long": lambda folder: folder / ("x" * 300),
    "below a file": lambda folder: folder / "file" / "o",
}
SAID_OF_OUTPUTS = {
    "circle": "its links lead in a circle",
    "pipe": "is not a regular file; to write into a pipe, take -o -",
    "unnamed pipe": "is not a regular file; to write into a pipe, take -o -",
    "dangling": "missing' to write to",
    "folder": "is a folder; please name a file",
    "device": "is not a regular file",
    "nul": "has a NUL character in it",
    "long": "File name too long",
    "below a file": "There is no folder",
}
SAID_OF_INPUTS = {
    "circle": "Too many levels of symbolic links",
    "pipe": "is not an ordinary file",
    "unnamed pipe": "is not an ordinary file",
    "dangling": "No such file or directory",
    "folder": "is a folder",
    "device": "is not an ordinary file",
    "nul": "has a NUL character in it",
    "long": "File name too long",
    "below a file": "Not a directory",
}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "places"
    folder.mkdir()
    (folder / "file").write_bytes(b"")
    return PLACES[request.param](folder)


@pytest.mark.parametrize(("place", "message"), SAID_OF_OUTPUTS.items(), indirect=["place"], ids=list(PLACES))
def test_outputs_that_are_none(
    place: Path, message: str, picture: Path, failure: Callable[[], str], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert parser.main(["encode", str(picture), "-o", str(place)]) == 1
    assert message in failure()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["info", "decode"])
@pytest.mark.parametrize(("place", "message"), SAID_OF_INPUTS.items(), indirect=["place"], ids=list(PLACES))
def test_inputs_that_are_none(
    command: str, place: Path, message: str, tmp_path: Path, failure: Callable[[], str]
) -> None:
    arguments = ["-o", str(tmp_path / "o.png")] if command == "decode" else []
    assert parser.main([command, str(place), *arguments]) == 1
    assert message in failure()


@pytest.mark.parametrize("place", list(PLACES), indirect=True)
def test_pictures_that_are_none(place: Path, tmp_path: Path, failure: Callable[[], str]) -> None:
    assert parser.main(["encode", str(place), "-o", str(tmp_path / "o")]) == 1
    failure()


@pytest.mark.parametrize("place", [name for name in PLACES if name != "folder"], indirect=True)
def test_folders_for_frames_that_are_none(place: Path, file: Path, tmp_path: Path, failure: Callable[[], str]) -> None:
    assert parser.main(["decode", str(file), "-o", str(tmp_path / "o.png"), "--frames", str(place)]) == 1
    failure()
    assert not (tmp_path / "o.png").exists()


def test_a_file_that_is_too_large(tmp_path: Path, failure: Callable[[], str]) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert parser.main(["info", str(tmp_path / "large")]) == 1
    assert "is larger than any file of diffdemo" in failure()


def test_names_that_are_no_text_or_move_the_cursor(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / os.fsdecode(b"a\xffb\n\x1b[31m.png")
    assert parser.main(["decode", str(file), "-o", str(out)]) == 0
    assert out.exists()
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith("a\\udcffb\\n\\x1b[31m.png")
    assert parser.main(["info", str(tmp_path / "\x1b[2J")]) == 1
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    (tmp_path / "o").write_bytes(b"old")
    (tmp_path / "o").chmod(mode)
    output.write_file(tmp_path / "o", b"new")
    assert (tmp_path / "o").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "o").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    (tmp_path / "o").write_bytes(b"old")
    os.chown(tmp_path / "o", 1234, 5678)
    (tmp_path / "o").chmod(0o640)
    output.write_file(tmp_path / "o", b"new")
    found = (tmp_path / "o").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 5678, 0o640)


def test_an_owner_that_cannot_be_kept_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.chown", refuse)
    (tmp_path / "o").write_bytes(b"old")
    (tmp_path / "o").chmod(0o600)
    output.write_file(tmp_path / "o", b"new")
    assert (tmp_path / "o").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "o").stat().st_mode) == 0o600


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_of_new_files(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        output.write_file(tmp_path / "o", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "o").stat().st_mode) == 0o666 & ~mask


def test_nobody_reads_meanwhile_what_was_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "o").write_bytes(b"old")
    (tmp_path / "o").chmod(0o600)
    write, modes = Path.write_bytes, []

    def watched(path: Path, data: bytes) -> int:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return write(path, data)

    monkeypatch.setattr("pathlib.Path.write_bytes", watched)
    output.write_file(tmp_path / "o", b"new")
    assert modes == [0o600]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    output.write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_what_goes_wrong_is_said_of_the_name_that_was_given(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone") as raised:
        output.write_file(tmp_path / "gone" / "o", b"new")
    assert raised.value.filename == str(tmp_path / "gone" / "o")


def test_frames_stay_hidden_until_all_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    with output.numbered_files(folder, "f", ".png") as files:
        files.add(b"1")
        files.add(b"2")
        assert list(folder.glob("*.png")) == []
        files.publish()
        assert sorted(os.listdir(folder)) == ["f-0001.png", "f-0002.png"]
    with pytest.raises(DiffDemoError), output.numbered_files(folder, "g", ".png") as files:
        files.add(b"3")
        files.publish()
        raise DiffDemoError("the picture itself could not be written")
    assert sorted(os.listdir(folder)) == ["f-0001.png", "f-0002.png"]
