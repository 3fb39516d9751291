"""CoD on pixels: its network in recorded values, and its released file read strictly.

The values come from this implementation after it had reproduced vectors of the authors' modules at reduced width, in
the released layout: codes exactly, contexts within 3e-6, velocities at four times within 3e-5.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.models.cod.model import CodModel, network_without_weights, read_cod
from diffdemo.models.cod.released import convert, from_released
from diffdemo.models.cod.shape import TransformerShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.cod.transformer import CodTransformer, rotations, turned
from diffdemo.models.evaluation import finished
from tests.released_cod import as_input, formula_network, formula_weights, patterned, tiny_shape, tiny_transformer_shape

RELEASED = TransformerShape(
    stride=32, bits=4, width=1152, pixel_width=64, blocks=26, pixel_blocks=4, patch_channels=768
)
CONTENTS = (558, 897_063_843, 3145101355)
"""Tensors, numbers in them, and the CRC-32 of all keys with their shapes, of the released file."""
RECORDED = {
    0.0: [0.16156, 0.1035, 0.22948, -0.78908, 0.17439, -0.1271, -0.36834],
    0.3: [0.16486, 0.09859, 0.19052, -0.80025, 0.43737, -0.03356, -0.25536],
    0.96: [0.1888, 0.26569, 0.07919, -0.61499, -0.6333, 0.58182, 0.01803],
}
CODES = "030b0e0b0403"


@pytest.fixture(scope="module")
def network() -> CodTransformer:
    found = formula_network(tiny_transformer_shape())
    assert isinstance(found, CodTransformer)
    return found


@torch.inference_mode()
def context_of(network: CodTransformer, image: Tensor) -> tuple[Tensor, Tensor]:
    codec = network.y_embedder
    codes = codec.bottleneck.indices(codec.encoder(image))
    return codes, finished(codec.decoder.decoding(codec.bottleneck.vectors(codes)))


@torch.inference_mode()
def velocity(network: CodTransformer, time: float) -> Tensor:
    image = as_input(patterned(64, 96))
    _, context = context_of(network, image)
    noise = as_input(patterned(96, 64)).transpose(2, 3) * 3 - 1.5
    table = position_table(TablePrecision.FLOAT32)
    return network.velocity(time * (2 * image - 1) + (1 - time) * noise, time, context, table)


def test_the_released_file_fits_tensor_by_tensor() -> None:
    tensors = network_without_weights(RELEASED).state_dict()
    lines = sorted(f"{key} {'x'.join(str(side) for side in tensor.shape)}" for key, tensor in tensors.items())
    numbers = sum(tensor.numel() for tensor in tensors.values())
    assert (len(tensors), numbers, zlib.crc32("\n".join(lines).encode())) == CONTENTS


def test_codes_and_velocities_are_those_recorded(network: CodTransformer) -> None:
    codes, _ = context_of(network, as_input(patterned(64, 96)))
    assert bytes(codes.flatten().tolist()).hex() == CODES
    for time, values in RECORDED.items():
        assert velocity(network, time).flatten()[100::3000].tolist() == pytest.approx(values, abs=2e-4)


def test_the_clean_picture_is_where_the_velocity_leads(network: CodTransformer) -> None:
    image = as_input(patterned(32, 64))
    _, context = context_of(network, image)
    table = position_table(TablePrecision.FLOAT32)
    with torch.inference_mode():
        clean = network.denoised(image, 0.25, context, table)
        assert torch.allclose(clean, image + 0.75 * network.velocity(image, 0.25, context, table))
        assert torch.equal(network.denoised(image, 1.0, context, table), image)


def test_attention_sees_the_whole_map_whatever_its_size(network: CodTransformer) -> None:
    """A change in one corner reaches the other, beyond any window."""
    image = as_input(patterned(32, 34 * 32))
    _, before = context_of(network, image)
    image[:, :, :, :32] = 0.5
    _, after = context_of(network, image)
    assert (before[..., -1] - after[..., -1]).abs().max() > 1e-6


def test_more_patches_than_are_computed_at_a_time_are_the_same_as_few(network: CodTransformer) -> None:
    s, told = torch.randn(300, 32, generator=torch.Generator().manual_seed(1)), torch.ones(300, 32)
    shown, table = torch.zeros(300, 256, 3), position_table(TablePrecision.FLOAT32)
    with torch.inference_mode():
        whole = network._pixels(s, told, shown, table)
        parts = [network._pixels(s[some], told[some], shown[some], table) for some in torch.arange(300).split(128)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-6)


def test_places_are_stretched_over_every_size_and_turn_pairs_by_column_and_row() -> None:
    turns = rotations(3, 5, 8)
    assert turns.shape == (15, 4)
    angles = turns.angle()
    assert angles[0].tolist() == [0, 0, 0, 0]
    assert turns[4, 0] == pytest.approx(complex(torch.cos(torch.tensor(16.0)), torch.sin(torch.tensor(16.0))), abs=1e-6)
    assert angles[4, 1] == angles[4, 3] == 0, "the second of two pairs turns with the row"
    assert angles[10, 0] == angles[10, 2] == 0
    assert angles[10, 3] == pytest.approx(16 * 10_000**-0.5, abs=1e-6)
    assert torch.equal(rotations(1, 1, 8), torch.ones(1, 4, dtype=torch.complex64))
    h = torch.randn(1, 2, 15, 8)
    assert torch.allclose(turned(h, turns).norm(dim=3), h.norm(dim=3), atol=1e-5)
    assert torch.allclose(F.cosine_similarity(turned(h, turns), h, dim=3)[..., 0], torch.ones(1, 2))


def released(shape: TransformerShape) -> dict[str, Tensor]:
    """As the file holds it: the average, the last iterate, and what only training needs."""
    weights = formula_weights(shape)
    return {
        **{f"ema_denoiser.{key}": tensor for key, tensor in weights.items()},
        **{f"denoiser.{key}": tensor + 1 for key, tensor in weights.items()},
        "diffusion_trainer.proj.weight": torch.ones(3),
    }


def test_a_released_file_is_converted_and_computes_the_same(tmp_path: Path) -> None:
    shape = tiny_transformer_shape(encoder_width=32, groups=32)
    checkpoint, target = tmp_path / "CoD_pixel_vpred.pt", tmp_path / "cod.safetensors"
    torch.save({"state_dict": released(shape)}, checkpoint)
    convert(checkpoint, target)
    network, _ = read_cod(target)
    assert network.shape == shape
    assert all(torch.equal(tensor, formula_weights(shape)[key]) for key, tensor in network.state_dict().items())
    with pytest.raises(WeightsError, match="not of a model of CoD-Lite"):
        CodModel.load(target, device=torch.device("cpu"))


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop("ema_denoiser.blocks.1.attn.k_norm.weight"),
        lambda weights: weights.update({"ema_denoiser.blocks.0.attn.extra": torch.ones(1)}),
        lambda weights: weights.update({"ema_denoiser.blocks.3.norm.weight": torch.ones(7)}),
        lambda weights: weights.pop("ema_denoiser.blocks.0.attn.q_norm.weight"),
        lambda weights: weights.update({"ema_denoiser.blocks.0.attn.q_norm.weight": torch.ones(0)}),
    ],
)
def test_loading_is_strict(change: object) -> None:
    weights = released(tiny_transformer_shape())
    change(weights)
    with pytest.raises(WeightsError, match=r"are for another network|is not one of CoD"):
        from_released(weights, "x.pt", groups=4)


def test_what_is_left_of_a_large_file_is_what_is_used(tmp_path: Path) -> None:
    """A file of the old layout of torch.save, which cannot be mapped, is read as well."""
    buffer = io.BytesIO()
    torch.save(released(tiny_transformer_shape(32, 32)), buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "old.pt").write_bytes(buffer.getvalue())
    convert(tmp_path / "old.pt", tmp_path / "cod.safetensors")
    assert read_cod(tmp_path / "cod.safetensors")[0].shape.pixel_width == 4


def test_a_shape_that_cannot_be_turned_is_refused() -> None:
    with pytest.raises(ValueError, match="heads"):
        TransformerShape(stride=32, bits=4, width=1152, heads=5)
    assert tiny_shape(32, 4) != tiny_transformer_shape()
