"""The training pictures: what is read, how it is split, what crops look like."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.training.archive import decoded, pack, pictures_in
from diffdemo.training.pictures import PictureFolder

GREY = np.full((40, 40, 3), 128, np.uint8)


def save(folder: Path, name: str, pixels: np.ndarray = GREY) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two hundred pictures 40 x 40, each of one colour of its own."""
    for number in range(200):
        save(tmp_path, f"photo{number}_0.png", np.full((40, 40, 3), number, np.uint8))
    return tmp_path


def colours(pictures: list[torch.Tensor]) -> set[int]:
    return {int(picture[0, 0, 0]) for picture in pictures}


def test_every_picture_is_on_one_side_of_the_split(folder: Path) -> None:
    pictures = PictureFolder(folder, smallest_side=32)
    training, held_out = colours(pictures.training), colours(pictures.held_out)
    assert training | held_out == set(range(200))
    assert not training & held_out
    assert 1 <= len(held_out) <= 20
    assert pictures.num_files == 200


def test_the_split_depends_on_names_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = PictureFolder(folder, smallest_side=32)
    other = tmp_path_factory.mktemp("other")
    for path in folder.iterdir():
        save(other, f"deep/er/{path.name}", np.array(Image.open(path)))
    after = PictureFolder(other, smallest_side=32)
    assert colours(after.held_out) == colours(before.held_out)


def test_crops_of_one_photograph_stay_together(tmp_path: Path) -> None:
    for photograph in range(60):
        for crop in range(3):
            save(tmp_path, f"p{photograph}_{crop}.png", np.full((40, 40, 3), photograph, np.uint8))
    pictures = PictureFolder(tmp_path, smallest_side=32)
    assert pictures.held_out
    assert not colours(pictures.training) & colours(pictures.held_out)


def test_excluded_folders_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path, f"good/a{number}_0.png", GREY)
        save(tmp_path, f"good/bad/b{number}_0.png", GREY)
    save(tmp_path, "good/small_0.png", GREY[:31])
    (tmp_path / "good" / "LICENCE.txt").write_text("free")
    assert PictureFolder(tmp_path, smallest_side=32).num_files == 16
    assert PictureFolder(tmp_path, exclude=("bad",), smallest_side=32).num_files == 8


def test_large_pictures_are_kept_at_half_size_too(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path, f"c{number}_0.png", np.zeros((64, 80, 3), np.uint8))
    pictures = PictureFolder(tmp_path, smallest_side=32)
    shapes = {tuple(picture.shape) for picture in pictures.training + pictures.held_out}
    assert shapes == {(3, 64, 80), (3, 32, 40)}


def test_grey_and_transparent_pictures_become_colour(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path, f"g{number}_0.png", GREY[..., 0])
        save(tmp_path, f"t{number}_0.png", np.full((40, 40, 4), 99, np.uint8))
    pictures = PictureFolder(tmp_path, smallest_side=32)
    assert {picture.shape[0] for picture in pictures.training} == {3}


@pytest.mark.parametrize("name", ["missing", "."])
def test_no_pictures(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="no picture of at least 32 pixels"):
        PictureFolder(tmp_path / name, smallest_side=32)


def test_crops_are_repeatable_and_in_range(folder: Path) -> None:
    pictures = PictureFolder(folder, smallest_side=32)
    first, again = (pictures.crops(6, 32, torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.shape == (6, 3, 32, 32)
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.equal(first, pictures.crops(6, 32, torch.Generator().manual_seed(6)))
    assert -1 <= float(first.min()) <= float(first.max()) <= 1


def test_crops_are_turned_pieces_of_a_training_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 36, 3), dtype=np.uint8)
    for number in range(4):
        save(tmp_path, f"p{number}_0.png", pixels)
    pictures = PictureFolder(tmp_path, smallest_side=32)
    crops = ((pictures.crops(80, 34, torch.Generator().manual_seed(0)) + 1) * 127.5).round().to(torch.uint8)
    pieces = {}
    for top in range(7):
        for left in range(3):
            piece = pixels[top : top + 34, left : left + 34]
            for turn in range(4):
                turned = np.rot90(piece, turn)
                pieces[turned.tobytes()] = turn
                pieces[turned[:, ::-1].tobytes()] = turn + 4
    found = [pieces[crop.permute(1, 2, 0).numpy().tobytes()] for crop in crops]
    assert set(found) == set(range(8)), "every orientation occurs"


