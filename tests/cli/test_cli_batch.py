"""`diffdemo batch`: a folder of pictures into a folder of files, kept, gone on from, and the same on a cluster."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ray_cluster import once_it_is_up, with_ray

from diffdemo.cli import batch, parser
from diffdemo.cli.batch import LEDGER, TABLE
from diffdemo.engine import Engine
from diffdemo.engine.batch import worker
from diffdemo.images import to_png

OPTIONS = ["--bpp", "2", "--preset", "fast"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, two of which are called alike."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[0:40, 0:48]
    for number, name in enumerate(("a.png", "a.webp.png", "ü b.png")):
        noise = np.random.default_rng(number).normal(0, 8, (40, 48, 3))
        pixels = np.clip(np.stack([x * 4, y * 5, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
        (folder / name).write_bytes(to_png(pixels))
    return folder


def run(folder: Path, out: Path, *options: str) -> int:
    return parser.main(["batch", str(folder), "-o", str(out), *OPTIONS, *options])


def hashes(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob("*.[dp]*"))}


def table(out: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader((out / TABLE).read_text().splitlines()))
    return [{name: cell for name, cell in row.items() if name != "seconds"} for row in rows]


def test_every_picture_becomes_a_file_with_a_line_in_the_table(
    folder: Path, tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(folder, out, "--pictures", "--json") == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    files = sorted(out.glob("*.difd"))
    assert [path.name for path in files] == ["a.difd", "a.webp.difd", "ü-b.difd"]
    assert (report["pictures"], report["kept"], report["errors"]) == (3, 0, 0)
    assert report["num_bytes"] == sum(path.stat().st_size for path in files)
    assert "a.png: " in said.err
    rows = table(out)
    assert [row["picture"] for row in rows] == ["a.png", "a.webp.png", "ü b.png"]
    assert [int(row["bytes"]) for row in rows] == [path.stat().st_size for path in files]
    *_, last = engine.decode(files[0].read_bytes())
    assert (out / "a.png").read_bytes() == to_png(last.pixels)


def test_what_is_done_is_kept_and_what_changed_is_done_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run(folder, out) == 0
    before, rows = hashes(out), table(out)
    (out / "a.difd").write_bytes(b"damaged")
    with (out / LEDGER).open("ab") as ledger:
        ledger.write(b'\n{"stem": [], "sha256": "", "order": {}, "files": [], "row": ""}\n{"stem": "torn')
    (folder / "a.webp.png").write_bytes((folder / "a.png").read_bytes())
    done: list[str] = []
    compress = worker.Worker.watched
    monkeypatch.setattr(
        worker.Worker, "watched", lambda self, name, data: done.append(name) or compress(self, name, data)
    )
    capsys.readouterr()
    assert run(folder, out, "--json") == 0
    assert done == ["a.png", "a.webp.png"]
    assert json.loads(capsys.readouterr().out)["kept"] == 1
    after = hashes(out)
    assert after["a.difd"] == before["a.difd"]
    assert after["a.webp.difd"] == before["a.difd"]
    assert table(out)[0] == rows[0]
    assert run(folder, out) == 0
    assert len(done) == 2, "all is kept"
    assert run(folder, out, "--pictures") == 0
    assert len(done) == 5, "something else is asked for"


def test_a_picture_that_is_none_costs_only_itself(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "c.png").mkdir()
    assert run(folder, tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "2 of 5 pictures could not be compressed" in said.err
    rows = {row["picture"]: row for row in table(tmp_path / "out")}
    assert rows["b.png"]["error"]
    assert rows["c.png"]["error"].endswith("is a folder.")
    assert rows["a.png"]["bytes"]
    assert len(list((tmp_path / "out").glob("*.difd"))) == 3
    (folder / "b.png").unlink()
    (folder / "c.png").rmdir()
    assert run(folder, tmp_path / "out") == 0


def test_a_folder_with_something_else_in_it_is_left_alone(
    folder: Path, tmp_path: Path, failure: Callable[[], str]
) -> None:
    assert run(folder, folder) == 1
    assert "not empty, and not that of a batch" in failure()
    (tmp_path / "none").mkdir()
    assert run(tmp_path / "none", tmp_path / "out") == 1
    assert "no pictures" in failure()
    assert run(folder, tmp_path / "out", "--codec", "cdc") == 1
    assert "does not read --preset" in failure()
    assert run(folder, tmp_path / "out", "--ray", "127.0.0.1:9") == 1
    assert "ray" in failure().lower()


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray
def test_a_cluster_whose_worker_is_killed_writes_the_same_files(
    folder: Path, killing: tuple[str, list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, killed = killing
    assert run(folder, tmp_path / "here") == 0

    arguments = parser.build_parser().parse_args(
        ["batch", str(folder), "-o", str(tmp_path / "there"), *OPTIONS, "--ray", address]
    )
    once_it_is_up(lambda: batch.batch(arguments))
    assert killed
    assert "2 workers on the cluster" in capsys.readouterr().err
    assert hashes(tmp_path / "there") == hashes(tmp_path / "here")
    assert table(tmp_path / "there") == table(tmp_path / "here")
    assert run(folder, tmp_path / "there") == 0, "a run here goes on where the cluster stopped"
