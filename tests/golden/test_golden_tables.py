"""What the range coder is fed with and what it writes, exactly: functions, tables, escapes, hyper-decoder, steps."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from torch import nn

from diffdemo.codecs.cdc_step import UNIT_CODE, delta_of, scales_in_steps
from diffdemo.coding import portable
from diffdemo.coding.frequency import (
    SCALE_THRESHOLDS,
    SCALES,
    FactorisedPrior,
    FrequencyTable,
    factorised_tables,
    gaussian_tables,
    scale_index,
)
from diffdemo.coding.range_coder import SymbolDecoder, SymbolEncoder
from diffdemo.errors import CorruptBitstream
from diffdemo.models.cdc.exact import ExactHyperDecoder
from tests.golden.digests import digest
from tests.golden.numbers import noise

UNEVEN = FrequencyTable(-1, np.array([1, (1 << 24) - 130, 1, 128], np.int64))
FAR = [0, 1, 2, -2, 3, -3, 4, -5, 9, -17, 100, -1000, 65_537, -131_072, (1 << 20) - 1, 1 - (1 << 20)]

FUNCTIONS = {
    "exp": "336a43b24f53eabe",
    "expm1": "7611c9e0ce7aa9de",
    "log1p": "abbf9a9589fecb5a",
    "sigmoid": "4be79dcbfa495182",
    "tanh": "88b4873bac2bb2bd",
    "softplus": "fa9f3259653990de",
    "normal_tail": "73addc4ec0a955df",
}
SCALE_GRID = "2c5eafba29da5a83"
THRESHOLDS = "999911eda5ec0056"
INDICES = "2838c3c2872f183f"
GAUSSIAN = 0x8A264113
FACTORISED = 0xD211E272
SYMBOLS = (
    "fffeff003f82007fff3fffffff3fffffff3ffffffffffffffffffffffffffffffd5c20a01e00c01fe00ff803ffc01ffc8a9c1ba18c3fffff"
    "c01ff007ff405fc008973de8c8c6b2171c2feb885af53fffff9ccd71fffffff39df96bffffffe764cf65fffffff9d733e0"
)
LONGEST = "fffffffffa001038"
ENDS = 0x75D45B2D
CARRIED = ["00000000ffffffff", "0000000100000000", "0000000100000000", "0000000100000000", "0000000100000001"]
DELTAS = "dd5bd56034500c57"
SCALED = "d287d1323d163719"
MEANS = "05283d905e6e2b8b"
HYPER_SCALES = "7e3f04ec3ba2c202"
WEIGHT_BITS = [22, 22, 23]


def hyper_decoder() -> nn.Sequential:
    """A hyper-decoder of two channels with weights of many binary digits, so that every rounding counts."""
    layers = nn.Sequential(
        nn.ConvTranspose2d(2, 3, 5, stride=2, padding=2, output_padding=1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(3, 3, 5, stride=2, padding=2, output_padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(3, 4, 3, padding=1),
    )
    with torch.no_grad():
        for number, tensor in enumerate(layers.state_dict().values()):
            tensor.copy_(torch.from_numpy(noise(tuple(tensor.shape), 100 + number).astype(np.float32)) / 3)
    return layers


def tables_crc(tables: tuple[FrequencyTable, ...]) -> int:
    """CRC-32 of every table's lowest symbol, number of entries and entries, as little-endian int32."""
    numbers = [[table.lowest, len(table.counts), *table.counts.tolist()] for table in tables]
    return zlib.crc32(np.concatenate(numbers).astype("<i4").tobytes())


@pytest.mark.parametrize("name", ["exp", "expm1", "log1p", "sigmoid", "tanh", "softplus", "normal_tail"])
def test_functions(name: str) -> None:
    points = np.concatenate([np.arange(-2000, 2001) / 64, np.arange(-2000, 2001) / 2**21, [-1e3, -709.0, 709.0, 1e3]])
    if name == "log1p":
        points = np.arange(4001) / 4000
    if name == "normal_tail":
        points = np.abs(points)
    assert digest(getattr(portable, name)(points), "<f8") == FUNCTIONS[name]


def test_gaussian_tables() -> None:
    assert digest(SCALES) == SCALE_GRID
    assert digest(SCALE_THRESHOLDS) == THRESHOLDS
    assert tables_crc(gaussian_tables()) == GAUSSIAN


def test_tables_of_scales() -> None:
    scales = np.concatenate([np.arange(0, 1 << 18, 37), np.array([-5, 1 << 40])])
    assert digest(scale_index(scales)) == INDICES


def test_factorised_tables() -> None:
    """Laws from wide to narrow; two so far from their medians that all or nearly all is an escape."""
    channels = 24
    narrowness = 0.1875 * np.arange(channels)[:, None, None] - 2.5
    weights = tuple(
        (noise((channels, *shape), 70 + i) / 2 + narrowness).astype(np.float32)
        for i, shape in enumerate(((1, 3), (3, 3), (3, 3), (3, 1)))
    )
    biases = tuple(noise((channels, n), 80 + i).astype(np.float32) for i, n in enumerate((3, 3, 3, 1)))
    gates = tuple(noise((channels, 3), 90 + i).astype(np.float32) for i in range(3))
    medians = noise((channels,), 99).astype(np.float32)
    medians[:2] = (3000, -90)
    assert tables_crc(factorised_tables(FactorisedPrior(weights, biases, gates, medians))) == FACTORISED


