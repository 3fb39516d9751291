"""`python -m diffdemo` as a process of its own: start, end, pipes."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from processes import start, start_anew


@pytest.mark.parametrize("arguments", [["--help"], ["encode", "--help"], ["train", "cdc", "--help"], ["--version"]])
def test_help_is_quick(arguments: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = start_anew(*arguments)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "diffdemo" in out
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor: on a busy machine anything takes a second.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_a_failure_of_the_process(tmp_path: Path) -> None:
    process = start_anew("info", tmp_path / "nothing ü.difd")
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


def test_a_reader_that_has_seen_enough(file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("info", file, stdout=write)
    os.close(write)
    _, err = process.communicate()
    assert (process.returncode, err) == (1, "")
