"""CoD-Lite's networks: values of the authors' own model at full size, recorded values at reduced width.

At full size (slow) weights come from a formula, codes and pictures from the authors' code. The recorded values come
from this implementation after it had reproduced their vectors (codes exactly, pictures within 1e-5).
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
import torch

from diffdemo.codecs.cod_file import read_cod, write_cod
from diffdemo.errors import WeightsError
from diffdemo.images import mirrored
from diffdemo.measure.bench.cod import macs
from diffdemo.models.cod.model import CodModel
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.pixels import PIXELS, image_of
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.evaluation import Parts
from tests.released_cod import (
    RATES,
    as_input,
    formula,
    formula_model,
    formula_network,
    formula_weights,
    patterned,
    tiny_shape,
)

RELEASED = {
    "0_0039": (539, 101_996_995, 1008942789),
    "0_0078": (539, 102_027_715, 2112443893),
    "0_0156": (529, 98_750_403, 473838141),
    "0_0312": (529, 98_781_123, 2744579808),
    "0_1250": (527, 98_191_043, 1301484773),
    "0_5000": (535, 102_027_459, 1598181013),
}
"""Tensors, numbers in them, and the CRC-32 of all keys with their shapes, of the released files."""

AUTHORS = {
    "0_0039": (
        "YACAAHczczMzlg==",
        [-0.17221, 0.05165, 0.302004, -0.168579, -0.472277, -0.42161, -0.11644, -0.169654, 0.264698],
    ),
    "0_0312": (
        "gABgAHfaAjPa/qLa2qvai6uaO+/aGqva2ikEBtqaKdra2iDa2imT2ikg2trDw8PDw4DDGA==",
        [0.07365, 0.179249, 0.215769, -0.590429, -0.668073, -0.482934, 0.297157, 0.416152, 0.146805],
    ),
    "0_5000": (
        "UACQAMY+UMzMBwAHBwds+/uZxR9fZSkpa5OE2syf+/v7+/v7/l8pKSkHB7aE5tr7+/v7+/sp/v65KWsH2g/Hv4QP+583ovv7KZNra+CJ"
        "iQ+/CSrU5vuf+yn7+19ZmYluG7/y5vv7Bz9r+/sp1cVbv26JPjXy+ynaGyb7x2v7+/v7tlm/a8XH2tqF1Af7X3hua/v7+7Zfv2sbKj7a"
        "nwfmnw+ikwJr+/u2X6xUG8cAtgsH+6KiKSkpbmv7+z5fVBvw+/La+2uivw9EVA8qa/s7X/4bKfuPX/v7/v7aVG4PD9drDx5fvymfj5lf"
        "ayn+5AfmcSqVP+hrXz4zKfuFJqL+PmtU2toq1zu2a4VfDyn7rl/7KinmuRsPKoUHRWprhV8zifsHJjuJ5rmiD5noI3HDbmuFPgdq+8xq"
        "Keq5KQ/75qLk8OZqa4U+B/sPzCr+D/4PmfuJ+6vmP25rPjMb+1+faquEHrb7hf5rCT4p12sXMxv7JvD+Bz77PqIzKub7KtfUMw/a+3mi"
        "Hz5Zx8Oioms+n/vg4CprhT77eaLmB4T7H/trVJ/aDwczv2uFPvt5aj5Z2neiav6/2gkHMypuaw/7mcxqosP7ZT6FPikqM/s+7cxrhfva"
        "n+Y++8Oi+/5xD7ZqPl+5tmsmTDdq/gf7ascPANr7ovsP+yrXPvv7eQv+5vsq+/54DwcHDynMn2o+PtoPhT5s+xs7xQAParZfn8fgtvWF"
        "2rYpPvu2M/5xDwf+az4fIfC2xSa2M2vmD2oH+/t5av77hftEKm77Jj77lZ/7Pvtx+/v7az4+ABspuT4mPg8qPmqF/j4pB/v7D5+FD9rg"
        "8iYzMz77avva5vui/g8Pq/65KrbyJjNrhSn+w1/aq+ZsbDP+D/Dwamtlo9raCTP+/imr/iGiq6spoqsC8ugpKSlrxWUhKcWrKTOua2Vl"
        "q7aizOj+/swpoio5oTmhocOhGwfxgA==",
        [-0.125878, 0.159367, -0.518924, -0.665403, -0.377125, -0.556993, 0.602035, 0.385541, 0.154072],
    ),
}
"""A file that the authors' code wrote, and every ninth part of the picture that it makes of it, from value 777 on.