def test_bytes_of_symbols_and_escapes() -> None:
    encoder = SymbolEncoder()
    symbols = np.array(FAR, np.int32)
    encoder.encode(symbols, UNEVEN)
    encoder.encode_indexed(symbols, np.arange(len(FAR)) * 17 % 256, gaussian_tables())
    assert encoder.to_bytes().hex() == SYMBOLS
    decoder = SymbolDecoder(bytes.fromhex(SYMBOLS))
    assert decoder.decode(len(FAR), UNEVEN).tolist() == FAR
    assert decoder.decode_indexed(np.arange(len(FAR)) * 17 % 256, gaussian_tables()).tolist() == FAR
    decoder.require_end()


def test_the_longest_escape() -> None:
    """From a table far below zero to the largest symbol: twenty-one digits after the first, of twenty-two."""
    below = FrequencyTable(-127, np.array([(1 << 24) - 128, 128], np.int64))
    encoder = SymbolEncoder()
    encoder.encode(np.array([(1 << 20) - 1], np.int32), below)
    assert encoder.to_bytes().hex() == LONGEST


def test_ends_of_short_streams() -> None:
    """How many bytes a stream ends with, for thousands of intervals."""
    ends = []
    for number in range(2000):
        encoder = SymbolEncoder()
        encoder.encode(np.array([number % 3 - 1] * (number % 7) + [number], np.int32), gaussian_tables()[number % 256])
        ends.append(encoder.to_bytes())
    assert zlib.crc32(b"|".join(ends)) == ENDS


def test_ends_where_a_carry_has_been_made() -> None:
    """The last symbol's interval begins 2^32 or less below the end of the coder's range, or just beyond it."""

    def table(*counts: int) -> FrequencyTable:
        return FrequencyTable(0, np.array([*counts, (1 << 24) - sum(counts) - 1, 1], np.int64))

    ends = []
    for symbol, last in ((0, table(300)), *((1, table(before, 300)) for before in (1, 100, 256, 257))):
        encoder = SymbolEncoder()
        for number, which in ((0, table(1)), (1, table(65_537, 1)), (symbol, last)):
            encoder.encode(np.array([number], np.int32), which)
        ends.append(encoder.to_bytes().hex())
    assert ends == CARRIED


def test_the_largest_symbol() -> None:
    encoder = SymbolEncoder()
    with pytest.raises(ValueError, match="magnitude"):
        encoder.encode(np.array([1 << 20], np.int32), UNEVEN)
    # The distance of the largest from a table that lies far below zero would need a number beyond it to be refused.
    below = FrequencyTable(-10, np.array([1 << 23, 1 << 23], np.int64))
    encoder.encode(np.array([(1 << 20) - 1], np.int32), below)
    above = FrequencyTable(10, np.array([1 << 23, 1 << 23], np.int64))
    with pytest.raises(CorruptBitstream):
        SymbolDecoder(encoder.to_bytes()).decode(1, above)


def test_quantisation_steps() -> None:
    assert digest([delta_of(code) for code in range(224)], "<f8") == DELTAS
    assert delta_of(UNIT_CODE) == 1
    scales = np.concatenate([np.arange(-10, 70_000, 321), np.array([6553, 6554, 6555, 1 << 25])])
    assert digest([scales_in_steps(scales, code) for code in (0, 1, 32, 33, 100, 223)]) == SCALED


def test_hyper_decoder() -> None:
    """Sums with many digits, negative activations, and some that leave the range."""
    exact = ExactHyperDecoder(hyper_decoder())
    z_hat = (noise((2, 3, 4), 64) * 8).astype(np.float32)
    z_hat[0, 0, 0], z_hat[1, 2, 3] = 700, -1e6
    means, scales = exact(z_hat)
    assert digest(means) == MEANS
    assert digest(scales) == HYPER_SCALES
    assert int(np.abs(means).max()) == 1 << 25
    assert [layer.bits for layer in exact._layers] == WEIGHT_BITS


def test_small_weights_have_as_many_digits_as_are_exact() -> None:
    layers = hyper_decoder()
    with torch.no_grad():
        for tensor in layers.state_dict().values():
            tensor.mul_(2.0**-12)
    assert [layer.bits for layer in ExactHyperDecoder(layers)._layers] == [27, 27, 27]


@pytest.mark.parametrize(("weight", "bias", "bits"), [(0.5, 0.5, 26), (0.5, 0.5 - 2**-24, 27), (0.5 - 2**-24, 0.5, 27)])
def test_digits_of_weights_whose_sum_is_a_power_of_two(weight: float, bias: float, bits: int) -> None:
    layer = nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    assert ExactHyperDecoder(nn.Sequential(layer))._layers[0].bits == bits
