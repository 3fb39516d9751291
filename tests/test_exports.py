"""What `import diffdemo` offers."""

from __future__ import annotations

import inspect
import io
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import diffdemo
from diffdemo import errors
from diffdemo.engine import Engine, Frame
from diffdemo.images import Pixels, to_png


def test_all_is_sorted_and_complete() -> None:
    assert diffdemo.__all__ == sorted(diffdemo.__all__)
    assert len(set(diffdemo.__all__)) == len(diffdemo.__all__)
    assert dir(diffdemo) == diffdemo.__all__
    for name in diffdemo.__all__:
        assert getattr(diffdemo, name) is not None


def test_every_exception_is_exported() -> None:
    defined = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert defined <= set(diffdemo.__all__)


def test_lazy_names_are_the_real_ones() -> None:
    assert diffdemo.Engine is Engine
    assert diffdemo.encode.__module__ == "diffdemo.api"


def test_unknown_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        diffdemo.nothing_of_ours  # noqa: B018


@pytest.fixture
def shared_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("diffdemo.api._engine", lambda: engine)
    return engine


@pytest.mark.usefixtures("shared_engine")
def test_a_picture_goes_into_a_file_and_out_again(edges: Pixels) -> None:
    data = diffdemo.encode(edges, bpp=0.5, preset="fast")
    assert len(data) <= 0.5 * edges.shape[0] * edges.shape[1] / 8
    frames = list(diffdemo.decode(data))
    assert all(isinstance(frame, Frame) for frame in frames)
    assert frames[-1].pixels.shape == edges.shape
    assert np.corrcoef(frames[-1].pixels.ravel(), edges.ravel())[0, 1] > 0.5


@pytest.mark.usefixtures("shared_engine")
def test_the_other_codec(gradient: Pixels) -> None:
    picture = gradient[:40, :48].copy()
    data = diffdemo.encode(picture, codec="cdc", num_bytes=600)
    assert len(data) <= 600
    *_, quick = diffdemo.decode(data, steps=1)
    assert (quick.decoder, quick.num_steps, quick.pixels.shape) == ("deterministic", 1, picture.shape)
    drawn = [
        [*diffdemo.decode(data, decoder="stochastic", gamma=1.0, eta=0.5, steps=2, seed=seed)][-1].pixels
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    with pytest.raises(diffdemo.TruncatedBitstream):
        diffdemo.decode(data, num_bytes=len(data) - 1)
    with pytest.raises(diffdemo.RateError, match="no decoder 'flow'"):
        diffdemo.decode(data, decoder="flow")
    with pytest.raises(diffdemo.RateError, match="Gamma"):
        diffdemo.decode(data, gamma=3.0)


@pytest.mark.usefixtures("shared_engine")
def test_every_kind_of_picture_gives_the_same_file(edges: Pixels, tmp_path) -> None:
    path = tmp_path / "edges.png"
    path.write_bytes(to_png(edges))
    kinds = [edges, path, str(path), path.read_bytes(), Image.fromarray(edges)]
    assert len({diffdemo.encode(kind, num_bytes=100, preset="fast") for kind in kinds}) == 1


@pytest.mark.usefixtures("shared_engine")
def test_decode_takes_part_of_a_file(gradient: Pixels) -> None:
    data = diffdemo.encode(gradient, num_bytes=200, preset="fast")
    *_, last = diffdemo.decode(data, num_bytes=120)
    assert last.num_bytes <= 120
    with pytest.raises(diffdemo.TruncatedBitstream):
        list(diffdemo.decode(data[:5]))


@pytest.mark.usefixtures("shared_engine")
def test_every_kind_of_bytes_and_path_is_the_same_file(gradient: Pixels, tmp_path: Path) -> None:
    data = diffdemo.encode(gradient, num_bytes=100, preset="fast")
    path = tmp_path / "a.difd"
    path.write_bytes(data)
    kinds = [data, bytearray(data), memoryview(data), path, str(path)]
    assert len({[*diffdemo.decode(kind)][-1].pixels.tobytes() for kind in kinds}) == 1
    picture = to_png(gradient)
    kinds = [bytearray(picture), memoryview(picture), memoryview(bytearray(picture))]
    assert {diffdemo.encode(kind, num_bytes=100, preset="fast") for kind in kinds} == {data}


@pytest.mark.usefixtures("shared_engine")
def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for source in (tmp_path / "nothing", tmp_path, str(tmp_path / "a\0b"), "/dev/null", "", 5, None, [1], bytearray()):
        with pytest.raises(diffdemo.BitstreamError):
            diffdemo.decode(source)


@pytest.mark.usefixtures("shared_engine")
def test_arrays_of_every_layout_are_taken_and_left_alone(gradient: Pixels) -> None:
    wide = np.repeat(gradient, 2, axis=1)
    masked = np.ma.masked_array(gradient)
    read_only = gradient.copy()
    read_only.flags.writeable = False
    layouts = [
        read_only,
        np.frombuffer(gradient.tobytes(), np.uint8).reshape(gradient.shape),
        wide[:, ::2],
        gradient[::-1].copy()[::-1],
        np.asfortranarray(gradient),
        np.ascontiguousarray(gradient.transpose(2, 0, 1)).transpose(1, 2, 0),
        masked,
    ]
    before = [array.copy() for array in layouts]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files = {diffdemo.encode(array, num_bytes=100, preset="fast") for array in layouts}
    assert files == {diffdemo.encode(gradient, num_bytes=100, preset="fast")}
    assert all(np.array_equal(array, copy) for array, copy in zip(layouts, before, strict=True))
    assert not read_only.flags.writeable


@pytest.mark.usefixtures("shared_engine")
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((8, 8, 3)), "float64 [8, 8, 3]"),
        (np.zeros((8, 8, 3), np.int64), "int64 [8, 8, 3]"),
        (np.zeros((8, 8, 3), bool), "bool [8, 8, 3]"),
        (np.zeros((8, 8, 3), np.uint16), "uint16"),
        (np.zeros((8, 8, 4), np.uint8), "Image.fromarray(array)"),
        (np.zeros((8, 8), np.uint8), "Image.fromarray(array)"),
        (np.zeros((8, 8, 1), np.uint8), "[8, 8, 1]"),
        (np.zeros((1, 8, 8, 3), np.uint8), "[1, 8, 8, 3]"),
        (np.zeros((0, 8, 3), np.uint8), "nothing to compress"),
        (np.zeros(3, object), "object"),
        (np.array(5), "[]"),
        ([[0, 0, 0]], "A list is no picture"),
        (None, "A NoneType is no picture"),
        (5, "A int is no picture"),
    ],
)
def test_arrays_that_are_no_pictures(array: object, words: str) -> None:
    with pytest.raises(diffdemo.ImageError) as raised:
        diffdemo.encode(array)
    assert words in str(raised.value)


