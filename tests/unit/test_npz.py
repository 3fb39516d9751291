"""Pictures in array files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffdemo.errors import DiffDemoError
from diffdemo.measure import evaluate
from diffdemo.measure.datasets.npz import as_folder

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)


def pixels_in(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]


def test_pictures_lie_in_a_folder_for_as_long_as_they_are_needed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, names=np.array(["n/1", "b", "c", "d", "e"]))
    with as_folder(tmp_path / "a.npz", None) as folder:
        np.testing.assert_array_equal(pixels_in(folder), IMAGES)
        assert sorted(path.name for path in folder.iterdir())[0] == "000000-n-1.png"
    assert not folder.exists()


def test_planes_one_after_the_other_are_pictures(tmp_path: Path) -> None:
    """As ImageNet-64 and CIFAR-10 have them: all of red, all of green, all of blue."""
    planes = np.stack([np.concatenate([image[:, :, channel].ravel() for channel in range(3)]) for image in IMAGES])
    np.savez(tmp_path / "a.NPZ.npz", data=planes, labels=np.arange(5))
    with as_folder(tmp_path / "a.NPZ.npz", 2) as folder:
        np.testing.assert_array_equal(pixels_in(folder), IMAGES[:2])


def test_a_folder_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "odd.npz").mkdir()
    for place in (tmp_path, tmp_path / "odd.npz", tmp_path / "nowhere"):
        with as_folder(place, 3) as folder:
            assert folder == place


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"labels": np.arange(3)},
        {"images": IMAGES.astype(np.float32)},
        {"images": IMAGES[:, :, :, 0]},
        {"images": IMAGES[:0]},
        {"data": np.zeros((2, 100), np.uint8)},
        {"data": np.uint8(3)},
        {"images": np.array([{"a": 1}], dtype=object)},
    ],
)
def test_what_holds_no_pictures_is_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DiffDemoError, match="holds no pictures"), as_folder(tmp_path / "a.npz", None):
        pass


@pytest.mark.parametrize("content", [b"", b"PK\3\4 torn", b"no archive"])
def test_what_is_no_array_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DiffDemoError, match="holds no pictures"), as_folder(tmp_path / "a.npz", None):
        pass
    np.save(tmp_path / "one.npy", IMAGES)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DiffDemoError, match="holds no pictures"), as_folder(tmp_path / "one.npz", None):
        pass
    with pytest.raises(DiffDemoError, match="Cannot read"), as_folder(tmp_path / "nowhere.npz", None):
        pass


def test_an_evaluation_takes_an_array_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES)
    arguments = [str(tmp_path / "a.npz"), "-o", str(tmp_path / "results.jsonl"), "--first", "2"]
    assert evaluate.main([*arguments, "--bpp", "8", "--preset", "fast", "--decoders", "mean"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {row["picture"] for row in rows} == {"000000.png", "000001.png"}
    assert capsys.readouterr().out.startswith("2 pictures; ")
