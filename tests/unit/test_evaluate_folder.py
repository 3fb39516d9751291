"""Evaluations of folders as people have them: odd entries, odd pictures, other pictures of the same name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.cli.parser import main as cli
from diffdemo.engine.classical.files import Ladder, classical_curve
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.images import Pixels
from diffdemo.measure import evaluate, runs
from diffdemo.measure.results.picture import sha256_of
from diffdemo.pictures.folder import picture_paths


def noise(seed: int, height: int = 16, width: int = 24) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """JPEG only: how pictures are told apart and what fails is the same for all codecs."""
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: [runs.OriginalRun(), runs.ClassicalRun("jpeg")])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def rows_of(results: Path) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in results.read_text().splitlines()]


def jpeg_sizes(pixels: Pixels) -> list[int]:
    return [point.num_bytes for point in classical_curve(pixels, "jpeg")]


def sizes_of(row: dict) -> list[int]:
    return [point["num_bytes"] for point in row["points"]]


def test_pictures_of_the_same_name_in_two_folders_have_their_own_numbers(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = noise(0), np.full((16, 24, 3), 90, np.uint8)
    folders = [save(tmp_path / name / "a.png", each).parent for name, each in (("A", first), ("B", second))]
    outputs = []
    for folder in (*folders, folders[0]):
        assert evaluate.main([str(folder), "-o", str(results)]) == 0
        outputs.append(capsys.readouterr().out)
    rows = rows_of(results)
    assert [row["sha256"] for row in rows] == [sha256_of(first), sha256_of(second)], "and nothing is measured twice"
    assert [sizes_of(row) for row in rows] == [jpeg_sizes(first), jpeg_sizes(second)]
    assert outputs[0] == outputs[2] != outputs[1]
    assert all(output.startswith("1 picture;") for output in outputs)


def test_a_picture_that_changed_is_measured_anew(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "A" / "a.png", noise(0))
    assert evaluate.main([str(path.parent), "-o", str(results)]) == 0
    save(path, noise(1))
    assert evaluate.main([str(path.parent), "-o", str(results)]) == 0
    assert [sizes_of(row) for row in rows_of(results)] == [jpeg_sizes(noise(0)), jpeg_sizes(noise(1))]
    captured = capsys.readouterr()
    assert "2 pictures" not in captured.out
    assert "1 line of" in captured.err
    assert "are not in" in captured.err


def test_equal_pixels_under_another_name_or_format_are_one_picture(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "A"
    for name in ("a.png", "b.BMP", "c.tiff"):
        save(folder / name, noise(0))
    assert evaluate.main([str(folder), "-o", str(results)]) == 0
    assert len(rows_of(results)) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("1 picture;")
    assert "b.BMP has the same pixels as a.png" in captured.err
    (folder / "a.png").rename(folder / "renamed.png")
    assert evaluate.main([str(folder), "-o", str(results)]) == 0
    assert len(rows_of(results)) == 1


def test_lines_without_a_hash_count_for_nothing_and_are_said(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "A" / "a.png", noise(0))
    point = {"num_bytes": 1, "bpp": 1.0, "psnr_db": 99.0, "ms_ssim": None}
    results.write_text(json.dumps({"picture": "a.png", "codec": "jpeg", "settings": {}, "points": [point]}) + "\n")
    assert evaluate.main([str(path.parent), "-o", str(results)]) == 0
    assert sizes_of(rows_of(results)[-1]) == jpeg_sizes(noise(0))
    captured = capsys.readouterr()
    assert "1 older line of" in captured.err
    assert "99.00" not in captured.out


def test_a_run_goes_on_after_a_torn_line(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "A"
    for seed in range(2):
        save(folder / f"{seed}.png", noise(seed))
    assert evaluate.main([str(folder), "-o", str(results)]) == 0
    whole = capsys.readouterr().out
    results.write_bytes(results.read_bytes()[:-40])
    assert evaluate.main([str(folder), "-o", str(results)]) == 0
    captured = capsys.readouterr()
    assert captured.out == whole
    assert "1 line of" in captured.err
    assert "1.png: jpeg, 11 points" in captured.err
    assert "0.png" not in captured.err


def test_the_hash_is_that_of_a_ppm_file(tmp_path: Path) -> None:
    picture = save(tmp_path / "a.ppm", noise(0))
    assert sha256_of(noise(0)) == hashlib.sha256(picture.read_bytes()).hexdigest()
    flat = np.zeros((2, 6, 3), np.uint8)
    assert sha256_of(flat) != sha256_of(flat.reshape(3, 4, 3)), "the sides belong to it"


@pytest.fixture
def odd_folder(tmp_path: Path) -> Iterator[Path]:
    """Two pictures, one of them with a loud suffix, among all that is called like one."""
    folder = tmp_path / "odd"
    save(folder / "good.png", noise(0))
    save(folder / "LOUD.JPG", noise(1))
    save(folder / "moving.gif", noise(2))
    (folder / "._good.png").write_bytes(b"\0\5\x16\7" + bytes(60))
    (folder / "folder.png").mkdir()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("hello")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:60])
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "locked.png").write_bytes((folder / "good.png").read_bytes())
    (folder / "locked.png").chmod(0)
    (folder / "notes.txt").write_text("not called like a picture")
    (folder / ".DS_Store").write_bytes(b"\0")
    yield folder
    (folder / "locked.png").chmod(0o600)


BAD = ("._good.png", "folder.png", "empty.jpg", "text.png", "cut.png", "pipe.png", "dangling.png", "loop.png")


def test_entries_that_cannot_be_read_are_reported_and_the_rest_is_measured(
    odd_folder: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([str(odd_folder), "-o", str(results)]) == 0
    captured = capsys.readouterr()
    assert {row["picture"] for row in rows_of(results)} >= {"good.png", "LOUD.JPG", "moving.gif"}
    for name in BAD:
        (line,) = (line for line in captured.err.splitlines() if f"'{name}'" in line)
        assert line.startswith("diffdemo: left out: ")
    # Root may read what is locked, and finds the pixels of another one.
    is_locked = any("'locked.png'" in line for line in captured.err.splitlines())
    assert is_locked or "locked.png has the same pixels as good.png" in captured.err
    assert f"{len(BAD) + is_locked} entries of the folder could not be read" in captured.err
    assert "notes.txt" not in captured.err
    assert captured.out.startswith("3 pictures;")


def test_nothing_that_can_be_read_is_a_failure(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "A"
    folder.mkdir()
    (folder / "a.png").write_text("hello")
    assert evaluate.main([str(folder), "-o", str(results)]) == 1
    captured = capsys.readouterr()
    assert "1 entry of the folder could not be read" in captured.err
    assert captured.err.splitlines()[-1].endswith("could be measured")
    assert captured.out == ""
    assert not results.exists()


def test_a_folder_without_pictures(tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([str(tmp_path), "-o", str(results)]) == 1
    assert "there are no pictures in" in capsys.readouterr().err


def test_names_cannot_write_to_the_terminal(
    tmp_path: Path, results: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "A" / "a.png", noise(0)).rename(tmp_path / "A" / "a\n\x1b[31m.png")
    assert evaluate.main([str(tmp_path / "A"), "-o", str(results)]) == 0
    assert capsys.readouterr().err == "a ?[31m.png: jpeg, 11 points\n"


@pytest.mark.parametrize("place", ["nowhere", "file.txt"])
def test_what_is_no_folder_is_said(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file.txt").write_text("hello")
    with pytest.raises(DiffDemoError, match=place):
        picture_paths(tmp_path / place)
    assert cli(["evaluate", str(tmp_path / place), "-o", str(tmp_path / "r")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("diffdemo: ")


def test_another_file_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = save(tmp_path / "A" / "a.png", noise(0))
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: pytest.fail("the work began"))
    before = picture.read_bytes()
    assert cli(["evaluate", str(picture.parent), "-o", str(picture)]) == 1
    assert "is not a results file" in capsys.readouterr().err
    assert picture.read_bytes() == before


def test_a_picture_that_one_codec_cannot_take_is_left_out_for_it_alone(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codecs = ("jpeg", "webp")
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: [runs.ClassicalRun(codec) for codec in codecs])
    save(tmp_path / "A" / "long.png", np.zeros((1, 17_000, 3), np.uint8))
    save(tmp_path / "A" / "usual.png", noise(0))
    assert evaluate.main([str(tmp_path / "A"), "-o", str(results)]) == 0
    assert [(row["picture"], row["codec"]) for row in rows_of(results)] == [
        ("long.png", "jpeg"),
        ("usual.png", "jpeg"),
        ("usual.png", "webp"),
    ]
    error = capsys.readouterr().err
    assert "long.png is left out for webp: webp cannot hold a picture of 17000 x 1 pixels" in error
    assert "1 measurement failed" in error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
        (ImageError("No."), "No."),
    ],
)
def test_whatever_fails_with_one_picture_stays_with_it(
    error: Exception,
    words: str,
    tmp_path: Path,
    results: Path,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(3):
        save(tmp_path / "A" / f"{number}.png", noise(number, height=16 + number))

    def fragile(pixels: Pixels, codec: str, metrics: Collection[str]) -> list:
        if pixels.shape[0] == 17:
            raise error
        return classical_curve(pixels, codec, metrics)

    monkeypatch.setattr(runs, "classical_curve", fragile)
    assert evaluate.main([str(tmp_path / "A"), "-o", str(results)]) == 0
    assert [row["picture"] for row in rows_of(results)] == ["0.png", "2.png"]
    captured = capsys.readouterr()
    assert f"1.png is left out for jpeg: {words}" in captured.err.replace("There is ", "")
    assert captured.out.startswith("2 pictures;")


def test_results_that_can_no_longer_be_written_end_the_run_in_one_line(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = save(tmp_path / "A" / "a.png", noise(0))
    folder = tmp_path / "gone"
    folder.mkdir()

    def measured(pixels: Pixels, codec: str, metrics: Collection[str]) -> list:
        folder.rmdir()
        return classical_curve(pixels, codec, metrics)

    monkeypatch.setattr(runs, "classical_curve", measured)
    assert cli(["evaluate", str(picture.parent), "-o", str(folder / "r.jsonl")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Cannot read or write" in line
    assert line.endswith("What was measured before is kept.")


@pytest.mark.parametrize("looks", [[], ["--looks", "1", "3"]])
def test_odd_pictures_are_measured_by_all_codecs_that_can(
    looks: list[str], tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1x1, 2x2, all black (which classical codecs reproduce exactly), and one with more to say."""
    folder = tmp_path / "A"
    save(folder / "1x1.png", noise(0, 1, 1))
    save(folder / "2x2.png", noise(1, 2, 2))
    save(folder / "black.png", np.zeros((40, 40, 3), np.uint8))
    smooth = np.add.outer(np.arange(48), np.arange(48))[..., None] + noise(2, 48, 48) // 40
    save(folder / "usual.png", smooth.astype(np.uint8))
    arguments = [str(folder), "-o", str(results), "--bpp", "3", "--preset", "fast", "--codecs", "diffc", "cdc"]
    arguments += ["--decoders", "mean", "--steps", "1", *looks]
    assert evaluate.main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("4 pictures;")
    assert "lossless points left out (" in captured.out
    assert not {"nan", "inf", "-inf", "+inf"} & set(captured.out.replace(",", " ").split())
    assert "1x1.png is left out for diffc: 0 bytes are too few" in captured.err
    assert any(point["psnr_db"] is None for row in rows_of(results) for point in row.get("points", []))
    before = results.read_bytes()
    assert evaluate.main(arguments) == 0
    assert results.read_bytes() == before
    assert capsys.readouterr().out == captured.out


def test_a_picture_without_a_jpeg_has_its_points_of_cdc(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(ladder: Ladder, num_bytes: int) -> None:
        raise ImageError("jpeg cannot hold this.")

    monkeypatch.setattr(Ladder, "smallest_from", refuse)
    folder = save(tmp_path / "A" / "a.png", noise(0)).parent
    assert evaluate.main([str(folder), "-o", str(results), "--codecs", "cdc", "--steps", "1", "--bpp", "8"]) == 0
    (point,) = rows_of(results)[-1]["points"]
    assert point["jpeg"] is None


@pytest.mark.parametrize("options", [["--bpp", "nan"], ["--bpp", "inf"], ["--bpp", "1e300"], ["--looks", "0"]])
def test_rates_that_are_no_rates(options: list[str], tmp_path: Path, results: Path) -> None:
    with pytest.raises(SystemExit):
        evaluate.main([str(tmp_path), "-o", str(results), *options])