@pytest.mark.usefixtures("shared_engine")
def test_pillow_images_that_are_damaged(gradient: Pixels) -> None:
    whole = io.BytesIO()
    Image.fromarray(gradient).save(whole, "JPEG", quality=95)
    for data in (whole.getvalue()[: len(whole.getvalue()) // 3], to_png(gradient)[:300]):
        with Image.open(io.BytesIO(data)) as lazy, pytest.raises(diffdemo.ImageError, match="damaged or incomplete"):
            diffdemo.encode(lazy)
    closed = Image.open(io.BytesIO(to_png(gradient)))
    closed.close()
    with pytest.raises(diffdemo.ImageError):
        diffdemo.encode(closed)


WRONG = [math.nan, math.inf, -1, True, "1", [1], 1j]


@pytest.mark.usefixtures("shared_engine")
@pytest.mark.parametrize("value", [*WRONG, 0], ids=repr)
@pytest.mark.parametrize("name", ["bpp", "num_bytes", "psnr_db"])
def test_wrong_targets_are_named(name: str, value: object, gradient: Pixels) -> None:
    with pytest.raises(diffdemo.RateError, match=f"^{name} is "):
        diffdemo.encode(gradient, **{name: value})


@pytest.mark.usefixtures("shared_engine")
@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", value) for value in (*WRONG, 0.5, 1 << 32)] + [(n, 5) for n in ("prompt", "preset", "model", "codec")],
)
def test_other_wrong_arguments_are_named(name: str, value: object, gradient: Pixels) -> None:
    with pytest.raises(diffdemo.RateError, match=f"^{name} is "):
        diffdemo.encode(gradient, **{name: value})


@pytest.mark.usefixtures("shared_engine")
@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("name", ["num_bytes", "realism", "gamma", "eta", "steps", "seed", "decoder"])
def test_wrong_arguments_of_a_decode_are_named(name: str, value: object, gradient: Pixels) -> None:
    data = diffdemo.encode(gradient[:8, :8], num_bytes=64, preset="fast")
    with pytest.raises(diffdemo.RateError, match=f"(?i){name}"):
        diffdemo.decode(data, **{name: value})


@pytest.mark.usefixtures("shared_engine")
def test_more_bytes_than_there_are_is_all_of_them(gradient: Pixels) -> None:
    data = diffdemo.encode(gradient[:8, :8], num_bytes=64, preset="fast")
    *_, last = diffdemo.decode(data, num_bytes=10**30)
    assert last.num_bytes == len(data)
