"""What `import diffdemo` offers."""

from __future__ import annotations

import inspect

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
