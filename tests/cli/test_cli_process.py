"""`python -m diffdemo` as a process of its own: start, end, signals, pipes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdemo.engine import Engine
from diffdemo.images import Pixels, to_png
from diffdemo.terminal import Progress

ROOT = Path(__file__).parents[2]


def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "diffdemo", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    return subprocess.Popen(command, **(pipes | options))


@pytest.mark.parametrize("arguments", [["--help"], ["encode", "--help"], ["train", "cdc", "--help"], ["--version"]])
def test_help_is_quick(arguments: list[str]) -> None:
    began = time.monotonic()
    process = start(*arguments)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "diffdemo" in out
    assert time.monotonic() - began < 1


def test_a_failure_of_the_process(tmp_path: Path) -> None:
    process = start("info", tmp_path / "nothing ü.difd")
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err == f"diffdemo: {tmp_path}/nothing ü.difd: No such file or directory\n"


def test_a_cut_file_fails_without_a_traceback(cdc_file: Path, tmp_path: Path) -> None:
    cdc_file.write_bytes(cdc_file.read_bytes()[:-1])
    process = start("decode", cdc_file, "-o", tmp_path / "o.png", "--frames", tmp_path / "frames")
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.startswith("diffdemo: The file ends after ")
    assert err.count("\n") == 1
    assert set(os.listdir(tmp_path)) == {cdc_file.name}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what runs in the background deaf to interrupts, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_process(tmp_path: Path, large_picture: Pixels) -> None:
    (tmp_path / "a.png").write_bytes(to_png(large_picture))
    terminal, stderr = os.openpty()
    process = start(
        "encode", tmp_path / "a.png", "-o", tmp_path / "o.difd", "--preset", "best", "--bpp", "4", stderr=stderr
    )
    os.close(stderr)
    said = b""
    while b"step" not in said:
        said += os.read(terminal, 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    while b"interrupted" not in said:
        said += os.read(terminal, 1000)
    os.close(terminal)
    process.stdout.close()
    last = said.split(b"\r")[-2]
    assert last == b"diffdemo: interrupted"
    assert set(os.listdir(tmp_path)) == {"a.png"}


def test_a_reader_that_has_seen_enough(file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("info", file, stdout=write)
    os.close(write)
    _, err = process.communicate()
    assert (process.returncode, err) == (1, "")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_a_library_swallowed_is_raised_again(engine: Engine, gradient: Pixels) -> None:
    frame = next(engine.encode(gradient, num_bytes=200, preset="fast")).frame
    with pytest.raises(KeyboardInterrupt), Progress() as progress:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        progress.show(frame)
        pytest.fail("the work went on")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
