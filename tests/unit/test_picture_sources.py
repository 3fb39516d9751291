"""Which files are opened at all, and what is said about the others."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from picture_files import file_of, png_that_claims
from PIL import Image

from diffdemo.errors import ImageError
from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture, readable_formats, source


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    began = time.monotonic()
    with pytest.raises(ImageError, match=r"'pipe\.png': it is not an ordinary file"):
        load_picture(path)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_devices_are_refused_directly_and_through_links(tmp_path: Path, device: str) -> None:
    link = tmp_path / "photo.jpg"
    link.symlink_to(device)
    for path in (Path(device), link):
        with pytest.raises(ImageError, match="not an ordinary file"):
            load_picture(path)


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"'a\.png': its links lead in a circle"):
        load_picture(tmp_path / "a.png")


def test_a_link_to_a_picture_is_followed(tmp_path: Path, gradient: Pixels) -> None:
    (tmp_path / "real.png").write_bytes(to_png(gradient))
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    assert load_picture(tmp_path / "link.png").pixels.shape == gradient.shape


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 5000 + ".png", ""])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(ImageError, match="Cannot read"):
        load_picture(name)


def test_messages_name_the_file_without_its_folders_and_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    path = folder / "two\nlines\x1b[31m.png"
    path.write_text("not a picture")
    with pytest.raises(ImageError) as refusal:
        load_picture(path)
    assert str(refusal.value).startswith("'two?lines?[31m.png' is not a picture")
    assert "private" not in str(refusal.value)


def test_an_endless_name_is_shortened_in_messages() -> None:
    assert len(source.name_of("x" * 5000)) < 100


def test_long_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(source.MAX_FILE_BYTES + 1)
    began = time.thread_time()
    with pytest.raises(ImageError, match=r"'long\.png' is longer than 256 MB"):
        load_picture(path)
    assert time.thread_time() - began < 0.05


def test_long_uploads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(ImageError, match="The file is longer than 1 MB"):
        load_picture(bytes((1 << 20) + 1))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_wrong_ending_does_not_matter(tmp_path: Path, gradient: Pixels, kind: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(file_of(Image.fromarray(gradient), kind))
    assert load_picture(path).pixels.shape == gradient.shape


def test_the_formats_are_named_when_none_fits() -> None:
    with pytest.raises(ImageError) as refusal:
        load_picture(b"RIFF\0\0\0\0WAVEfmt ")
    assert readable_formats() in str(refusal.value)
    assert "JPEG" in readable_formats()
    assert " and " in readable_formats()


# --- how large a picture in a file may be -----------------------------------------------------------------------------


def test_the_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, gradient: Pixels) -> None:
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "5000")
    with pytest.raises(ImageError, match="128 x 96 pixels; at most 5,000 can be read"):
        load_picture(to_png(gradient))
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", str(128 * 96))
    assert load_picture(to_png(gradient)).pixels.shape == gradient.shape
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "")
    assert load_picture(to_png(gradient)).pixels.shape == gradient.shape


@pytest.mark.parametrize("text", ["many", "0", "-5", "1e8", "12.5", "9" * 30, "١٢"])
def test_a_limit_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch, gradient: Pixels, text: str) -> None:
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", text)
    with pytest.raises(ImageError, match=r"DIFFDEMO_MAX_FILE_PIXELS is .*; expected a whole number"):
        load_picture(to_png(gradient))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_the_limit_holds_for_every_kind(monkeypatch: pytest.MonkeyPatch, gradient: Pixels, kind: str) -> None:
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", "4000")
    with pytest.raises(ImageError, match="128 x 96 pixels; at most"):
        load_picture(file_of(Image.fromarray(gradient), kind))


def test_a_side_that_makes_a_single_row_huge_is_refused() -> None:
    with pytest.raises(ImageError, match="a side of at most 1,000,000"):
        load_picture(png_that_claims(2_000_000, 1))
