"""Results files of evaluations: what is taken for one, what is left of one that was cut, and what is appended."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.errors import DiffDemoError
from diffdemo.measure.results.file import ResultsFile
from diffdemo.metrics.sets.patches import features_to_text
from diffdemo.metrics.sets.realism import FEATURES, REVISION

POINT = {"num_bytes": 100, "bpp": 0.5, "psnr_db": 30.0, "ms_ssim": None}
FEATURE_TEXT = features_to_text(np.zeros((2, FEATURES), np.float16))


def row(picture: str = "a.png", **fields: object) -> dict:
    usual = {"picture": picture, "sha256": "0" * 64, "codec": "jpeg", "settings": {}, "points": [POINT]}
    return usual | fields


def look_row(codec: str = "jpeg", **fields: object) -> dict:
    look = {"rate": 0.3, **POINT, "blotches": None, "features": FEATURE_TEXT} | fields
    return {"picture": "a.png", "codec": codec, "settings": {"features": REVISION}, "looks": [look]}


def written(path: Path, *rows: dict, end: str = "\n") -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + end)
    return path


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = ResultsFile(path)
    assert (first.rows, first.torn) == ([], 0)
    assert not path.exists(), "nothing is made before there is something to write"
    rows = [row("ä\udcff\n.png"), row("b.png", codec="webp"), look_row(), look_row("original", rate=None)]
    for each in rows:
        first.append(each)
    assert first.rows == rows
    assert ResultsFile(path).rows == rows


@pytest.mark.parametrize("keep", [1, 8, 20, -1])
def test_a_torn_last_line_is_skipped_and_ended_by_the_next(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "r.jsonl", row("a.png"), row("b.png"), end="")
    whole = path.read_text()
    last = whole.splitlines()[-1]
    path.write_text(whole[: -len(last)] + last[:keep])
    results = ResultsFile(path)
    assert [each["picture"] for each in results.rows] == ["a.png"]
    assert results.torn == 1
    results.append(row("c.png"))
    again = ResultsFile(path)
    assert [each["picture"] for each in again.rows] == ["a.png", "c.png"]
    assert path.read_bytes().startswith((whole[: -len(last)] + last[:keep]).encode()), "what was there stays"


def test_a_file_that_is_one_torn_line_is_one_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(row())[:60])
    results = ResultsFile(path)
    results.append(row("b.png"))
    assert [each["picture"] for each in ResultsFile(path).rows] == ["b.png"]


def test_a_whole_last_line_without_an_end_counts(tmp_path: Path) -> None:
    results = ResultsFile(written(tmp_path / "r.jsonl", row("a.png"), end=""))
    results.append(row("b.png"))
    assert [each["picture"] for each in ResultsFile(results.path).rows] == ["a.png", "b.png"]


@pytest.mark.parametrize("end", ["\0" * 700, "\n\n\n", "\r\n"])
def test_what_other_systems_leave_between_lines_does_not_matter(tmp_path: Path, end: str) -> None:
    results = ResultsFile(written(tmp_path / "r.jsonl", row("a.png"), end=f"\n{end}"))
    results.append(row("b.png"))
    assert [each["picture"] for each in ResultsFile(results.path).rows] == ["a.png", "b.png"]


def test_json_has_no_infinity(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    results = ResultsFile(path)
    results.append(row(points=[{**POINT, "psnr_db": math.inf, "jpeg": {"psnr_db": -math.inf}, "ms_ssim": math.nan}]))
    assert results.rows == ResultsFile(path).rows
    (point,) = json.loads(path.read_text(), parse_constant=pytest.fail)["points"]
    assert (point["psnr_db"], point["ms_ssim"], point["jpeg"]) == (None, None, {"psnr_db": None})


def test_infinity_of_older_files_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", row(points=[{**POINT, "psnr_db": math.inf}, {**POINT, "psnr_db": math.nan}]))
    assert "Infinity" in path.read_text()
    assert [point["psnr_db"] for point in ResultsFile(path).rows[0]["points"]] == [None, None]


OTHERS = {
    "json": b'{"a": 1}\n',
    "pretty json": b'{\n "picture": "a"\n}\n',
    "list": b"[1, 2]\n",
    "text": b"Dear diary,\n",
    "start of something": b"{",
    "bytes": bytes(range(256)),
    "number lines": b"1\n2\n",
    "list below": json.dumps(row()).encode() + b"\n[]\n",
    "text below": json.dumps(row()).encode() + b"\nhello\n",
    "deep": json.dumps(row()).encode() + b"\n" + b'{"a":' * 100_000,
    "no points": b'{"picture": "a", "codec": "jpeg", "settings": {}}\n',
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_any_other_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(DiffDemoError, match=r"is not a results file of evaluate .* nothing was written") as caught:
        ResultsFile(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


LACKING = {
    "codec": row(codec=3),
    "settings": row(settings=None),
    "points": row(points=[3]),
    "num_bytes": row(points=[{"bpp": 1.0, "psnr_db": 1.0}]),
    "bpp": row(points=[{**POINT, "bpp": 0}]),
    "psnr_db": row(points=[{"num_bytes": 1, "bpp": 1.0}]),
    "delta": row(codec="cdc 1 step", points=[POINT]),
    "looks": {**look_row("original"), "looks": []},
    "features": look_row(features="AAA"),
    "object": look_row(blotches=[1]),
    "share": look_row(blotches={"luma": 1.0, "chroma": 1.0}),
}


@pytest.mark.parametrize("lack", LACKING)
def test_lines_that_lack_what_every_table_needs_are_refused(tmp_path: Path, lack: str) -> None:
    path = written(tmp_path / "r.jsonl", row(), LACKING[lack])
    with pytest.raises(DiffDemoError, match=f"line 2: .*{lack}"):
        ResultsFile(path)


def test_older_lines_lack_what_was_not_measured_then(tmp_path: Path) -> None:
    old = {"picture": "a", "codec": "diffc mean", "settings": {"bpp": 1.5}, "points": [{**POINT, "extra": "x"}]}
    stale = {"picture": "a", "codec": "jpeg", "settings": {"features": REVISION - 1}, "looks": [{"features": "?"}]}
    assert ResultsFile(written(tmp_path / "r.jsonl", old, stale)).rows == [old, stale]


def test_pictures_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(picture)
    with pytest.raises(DiffDemoError, match="not a results file"):
        ResultsFile(picture)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(DiffDemoError, match="is not a regular file"):
            ResultsFile(path)


def test_places_that_cannot_be_written_are_found_out_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiffDemoError, match=r"There is no folder '.*nowhere'"):
        ResultsFile(tmp_path / "nowhere" / "r.jsonl")
    with pytest.raises(DiffDemoError, match=r"Cannot read or write '.*': File name too long"):
        ResultsFile(tmp_path / ("x" * 300))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which not even root can make files")
def test_a_folder_without_room_is_found_out_before_the_work() -> None:
    with pytest.raises(DiffDemoError, match=r"Cannot read or write '/proc/r.jsonl'"):
        ResultsFile(Path("/proc/r.jsonl"))


@contextlib.contextmanager
def room_for(num_bytes: int) -> Iterator[None]:
    """Lets no file grow any further, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_costs_one_line(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "r.jsonl")
    results.append(row("a.png"))
    with (
        room_for(results.path.stat().st_size + 50),
        pytest.raises(DiffDemoError, match=r"Cannot read or write '.*r.jsonl': File too large. What was measured"),
    ):
        results.append(row("b.png"))
    assert [each["picture"] for each in results.rows] == ["a.png"]
    again = ResultsFile(results.path)
    assert (len(again.rows), again.torn) == (1, 1)
    again.append(row("c.png"))
    assert [each["picture"] for each in ResultsFile(results.path).rows] == ["a.png", "c.png"]


def test_two_runs_into_one_file_tear_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"

    def append_many(picture: str) -> None:
        results = ResultsFile(path)
        for _ in range(200):
            results.append(row(picture, points=[POINT] * 40))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(append_many, ("a.png", "b.png")))
    results = ResultsFile(path)
    assert (len(results.rows), results.torn) == (400, 0)