def test_validation_crops_are_centres_of_held_out_pictures(folder: Path) -> None:
    pictures = PictureFolder(folder, smallest_side=32)
    crops = pictures.validation_crops(3, 32)
    assert crops.shape[1:] == (3, 32, 32)
    values = {round((float(crop.mean()) + 1) * 127.5) for crop in crops}
    assert values <= colours(pictures.held_out)
    assert torch.equal(crops, pictures.validation_crops(3, 32))
    with pytest.raises(FileNotFoundError, match="no held-out picture"):
        pictures.validation_crops(3, 64)


def test_training_pictures_can_be_halved_more_often_or_not_at_all(tmp_path: Path) -> None:
    for number in range(60):
        save(tmp_path, f"c{number}_0.png", np.full((128, 160, 3), number, np.uint8))
    once = PictureFolder(tmp_path, smallest_side=32)
    for halvings, sides in ((0, {128}), (1, {128, 64}), (2, {128, 64, 32})):
        pictures = PictureFolder(tmp_path, smallest_side=32, halvings=halvings)
        assert {picture.shape[1] for picture in pictures.training} == sides
        assert torch.equal(pictures.validation_crops(9, 64), once.validation_crops(9, 64))


def test_an_archive_gives_what_its_folder_gives(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(40):
        # Soft fields compress well, so that their files are taken as they are.
        save(tmp_path / "in", f"good/p{number}_0.png", np.full((40, 48, 3), random.integers(256), np.uint8))
    save(tmp_path / "in", "bad/x_0.png", GREY)
    save(tmp_path / "in", "good/small_0.png", GREY[:20])
    (tmp_path / "in" / "good" / "LICENCE.txt").write_text("CC0")
    archive = tmp_path / "pictures.tar"
    packed = pack(tmp_path / "in", archive, exclude=("bad",), smallest_side=32)
    assert (packed.num_pictures, packed.num_rewritten, packed.num_bytes) == (40, 0, archive.stat().st_size)
    whole, carried = (PictureFolder(data, exclude=("bad",), smallest_side=32) for data in (tmp_path / "in", archive))
    for one, other in ((whole.training, carried.training), (whole.held_out, carried.held_out)):
        assert len(one) == len(other) > 0
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        notice = tar.extractfile("NOTICE.txt")
        assert notice is not None
        assert "40  good" in notice.read().decode()
    assert "good/LICENCE.txt" in names
    assert not any("bad" in name or "small" in name for name in names)
    before = archive.read_bytes()
    pack(tmp_path / "in", archive, exclude=("bad",), smallest_side=32)
    assert archive.read_bytes() == before


def test_large_files_are_written_anew(tmp_path: Path) -> None:
    soft = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((200, 200))
    (tmp_path / "in").mkdir()
    soft.save(tmp_path / "in" / "p_0.bmp")
    packed = pack(tmp_path / "in", tmp_path / "p.tar")
    assert packed.num_rewritten == 1
    assert packed.num_bytes < 200 * 200
    ((name, content),) = pictures_in(tmp_path / "p.tar")
    assert str(name) == "p_0.avif"
    error = np.asarray(decoded(name, content)).astype(float) - np.asarray(soft)
    assert np.sqrt((error**2).mean()) < 3


def test_files_that_are_no_archive_or_no_picture(tmp_path: Path) -> None:
    (tmp_path / "p.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(DiffDemoError, match="neither a folder nor a whole archive"):
        PictureFolder(tmp_path / "p.tar")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "p_0.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"'deep/p_0.jpg' cannot be read as a picture"):
        PictureFolder(tmp_path / "in")
    with pytest.raises(ImageError):
        pack(tmp_path / "in", tmp_path / "out.tar")
    with pytest.raises(DiffDemoError, match="no picture of at least 128 pixels"):
        pack(tmp_path / "in", tmp_path / "out.tar", exclude=("deep",))
    assert {path.name for path in tmp_path.iterdir()} == {"p.tar", "in"}


def test_an_archive_that_was_cut_is_refused(tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path / "in", f"p{number}_0.png", np.random.default_rng(number).integers(0, 99, (40, 40, 3), np.uint8))
    pack(tmp_path / "in", tmp_path / "p.tar", smallest_side=32)
    whole = (tmp_path / "p.tar").read_bytes()
    (tmp_path / "p.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DiffDemoError, match="neither a folder nor a whole archive"):
        PictureFolder(tmp_path / "p.tar", smallest_side=32)
