"""`diffdemo decode`: the picture, the ones on the way, and nothing where it breaks off."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.cli import parser
from diffdemo.engine import Engine, Frame
from diffdemo.engine.scheduling.lanes import Device
from diffdemo.engine.scheduling.scheduler import Scheduler
from diffdemo.images import Pixels


@pytest.mark.parametrize("decoder", ["mean", "flow", "ancestral"])
def test_decode(decoder: str, file: Path, edges: Pixels, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out ü.png"
    assert parser.main(["decode", str(file), "-o", str(out), "--decoder", decoder, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["decoder"] == decoder
    assert report["num_bytes"] == file.stat().st_size
    with Image.open(out) as opened:
        decoded = np.array(opened)
    assert decoded.shape == edges.shape
    assert np.corrcoef(decoded.ravel(), edges.ravel())[0, 1] > 0.3


def test_decode_of_the_first_bytes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["decode", str(file), "-o", str(tmp_path / "o.png"), "--bytes", "150", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_bytes"] == 150


def test_every_reconstruction_is_kept(
    file: Path, tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "frames ü"
    assert parser.main(["decode", str(file), "-o", str(tmp_path / "o.png"), "--frames", str(folder), "--json"]) == 0
    count = json.loads(capsys.readouterr().out)["num_frames"]
    assert count == len(engine.describe(file.read_bytes()).steps) + 1
    assert sorted(set(os.listdir(folder))) == [f"frame-{number:04d}.png" for number in range(1, count + 1)]
    assert (folder / f"frame-{count:04d}.png").read_bytes() == (tmp_path / "o.png").read_bytes()


def test_frames_go_into_an_empty_folder_only(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], failure: Callable[[], str]
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    command = ["decode", str(file), "-o", str(folder / "o.png"), "--frames", str(folder)]
    assert parser.main(command) == 0
    assert {"frame-0001.png", "o.png"} <= set(os.listdir(folder))
    capsys.readouterr()
    assert parser.main(command) == 1
    assert "is not empty" in failure()
    assert parser.main([*command[:-1], str(file)]) == 1
    assert "is not a folder" in failure()


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (OSError(5, "Input/output error"), 1)])
def test_a_decode_that_breaks_off_leaves_nothing(
    is_new: bool,
    error: BaseException,
    status: int,
    file: Path,
    tmp_path: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    failure: Callable[[], str],
) -> None:
    folder = tmp_path / "frames"
    if not is_new:
        folder.mkdir()
    decode, scheduler = engine.decode, Scheduler(Device(lanes=1), memory=1)

    job = scheduler.job()

    def broken(*args: object, **options: object) -> Iterator[Frame]:
        yield next(decode(*args, **options))
        raise error

    monkeypatch.setattr(engine, "decode", lambda *args, **options: scheduler.running(job, broken(*args, **options)))
    command = ["decode", str(file), "-o", str(tmp_path / "o.png"), "--frames", str(folder)]
    assert parser.main(command) == status
    failure()
    assert set(os.listdir(tmp_path)) == {file.name} | (set() if is_new else {"frames"})
    assert is_new or set(os.listdir(folder)) == set()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"\x89PNG\r\n", "Not a diffdemo file"), (b"DIFD\x01\x31ab", "ends inside its header")],
)
@pytest.mark.parametrize("command", ["decode", "info"])
def test_files_that_cannot_be_read(
    command: str, content: bytes, message: str, tmp_path: Path, failure: Callable[[], str]
) -> None:
    (tmp_path / "bad.difd").write_bytes(content)
    output = ["-o", str(tmp_path / "o.png")] if command == "decode" else []
    assert parser.main([command, str(tmp_path / "bad.difd"), *output]) == 1
    assert message in failure()
    assert set(os.listdir(tmp_path)) == {"bad.difd"}


def test_a_picture_is_not_written_under_the_name_of_another_format(
    file: Path, tmp_path: Path, failure: Callable[[], str]
) -> None:
    assert parser.main(["decode", str(file), "-o", str(tmp_path / "o.jpg")]) == 1
    assert ".png" in failure()
