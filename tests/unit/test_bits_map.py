"""Maps of where bits went: they sum to what was spent, and they lie where there was something to say."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.records import CellBits
from diffdemo.engine import Engine
from diffdemo.engine.bits_map import map_of
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import Pixels
from diffdemo.metrics.maps import COLOURS


@pytest.fixture(scope="module")
def picture() -> Pixels:
    """128 x 192: the left half is flat, the right half is texture."""
    pixels = np.full((128, 192, 3), 120, np.uint8)
    pixels[:, 96:] = np.random.default_rng(0).integers(60, 180, (128, 96, 1))
    return pixels


@pytest.fixture(scope="module")
def files(engine: Engine, picture: Pixels) -> dict[str, bytes]:
    """Of each codec one; the engine knows their original."""
    return {
        codec: [*engine.encode(picture, codec=codec, bpp=0.5, preset="fast")][-1].data for codec in ("diffc", "cdc")
    }


def halves(pixels: Pixels) -> tuple[float, float]:
    return float(pixels[:, :80].mean()), float(pixels[:, 112:].mean())


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_bits_lie_where_the_texture_is(engine, picture, files, codec):
    found = engine.bits_map(files[codec])
    assert found.pixels.shape == picture.shape
    flat, textured = halves(found.pixels)
    assert textured > 2 * flat
    assert found.num_bits == pytest.approx(8 * len(files[codec]), rel=0.12)
    assert found.cell == (1 if codec == "diffc" else 16)
    assert found.lightest > found.median


def test_fewer_bytes_are_fewer_bits_on_the_map(engine, files):
    data = files["diffc"]
    half = engine.bits_map(data, num_bytes=len(data) // 2)
    assert 0.2 < half.num_bits / engine.bits_map(data).num_bits < 0.8


def test_without_the_original_nothing_is_made_up(engine, picture, files):
    data = files["diffc"]
    elsewhere = Engine(device="cpu")
    assert elsewhere.bits_map(data) is None
    for _ in elsewhere.decode(data):
        pass
    assert elsewhere.bits_map(data) is None
    for _ in elsewhere.decode(data, reference=picture):
        pass
    assert elsewhere.bits_map(data).num_bits == pytest.approx(engine.bits_map(data).num_bits, rel=0.01)


def test_positions_sum_to_what_the_coder_counts(picture):
    codec = load_shipped(Cdc, choose_device("cpu"))
    content = codec.analyse(picture)
    found = codec.coded(codec.write(content, 64)).bits_by_cell(None, ())
    assert found.bits.sum() == pytest.approx(sum(codec.payload.bits_of(content, 64)))


def test_dark_is_nothing_and_light_is_most():
    bits = np.zeros((2, 3))
    bits[1, 2] = 8.0
    found = map_of(CellBits(bits, 4), 7, 11)
    assert found.pixels.shape == (7, 11, 3)
    assert found.pixels[0, 0].tolist() == COLOURS[0].tolist()
    assert found.pixels[6, 10].tolist() == COLOURS[-1].tolist()