The last one has a map of codes beyond a window of attention."""

RECORDED = {
    "0_0039": (724494287, [0.213966, 0.121012, -0.148055, -0.21291, -0.529273]),
    "0_0078": (2237734959, [0.209405, 0.092097, -0.338284, -0.366706, -0.513534]),
    "0_0156": (212520810, [0.202424, 0.169353, 0.032616, -0.527155, -0.545181]),
    "0_0312": (3148342251, [0.212734, 0.203843, -0.101855, -0.498857, -0.527162]),
    "0_1250": (3796416742, [0.19502, 0.146289, 0.2421, -0.473429, -0.162092]),
    "0_5000": (1541153082, [0.097856, 0.18763, -0.383105, -0.220673, -0.562574]),
    "windows": (2158909585, [0.176024, 0.25809, 0.121466, 0.173459, 0.020314, -0.027183, -0.183262]),
}
"""Of a pattern at reduced width: CRC-32 of the authors' file, or of the codes, and a few values of the picture."""


@pytest.mark.parametrize(
    ("key", "shape", "first"),
    [
        ("blocks.0.conv1.weight", (384, 384, 1, 1), [0.02900282, 0.00298063, -0.05805327]),
        ("blocks.0.adaLN_modulation.1.weight", (2304, 384), [-0.05924825, -0.06111359, -0.03592250]),
        ("y_embedder.bottleneck.embedding.weight", (256, 128), [-0.39092094, 0.39434314, 0.82192254]),
        ("final_layer.linear.weight", (3, 32), [0.02372354, 0.01351681, 0.00633038]),
        ("y_embedder.encoder.norm_out.weight", (512,), [1.12452471, 0.75787729, 1.05609906]),
        ("t_embedder.mlp.0.bias", (384,), [-0.02189712, -0.06661132, 0.16967268]),
    ],
)
def test_the_formula_of_the_weights(key, shape, first):
    assert formula(key, shape).flatten()[:3].tolist() == pytest.approx(first, abs=1e-8)


@pytest.mark.parametrize("rate", list(RATES))
def test_released_files_fit_tensor_by_tensor(rate):
    with torch.device("meta"):
        tensors = CodNetwork(CodShape(*RATES[rate])).state_dict()
    lines = sorted(f"{key} {'x'.join(str(side) for side in tensor.shape)}" for key, tensor in tensors.items())
    numbers = sum(tensor.numel() for tensor in tensors.values())
    assert (len(tensors), numbers, zlib.crc32("\n".join(lines).encode())) == RELEASED[rate]


