"""A process that is told to stop leaves nothing behind, says so in one line, and ends with 128 + that number."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import ROOT, start

from diffdemo.cli import signals
from diffdemo.images import Pixels, to_png

SIGNALS = [
    (signal.SIGINT, "interrupted", 130),
    (signal.SIGTERM, "terminated", 143),
    (signal.SIGHUP, "hung up", 129),
]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A shell starts what runs in the background deaf to interrupts, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def large(tmp_path: Path, large_picture: Pixels) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(to_png(large_picture))
    return path


def wait_until(event: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not event():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "word", "status"), SIGNALS)
def test_during_an_encode(number: int, word: str, status: int, tmp_path: Path, large: Path) -> None:
    terminal, stderr = os.openpty()
    process = start("encode", large, "-o", tmp_path / "o.difd", "--preset", "best", "--bpp", "4", stderr=stderr)
    os.close(stderr)
    said = b""
    while b"step" not in said:
        said += os.read(terminal, 1000)
    process.send_signal(number)
    assert process.wait(timeout=300) == status
    with contextlib.suppress(OSError):  # So ends a terminal that nobody writes to any more.
        while piece := os.read(terminal, 1000):
            said += piece
    os.close(terminal)
    process.stdout.close()
    *_, wiped, last, end = said.split(b"\r")
    assert wiped.strip() == b""
    assert (last, end) == (f"diffdemo: {word}".encode(), b"\n")
    assert set(os.listdir(tmp_path)) == {"a.png"}


@pytest.mark.parametrize(("number", "word", "status"), SIGNALS)
@pytest.mark.parametrize("is_new", [True, False])
def test_during_frames(number: int, word: str, status: int, is_new: bool, tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "frames"
    if not is_new:
        folder.mkdir()
    process = start("decode", file, "-o", tmp_path / "o.png", "--frames", folder, "--decoder", "flow")
    wait_until(lambda: any(folder.rglob("*.png")), process)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (status, "", f"diffdemo: {word}\n")
    assert set(os.listdir(tmp_path)) == {file.name} | (set() if is_new else {"frames"})
    assert is_new or os.listdir(folder) == []


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)


@pytest.mark.parametrize("where", ["os.replace", "pathlib.Path.write_bytes"])
def test_while_the_result_is_written(where: str, tmp_path: Path) -> None:
    script = f"""
import os, pathlib, signal, sys
from diffdemo.cli import output, signals
signals.heed()
out = pathlib.Path(sys.argv[1])
real = {where}
def stopped(*arguments):
    if {where!r} != "os.replace":
        real(*arguments)
    signal.raise_signal(signal.SIGTERM)
{where} = stopped
pathlib.Path.replace = lambda *arguments: stopped(*arguments)
output.write_file(out, b"new")
"""
    (tmp_path / "o").write_bytes(b"old")
    done = run_script(script, tmp_path / "o")
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "diffdemo: terminated\n")
    assert os.listdir(tmp_path) == ["o"]
    assert (tmp_path / "o").read_bytes() == b"old"


@pytest.mark.parametrize("has_appeared", [1, 2])
def test_while_frames_appear(has_appeared: int, tmp_path: Path) -> None:
    script = """
import pathlib, signal, sys
from diffdemo.cli import output, signals
signals.heed()
left, replace = [int(sys.argv[2])], pathlib.Path.replace
def stopped(*arguments):
    replace(*arguments)
    left[0] -= 1
    if not left[0]:
        signal.raise_signal(signal.SIGINT)
pathlib.Path.replace = stopped
with output.numbered_files(pathlib.Path(sys.argv[1]), "f", ".png") as files:
    files.add(b"1"), files.add(b"2"), files.publish()
"""
    done = run_script(script, tmp_path, has_appeared)
    assert (done.returncode, done.stderr) == (130, "diffdemo: interrupted\n")
    assert os.listdir(tmp_path) == []


def test_a_library_cannot_swallow_it() -> None:
    script = """
import signal
from diffdemo.cli import signals
signals.heed()
class Swallowing:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
try:
    Swallowing()
except BaseException:
    pass
print("the work went on")
"""
    done = run_script(script)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "diffdemo: interrupted\n")


def test_what_was_printed_arrives() -> None:
    script = """
import signal
from diffdemo.cli import signals
signals.heed()
print("half a table")
with signals.last_words("what there is is kept"):
    signal.raise_signal(signal.SIGHUP)
"""
    done = run_script(script)
    assert (done.returncode, done.stdout) == (129, "half a table\n")
    assert done.stderr == "diffdemo: hung up; what there is is kept\n"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As `nohup` asks for."""
    script = """
import signal
from diffdemo.cli import signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals.heed()
signal.raise_signal(signal.SIGHUP)
print("still here")
"""
    assert run_script(script).stdout == "still here\n"


def test_what_is_to_be_undone_is_undone_by_failures_too() -> None:
    done = []
    with pytest.raises(KeyError), signals.undone(lambda: done.append("undone")):
        raise KeyError
    with signals.undone(lambda: done.append("not this")):
        pass
    assert done == ["undone"]
