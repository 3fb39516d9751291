"""CoD-Lite's layers, one by one, against what they are meant to compute written out plainly."""

from __future__ import annotations

import math
import zlib

import pytest
import torch

from diffdemo.models.cod.layers import Downsample, WindowAttention
from diffdemo.models.cod.pixels import Gain, image_of, patches_of
from diffdemo.models.cod.quantiser import Quantiser
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.cod.trunk import TimeEmbedding

TABLE_CHECK = 935447729
"""CRC-32 of the table that the authors' code computes in bfloat16, as float32."""


def plain_attention(layer: WindowAttention, h: torch.Tensor, side: int) -> torch.Tensor:
    """Attention place by place: each asks the places of its own window, of which those outside repeat the edge."""
    normal = layer.norm(h)
    query, key, value = layer.q(normal)[0], layer.k(normal)[0], layer.v(normal)[0]
    channels, height, width = query.shape
    answer = torch.empty_like(query)
    for y in range(height):
        for x in range(width):
            rows = [min(r, height - 1) for r in range(y // side * side, y // side * side + side)]
            columns = [min(c, width - 1) for c in range(x // side * side, x // side * side + side)]
            keys, values = (part[:, rows][:, :, columns].flatten(1) for part in (key, value))
            weight = torch.softmax(query[:, y, x] @ keys / math.sqrt(channels), dim=0)
            answer[:, y, x] = values @ weight
    return h + layer.proj_out(answer[None])


@torch.no_grad()
@pytest.mark.parametrize("size", [(33, 3), (2, 40), (34, 36)])
def test_attention_of_large_maps_stays_in_windows_whose_edges_are_repeated(size):
    torch.manual_seed(0)
    layer = WindowAttention(8, 4)
    h = 2 * torch.randn(1, 8, *size)
    assert torch.allclose(layer(h), plain_attention(layer, h, 32), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (5, 32), (32, 3)])
def test_attention_of_maps_up_to_a_window_sees_the_whole_map_and_nothing_else(size):
    torch.manual_seed(1)
    layer = WindowAttention(8, 4)
    h = 2 * torch.randn(2, 8, *size)
    normal = layer.norm(h)
    query, key, value = (part(normal).flatten(2) for part in (layer.q, layer.k, layer.v))
    weight = torch.softmax(query.transpose(1, 2) @ key / math.sqrt(8), dim=2)
    expected = h + layer.proj_out((value @ weight.transpose(1, 2)).view_as(h))
    assert torch.allclose(layer(h), expected, atol=1e-5)


@torch.no_grad()
def test_halving_pads_to_the_right_and_below_only():
    layer = Downsample(2)
    layer.conv.weight.zero_()
    layer.conv.weight[0, 0, 0, 0] = layer.conv.weight[1, 1, 2, 2] = 1
    layer.conv.bias.zero_()
    h = torch.arange(1.0, 33.0).view(1, 2, 4, 4)
    out = layer(h)
    assert torch.equal(out[0, 0], h[0, 0, ::2, ::2])
    assert out[0, 1].tolist() == [[27.0, 0.0], [0.0, 0.0]]


def test_the_first_of_equal_codes_is_taken():
    quantiser = Quantiser(256, 16)
    with torch.no_grad():
        quantiser.embedding.weight[128:] = quantiser.embedding.weight[:128]
    z = quantiser.vectors(torch.arange(256)[None, None]) + 0.01
    assert quantiser.indices(z).flatten().tolist() == [*range(128), *range(128)]


@torch.no_grad()
def test_codes_are_the_nearest_in_raster_order():
    torch.manual_seed(3)
    quantiser = Quantiser(16, 5)
    z = torch.randn(1, 5, 3, 4)
    found = quantiser.indices(z)
    assert found.shape == (1, 3, 4)
    for y in range(3):
        for x in range(4):
            distances = (quantiser.embedding.weight - z[0, :, y, x]).square().sum(dim=1)
            assert int(found[0, y, x]) == int(distances.argmin())
    assert torch.equal(quantiser.vectors(found)[0, :, 2, 1], quantiser.embedding.weight[found[0, 2, 1]])


def test_small_differences_far_from_the_origin_decide():
    """In float32 the squares would swallow them."""
    quantiser = Quantiser(2, 1)
    with torch.no_grad():
        quantiser.embedding.weight[:] = torch.tensor([[4096.0], [4096.25]])
    z = torch.tensor([4096.0625, 4096.1875]).view(1, 1, 1, 2)
    assert quantiser.indices(z).flatten().tolist() == [0, 1]


def test_the_table_of_positions_in_float32_is_its_formula_with_columns_first():
    table = position_table(TablePrecision.FLOAT32)
    for row, column, i, j in ((0, 0, 0, 0), (3, 15, 7, 1), (15, 3, 1, 7), (8, 9, 4, 5)):
        f, g = 8 * i / 7, 8 * j / 7
        expected = math.cos(math.pi * column / 15 * f) * math.cos(math.pi * row / 15 * g) / (1 + f * g)
        assert float(table[16 * row + column, 8 * i + j]) == pytest.approx(expected, abs=2e-6)


def test_the_table_in_bfloat16_is_the_same_to_the_last_bit_everywhere():
    table = position_table(TablePrecision.BFLOAT16)
    assert zlib.crc32(table.numpy().astype("<f4").tobytes()) == TABLE_CHECK
    distance = table - position_table(TablePrecision.FLOAT32)
    assert float(distance.square().mean().sqrt()) == pytest.approx(0.0120, abs=1e-4)
    assert float(distance.abs().max()) == pytest.approx(0.1085, abs=1e-4)


@torch.no_grad()
def test_time_is_cosines_then_sines():
    embedding = TimeEmbedding(4)
    angles = [0.37 * 10_000 ** (-i / 128) for i in range(128)]
    waves = torch.tensor([math.cos(a) for a in angles] + [math.sin(a) for a in angles])
    assert torch.allclose(embedding(0.37), embedding.mlp(waves), atol=1e-6)


@torch.no_grad()
def test_the_last_norm_divides_by_the_root_mean_square():
    gain = Gain(4)
    gain.weight[:] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    q = torch.tensor([[3.0, -1.0, 1.0, 1.0]])
    assert torch.allclose(gain(q), gain.weight * q / math.sqrt(3 + 1e-6))


def test_patches_come_back_in_their_places():
    image = torch.arange(2 * 3 * 32 * 48.0).view(2, 3, 32, 48)
    patches = patches_of(image)
    assert torch.equal(patches[1, 1, 2, 16 * 5 + 7], image[1, :, 16 + 5, 32 + 7])
    assert torch.equal(image_of(patches), image)


@pytest.mark.parametrize(
    "sizes",
    [
        {"stride": 2},
        {"stride": 12},
        {"bits": 0},
        {"bits": 9},
        {"groups": 5},
        {"width": 0},
        {"blocks": -1},
        {"blocks": 10**9},
    ],
)
def test_sizes_that_no_network_has_are_refused(sizes):
    with pytest.raises(ValueError):
        CodShape(**{"stride": 16, "bits": 8, **sizes})


def test_a_shape_comes_back_from_the_strings_of_a_file():
    shape = CodShape(8, 4, width=96, groups=3, encoder_width=12)
    assert CodShape.from_metadata(shape.to_metadata()) == shape
    with pytest.raises(KeyError):
        CodShape.from_metadata({"stride": "8"})