def test_a_rate_is_bits_over_the_pixels_that_share_them():
    assert [CodShape(*RATES[rate]).bits_per_pixel for rate in RATES] == [
        0.00390625,
        0.0078125,
        0.015625,
        0.03125,
        0.125,
        0.5,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("rate", list(AUTHORS))
def test_full_size_decodes_to_the_authors_picture(rate):
    file, expected = AUTHORS[rate]
    shape = CodShape(*RATES[rate])
    width, height, codes = read_cod(base64.b64decode(file), shape)
    picture = formula_model(shape, TablePrecision.FLOAT32).picture(torch.from_numpy(codes).long())
    assert picture.shape == (1, 3, height, width)
    assert picture.flatten()[777 :: picture.numel() // 9].tolist() == pytest.approx(expected, abs=2e-5)


def summary(model: CodModel) -> tuple[int, list[float]]:
    """Check value of the codes of a pattern, and a few values of what they decode to."""
    codes = model.codes(as_input(patterned(96, 64)))
    picture = model.picture(codes)
    assert picture.shape == (1, 3, 96, 64)
    return zlib.crc32(write_cod(codes.numpy().astype(np.int32), model.shape)), picture.flatten()[500::4000].tolist()


@pytest.mark.parametrize("rate", list(RATES))
def test_codes_and_pictures_are_those_recorded(rate):
    check, values = summary(formula_model(tiny_shape(*RATES[rate])))
    assert check == RECORDED[rate][0]
    assert values == pytest.approx(RECORDED[rate][1], abs=2e-5)


def test_maps_beyond_a_window_are_those_recorded():
    model = formula_model(tiny_shape(4, 8))
    codes = model.codes(as_input(patterned(16, 272)))
    assert codes.shape == (4, 68)
    picture = model.picture(codes)
    assert zlib.crc32(codes.numpy().astype("u1").tobytes()) == RECORDED["windows"][0]
    assert picture.flatten()[300::2000].tolist() == pytest.approx(RECORDED["windows"][1], abs=2e-5)


def test_codes_are_not_near_a_tie():
    """Otherwise the recorded ones would tell machines apart."""
    for rate in RATES:
        network = formula_network(tiny_shape(*RATES[rate]))
        with torch.no_grad():
            z = network.y_embedder.encoder(as_input(patterned(96, 64)))
        vectors = z.permute(0, 2, 3, 1).flatten(0, 2)
        codes = network.y_embedder.bottleneck.embedding.weight.detach()
        nearest = torch.cdist(vectors, codes).square().sort(dim=1).values
        assert float((nearest[:, 1] - nearest[:, 0]).min()) > 1e-3


def test_the_two_tables_make_pictures_that_differ_a_little():
    shape = tiny_shape()
    codes = torch.arange(24).view(6, 4)
    first, second = (formula_model(shape, table).picture(codes) for table in TablePrecision)
    assert 1e-4 < float((first - second).square().mean().sqrt()) < 0.1


def test_the_same_codes_whatever_the_threads():
    model = formula_model(tiny_shape(4, 8))
    image = as_input(patterned(96, 64))
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(model.codes(image))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def followed(parts: Parts[torch.Tensor]) -> tuple[list[int], torch.Tensor]:
    """What a run tells, and its result."""
    told: list[int] = []
    while True:
        try:
            told.append(next(parts))
        except StopIteration as end:
            return told, end.value


@pytest.mark.parametrize(("stride", "bits"), [(32, 4), (16, 8), (8, 8), (4, 8)])
def test_a_run_in_parts_tells_what_it_has_multiplied_and_comes_to_the_same(stride, bits):
    model, image = formula_model(tiny_shape(stride, bits)), as_input(patterned(64, 2560))
    told, codes = followed(model.encoding(image))
    assert len(told) > 15
    assert sum(told) == model.cost_of_encoding(64, 2560)
    assert torch.equal(codes, model.codes(image))
    told, picture = followed(model.decoding(codes))
    assert len(told) > 8
    assert sum(told) == model.cost_of_decoding(codes.numel())
    assert torch.equal(picture, model.picture(codes))


def test_what_is_counted_is_nearly_all_that_the_released_networks_multiply():
    for stride, bits in ((32, 4), (16, 8), (8, 8), (4, 8)):
        shape = CodShape(stride, bits)
        with torch.device("meta"):
            network = CodNetwork(shape)
        for block in network.blocks:
            block.adaLN_modulation = torch.nn.Identity()
        counted = sum(network.y_embedder.encoder.costs(512, 512)), sum(network.costs(512**2 // stride**2))
        assert counted == pytest.approx(macs(shape, 512), rel=0.03)


def plainly(network: CodNetwork, context: torch.Tensor, time: float, noisy: torch.Tensor) -> torch.Tensor:
    """The decoder layer by layer, nothing merged or left out, for one picture."""
    shape = network.shape
    table = position_table(TablePrecision.FLOAT32)
    s = network.s_embedder.proj2(torch.cat([network.s_embedder.proj1(noisy), context], dim=1))
    for block in network.blocks:
        six = block.adaLN_modulation(network.t_embedder(time)).view(6, shape.width, 1, 1)

        def normal(h: torch.Tensor) -> torch.Tensor:
            return (h - h.mean(dim=1)) / (h.var(dim=1, correction=0) + 1e-6).sqrt()

        h = block.conv2(block.conv1(normal(s) * (1 + six[1]) + six[0]))
        h = torch.nn.functional.gelu(h)
        h = h * torch.sigmoid(block.ca[1](h.mean(dim=(2, 3), keepdim=True)))
        s = s + six[2] * block.conv3(h)
        h = normal(s) * (1 + six[4]) + six[3]
        s = s + six[5] * block.conv5(torch.nn.functional.gelu(block.conv4(h)))
    down, across = s.shape[2:]
    said = network.y_embedder_x(context)[0].view(shape.pixel_width, PIXELS, down, across)
    told = torch.nn.functional.silu(network.dec_net.cond_embed(s[0].permute(1, 2, 0)))
    patches = torch.empty(1, down, across, PIXELS, 3)
    for y in range(down):
        for x in range(across):
            shown = noisy[0, :, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16].flatten(1)
            q = network.x_embedder.joined(torch.cat([shown.T, said[:, :, y, x].T, table], dim=1))
            q = network.dec_net.input_proj(q)
            c = told[y, x].view(PIXELS, shape.pixel_width)
            for block in network.dec_net.res_blocks:
                a, b, g = block.adaLN_modulation(c).chunk(3, dim=1)
                q = q + g * block.mlp(block.in_ln(q) * (1 + b) + a)
            patches[0, y, x] = network.final_layer(q)
    return image_of(patches)


@torch.no_grad()
@pytest.mark.parametrize(("time", "scale"), [(0.0, 0.0), (0.37, 1.0), (0.98, 0.5)])
def test_the_decoder_is_its_layers_one_after_the_other(time, scale):
    network = formula_network(tiny_shape())
    torch.manual_seed(0)
    context, noisy = torch.randn(1, 24, 2, 3), scale * torch.randn(1, 3, 32, 48)
    table = position_table(TablePrecision.FLOAT32)
    found = network.clean(context, network.modulations(time), table, noisy if scale else None)
    assert torch.allclose(found, plainly(network, context, time, noisy), atol=2e-5)


@torch.no_grad()
def test_pictures_of_a_batch_do_not_know_of_each_other():
    network = formula_network(tiny_shape())
    torch.manual_seed(1)
    context, noisy = torch.randn(2, 24, 3, 2), torch.randn(2, 3, 48, 32)
    table, modulations = position_table(TablePrecision.FLOAT32), network.modulations(0.5)
    both = network.clean(context, modulations, table, noisy)
    for index in range(2):
        alone = network.clean(context[index : index + 1], modulations, table, noisy[index : index + 1])
        assert torch.allclose(both[index : index + 1], alone, atol=1e-5)


def test_a_picture_of_more_patches_than_are_computed_at_a_time():
    model = formula_model(tiny_shape())
    picture = model.picture(torch.zeros(9, 15, dtype=torch.int64))
    assert picture.shape == (1, 3, 144, 240)
    assert bool(picture.isfinite().all())


def test_padding_by_mirrors_leaves_codes_of_whole_pictures_alone():
    pixels = torch.from_numpy(patterned(32, 48)).permute(2, 0, 1)[None]
    assert torch.equal(mirrored(pixels, 16), pixels)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused(value):
    network = formula_network(tiny_shape())
    with torch.no_grad():
        network.blocks[1].conv4.weight[3, 2] = value
    with pytest.raises(WeightsError, match="not numbers"):
        CodModel(network, sha256="0" * 64, device=torch.device("cpu"))


@pytest.mark.parametrize("part", ["y_embedder.encoder.conv_out", "final_layer.linear"])
def test_weights_that_overflow_are_an_error_and_never_a_picture(part):
    network = formula_network(tiny_shape())
    with torch.no_grad():
        network.get_submodule(part).weight.fill_(3e38)
    model = CodModel(network, sha256="0" * 64, device=torch.device("cpu"))
    with pytest.raises(WeightsError, match="overflow"):
        model.picture(model.codes(as_input(patterned(32, 32))))


def test_the_layers_of_the_time_are_freed():
    network = formula_network(tiny_shape())
    total = sum(tensor.numel() for tensor in formula_weights(tiny_shape()).values())
    model = CodModel(network, sha256="0" * 64, device=torch.device("cpu"))
    assert model.num_parameters == total
    assert sum(tensor.numel() for tensor in network.parameters()) == total - (256 * 24 + 24 + 24 * 24 + 24) - 2 * (
        144 * 24 + 144
    )
