"""`-` in place of names, and standard streams that are closed, full, or terminals."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from processes import start, start_anew

from diffdemo.cli import parser
from diffdemo.coding.container import MAGIC


class Binary(io.TextIOWrapper):
    """A standard stream that holds bytes, in place of the one that pytest has put there."""

    def __init__(self, data: bytes = b"", *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_a_pipeline(picture: Path) -> None:
    """As a shell connects `cat picture | encode - -o - | head -c 200 | decode - -o -`."""
    pipe: dict[str, object] = {"stdout": subprocess.PIPE}
    cat = subprocess.Popen(["cat", picture], **pipe)
    options = ["--bytes", "400", "--preset", "fast", "--json"]
    encode = start("encode", "-", "-o", "-", *options, stdin=cat.stdout, text=False)
    head = subprocess.Popen(["head", "-c", "200"], stdin=encode.stdout, **pipe)
    decode = start("decode", "-", "-o", "-", stdin=head.stdout, text=False)
    for process in (cat, encode, head):
        process.stdout.close()  # It is the next one's alone, which may end before all is written.
    out, err = decode.communicate(timeout=300)
    encoded = encode.stderr.read()
    encode.stderr.close()
    assert [process.wait(timeout=300) for process in (cat, encode, head, decode)] == [0, 0, 0, 0]
    with Image.open(io.BytesIO(out)) as opened:
        assert opened.size == (128, 96)
    assert json.loads(encoded)["output"] == "-"
    decoded = err.decode().splitlines()
    assert decoded[0].split() == ["output", "-"]
    assert any(line.split() == ["bytes", "200"] for line in decoded)


def test_standard_input(
    data: bytes, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Binary(data))
    assert parser.main(["info", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_bytes"] == len(data)
    monkeypatch.setattr("sys.stdin", Binary(picture.read_bytes()))
    assert parser.main(["encode", "-", "-o", str(tmp_path / "o"), "--bytes", "100", "--preset", "fast"]) == 0
    assert (tmp_path / "o").read_bytes().startswith(MAGIC)


def test_standard_output_takes_bytes_and_nothing_else(
    data: bytes, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = Binary()
    monkeypatch.setattr("sys.stdout", stdout)
    assert parser.main(["decode", str(file), "-o", "-", "--json"]) == 0
    with Image.open(io.BytesIO(stdout.buffer.getvalue())) as opened:
        assert opened.format == "PNG"
        opened.load()
    assert json.loads(capsys.readouterr().err)["num_bytes"] == len(data)


def test_a_file_that_is_called_so(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes(data)
    monkeypatch.setattr("sys.stdin", Binary(b""))
    assert parser.main(["info", "./-"]) == 0
    assert parser.main(["info", "-"]) == 1


def test_terminals_take_and_give_no_files(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Binary(is_terminal=True))
    assert parser.main(["info", "-"]) == 1
    assert "Standard input is a terminal" in capsys.readouterr().err
    stdout = Binary(is_terminal=True)
    monkeypatch.setattr("sys.stdout", stdout)
    assert parser.main(["decode", str(file), "-o", "-"]) == 1
    assert "Standard output is a terminal" in capsys.readouterr().err
    assert stdout.buffer.getvalue() == b""


def test_an_endless_input(monkeypatch: pytest.MonkeyPatch, failure: Callable[[], str]) -> None:
    monkeypatch.setattr("sys.stdin", Binary(bytes(20_000_000)))
    assert parser.main(["info", "-"]) == 1
    assert "more than 16,777,216 bytes" in failure()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def with_closed(*numbers: int) -> dict[str, object]:
    """Options of a process that begins without these descriptors."""
    return {"closed": numbers, "stdin": subprocess.DEVNULL}


def test_closed_standard_output(picture: Path, tmp_path: Path, file: Path) -> None:
    """The report is not missed, and no file takes its place."""
    out = tmp_path / "o"
    process = start("encode", picture, "-o", out, "--bytes", "200", "--preset", "fast", **with_closed(1))
    assert ended(process) == (0, "")
    assert out.read_bytes().startswith(MAGIC)
    assert ended(start("info", file, **with_closed(0, 1))) == (0, "")
    status, err = ended(start("decode", file, "-o", "-", **with_closed(1)))
    assert (status, err.count("\n")) == (1, 1)
    assert "Standard output is closed" in err


def test_closed_standard_error(tmp_path: Path, file: Path) -> None:
    process = start("info", tmp_path / "nothing", **with_closed(2))
    out, _ = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, ""), "nor does the message go to standard output"
    assert ended(start("info", file, **with_closed(0, 1, 2))) == (0, "")


def test_closed_standard_input(tmp_path: Path) -> None:
    without = {"preexec_fn": lambda: os.close(0), "stdin": subprocess.DEVNULL}
    status, err = ended(start_anew("info", "-", **without))
    assert (status, err) == (1, "diffdemo: The file is empty (0 bytes).\n")


@pytest.mark.parametrize("is_buffered", [True, False])
def test_a_disk_that_is_full(is_buffered: bool, file: Path, tmp_path: Path) -> None:
    variables = os.environ | {"PYTHONUNBUFFERED": "" if is_buffered else "1"}
    for command in (["info", file], ["decode", file, "-o", "-"])[: 2 if is_buffered else 1]:
        with open("/dev/full", "w") as full:
            status, err = ended(start(*command, stdout=full, env=variables))
        assert status == 1
        assert "No space left on device" in err.splitlines()[-1]
        assert "Traceback" not in err
        assert "Exception ignored" not in err
    with open("/dev/full", "w") as full:
        if is_buffered:  # Otherwise the parser writes by itself, and takes no notice.
            status, err = ended(start("--help", stdout=full, env=variables))
            assert (status, err) == (1, "diffdemo: Standard output: No space left on device\n")
        process = start("info", tmp_path / "nothing", stderr=full, env=variables)
        assert process.communicate(timeout=300) == ("", None)
    assert process.returncode == 1


def test_a_result_that_is_taken_in_parts_arrives_whole_or_fails(data: bytes, tmp_path: Path) -> None:
    """Without buffers, Python writes what fits and says nothing."""
    variables = os.environ | {"PYTHONUNBUFFERED": "1"}
    options: dict[str, object] = {"stdin": subprocess.PIPE, "env": variables, "text": False}
    with (tmp_path / "o.png").open("wb") as out:
        process = start("decode", "-", "-o", "-", stdout=out, **options)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1024, 1024))
    _, err = process.communicate(data, timeout=300)
    assert (tmp_path / "o.png").stat().st_size == 1024
    assert (process.returncode, err) == (1, b"diffdemo: Standard output: File too large\n")


def test_in_process_without_streams(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a program without a console."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    assert parser.main(["info", str(file)]) == 0
    assert parser.main(["info", str(tmp_path / "nothing")]) == 1
    with pytest.raises(SystemExit) as end:
        parser.main(["--help"])
    assert end.value.code == 0

    assert (sys.stdin, sys.stdout, sys.stderr) == (None, None, None)
