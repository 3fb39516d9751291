"""`diffdemo encode`: what it writes, what it says, and what it leaves behind when it fails."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from diffdemo.cli import parser


class Terminal:
    """A standard error that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_encode_writes_a_file_within_the_budget(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out ü.difd"
    assert parser.main(["encode", str(picture), "-o", str(out), "--bytes", "500", "--preset", "fast", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == "", "no progress where there is no terminal"
    assert report["num_bytes"] == out.stat().st_size <= 500
    assert report["bpp"] == pytest.approx(8 * out.stat().st_size / (96 * 128))
    assert (report["width"], report["height"], report["codec"]) == (128, 96, "diffc")
    assert report["output"] == str(out)
    assert report["psnr_db"] > 10
    assert set(os.listdir(tmp_path)) == {picture.name, out.name}


def test_encode_by_bits_per_pixel(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.difd"
    assert parser.main(["encode", str(picture), "-o", str(out), "--bpp", "0.25", "--preset", "fast"]) == 0
    assert 0.8 * 384 < out.stat().st_size <= 384


def test_encode_to_a_quality(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.difd"
    arguments = ["encode", str(picture), "-o", str(out), "--psnr", "18", "--preset", "fast", "--json"]
    assert parser.main(arguments) == 0
    assert 18 <= json.loads(capsys.readouterr().out)["psnr_db"] < 23


def test_the_seed_decides_the_file(picture: Path, tmp_path: Path) -> None:
    files = []
    for number, seed in enumerate(["5", "5", "6"]):
        out = tmp_path / f"{number}.difd"
        command = ["encode", str(picture), "-o", str(out), "--bytes", "200", "--preset", "fast", "--seed", seed]
        assert parser.main(command) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_report_for_people(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["encode", str(picture), "-o", str(tmp_path / "o"), "--bytes", "200", "--preset", "fast"]
    assert parser.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = [line.split("  ")[0] for line in lines]
    assert {"output", "bytes", "bpp", "PSNR (dB)", "seconds"} <= set(labels)
    starts = {line.index(line.split(maxsplit=1)[1]) for line in lines if "(" not in line}
    assert len(starts) == 1, "values are aligned"


def test_an_existing_file_is_replaced_and_keeps_its_links(picture: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "real.difd", tmp_path / "link.difd"
    real.write_bytes(b"old")
    link.symlink_to(real)
    command = ["encode", str(picture), "-o", str(link), "--bytes", "200", "--preset", "fast"]
    assert parser.main(command) == 0
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"DIFD")


def test_progress_on_a_terminal(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    command = ["encode", str(picture), "-o", str(tmp_path / "o"), "--bytes", "200", "--preset", "fast"]
    assert parser.main(command) == 0
    first = terminal.text.split("\r")[1]
    for part in ("step ", " bytes", " bpp", " dB", " s left"):
        assert part in first
    assert terminal.text.endswith("\r")
    assert terminal.text.split("\r")[-2].strip() == "", "the line is wiped at the end"
    assert "\n" not in terminal.text


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (".", "is a folder"),
        ("missing/out.difd", "There is no folder"),
        ("a text in ü.png", "is the input"),
    ],
)
def test_outputs_that_are_refused(
    output: str, message: str, picture: Path, tmp_path: Path, failure: Callable[[], str]
) -> None:
    before = picture.read_bytes()
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / output)]) == 1
    assert message in failure()
    assert picture.read_bytes() == before
    assert set(os.listdir(tmp_path)) == {picture.name}


def test_what_is_no_regular_file_is_not_replaced(picture: Path, tmp_path: Path, failure: Callable[[], str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert parser.main(["encode", str(picture), "-o", str(pipe), "--bytes", "100", "--preset", "fast"]) == 1
    assert "is not a regular file" in failure()
    assert pipe.is_fifo()


@pytest.mark.parametrize("is_there", [True, False])
def test_what_is_write_protected(
    is_there: bool, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], str]
) -> None:
    # Not by taking rights away: root has them all.
    protected = tmp_path / "o" if is_there else tmp_path
    monkeypatch.setattr("os.access", lambda path, mode: path != protected)
    if is_there:
        protected.write_bytes(b"old")
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / "o")]) == 1
    assert f"'{protected}' is write-protected" in failure()
    assert set(os.listdir(tmp_path)) == {picture.name} | ({"o"} if is_there else set())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "nobody"], "nobody"),
        (["--codec", "nothing"], "There is no codec 'nothing'; choose one of: diffc, cdc, cod-lite."),
        (["--codec", "nothing", "--model", "photo-small"], "There is no codec 'nothing'"),
        (["--codec", "diffc", "--model", "nobody"], "There is no model 'nobody' for diffc"),
        (["--codec", "cdc", "--model", "photo-small"], "There is no model 'photo-small' for cdc; choose one of: cdc-"),
        (["--bytes", "3"], "3 bytes"),
    ],
)
def test_requests_that_cannot_be_met(
    options: list[str], message: str, picture: Path, tmp_path: Path, failure: Callable[[], str]
) -> None:
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / "o"), *options]) == 1
    assert message in failure()
    assert set(os.listdir(tmp_path)) == {picture.name}


def test_an_input_that_is_no_picture(tmp_path: Path, failure: Callable[[], str]) -> None:
    (tmp_path / "letter.png").write_text("Dear Sir")
    assert parser.main(["encode", str(tmp_path / "letter.png"), "-o", str(tmp_path / "o")]) == 1
    assert "'letter.png' is not a picture" in failure()
    assert parser.main(["encode", str(tmp_path / "nothing.png"), "-o", str(tmp_path / "o")]) == 1
    assert "No such file" in failure()


def test_a_full_disk_leaves_nothing(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], str]
) -> None:
    out = tmp_path / "out.difd"
    out.write_bytes(b"old")

    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as opened:
            opened.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("pathlib.Path.write_bytes", half)
    assert parser.main(["encode", str(picture), "-o", str(out), "--bytes", "200", "--preset", "fast"]) == 1
    assert "No space left" in failure()
    assert out.read_bytes() == b"old"
    assert set(os.listdir(tmp_path)) == {picture.name, out.name}
