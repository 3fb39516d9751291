"""Released checkpoints of CoD-Lite: every way in which they may be wrapped, and files that are none."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.models.cod.model import CodModel
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.released import convert, from_released
from diffdemo.models.cod.shape import CodShape
from tests.released_cod import as_input, formula_model, formula_weights, patterned, tiny_shape

GROUPS = 4
SHAPE = tiny_shape()
CPU = torch.device("cpu")


def prefixed(prefix: str, tensors: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    return {prefix + key: tensor for key, tensor in (tensors or formula_weights(SHAPE)).items()}


def pretrained() -> dict[str, Tensor]:
    last = {key: tensor + 1 for key, tensor in prefixed("denoiser.").items()}
    return {**last, **prefixed("ema_denoiser."), "diffusion_trainer.proj.weight": torch.zeros(3, 3)}


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"module": w}, lambda w: {"state_dict": w, "epoch": 3}])
@pytest.mark.parametrize("weights", [lambda: prefixed("net."), pretrained])
def test_however_a_file_is_wrapped_the_same_weights_come_out(wrap, weights):
    shape, tensors = from_released(wrap(weights()), "released", groups=GROUPS)
    expected = formula_weights(SHAPE)
    assert shape == SHAPE
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], expected[key]) for key in expected)


def test_of_two_wrappers_the_first_counts():
    both = {"state_dict": {"net.other": torch.zeros(1)}, "module": prefixed("net.")}
    assert from_released(both, "released", groups=GROUPS)[0] == SHAPE


@pytest.mark.parametrize("stride", [4, 8, 16, 32])
@pytest.mark.parametrize("bits", [4, 8])
def test_stride_and_bits_are_read_off_the_tensors(stride, bits):
    shape = tiny_shape(stride, bits)
    assert from_released(prefixed("net.", formula_weights(shape)), "released", groups=GROUPS)[0] == shape


def test_half_precision_becomes_single():
    half = {key: tensor.bfloat16() for key, tensor in prefixed("net.").items()}
    _, tensors = from_released(half, "released", groups=GROUPS)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("net.blocks.1.conv3.bias"), r"blocks.1.conv3.bias \(needs \(24,\), has None\)"),
        (lambda w: w.update({"net.lora_a": torch.zeros(2)}), r"lora_a \(needs None, has \(2,\)\)"),
        (lambda w: w.update({"net.final_layer.linear.bias": torch.zeros(4)}), r"has \(4,\)"),
        (lambda w: w.update({"vgg.0.weight": torch.zeros(2)}), "'vgg.0.weight'"),
        (lambda w: w.pop("net.s_embedder.proj2.weight"), "has no 's_embedder.proj2.weight'"),
        (
            lambda w: w.update({"net.y_embedder.bottleneck.embedding.weight": torch.zeros(100, 16)}),
            "no power of two",
        ),
        (lambda w: w.update({"net.s_embedder.proj2.weight": torch.zeros(())}), "not one of CoD-Lite"),
        (lambda w: w.update({"net.y_embedder.bottleneck.embedding.weight": torch.zeros(7)}), "not one of CoD-Lite"),
    ],
)
def test_loading_is_strict(change, message):
    weights = prefixed("net.")
    change(weights)
    with pytest.raises(WeightsError, match=message):
        from_released(weights, "released", groups=GROUPS)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"module": None},
        {"state_dict": [1, 2]},
        {"net.x": 3},
        {"model": {"denoise_fn.x": torch.zeros(1)}},
        {"state_dict": {"net.blocks.0.attn.qkv.weight": torch.zeros(2)}},
    ],
)
def test_other_files_are_refused_in_words(content):
    with pytest.raises(WeightsError, match="'released' is not one of CoD-Lite"):
        from_released(content, "released")


def test_a_pretrained_model_without_its_average_is_refused():
    with pytest.raises(WeightsError, match="average over iterates"):
        from_released(prefixed("denoiser."), "released", groups=GROUPS)


def wide_enough() -> CodShape:
    """The narrowest shape that has 32 groups everywhere."""
    return CodShape(16, 4, 32, 2, 1, 1, 4, 32, 8, 32)


def test_a_converted_file_loads_and_computes_the_same(tmp_path):
    shape = wide_enough()
    torch.save({"state_dict": prefixed("net.", formula_weights(shape))}, tmp_path / "released.pt")
    convert(tmp_path / "released.pt", tmp_path / "out.safetensors")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out.safetensors", "released.pt"]
    model = CodModel.load(tmp_path / "out.safetensors", device=CPU)
    assert model.shape == shape
    assert len(model.sha256) == 64
    image = as_input(patterned(32, 48))
    codes = model.codes(image)
    assert torch.equal(codes, formula_model(shape).codes(image))
    assert torch.allclose(model.picture(codes), formula_model(shape).picture(codes), atol=1e-5)


class _Malicious:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize("content", [pickle.dumps({"module": _Malicious()}), b"", b"PK\x03\x04 no zip", b"\x80\x02."])
def test_no_pickle_is_executed(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "released.pt").write_bytes(content)
    with pytest.raises(WeightsError):
        convert(tmp_path / "released.pt", tmp_path / "out.safetensors")
    torch.save({"module": _Malicious()}, tmp_path / "released.pt")
    with pytest.raises(WeightsError, match="safety"):
        convert(tmp_path / "released.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "is_fine"),
    [
        ("model:\n  net:\n    init_args:\n      ds: 16\n", True),
        ("      noise_level: 0\n", True),
        ("      noise_level: 0.0  # none\n", True),
        ("      # noise_level: 1\n", True),
        ("      noise_level: 1\n", False),
        ("noise_level : 0.5\n", False),
    ],
)
def test_only_models_that_decode_from_nothing_are_taken(text, is_fine, tmp_path):
    torch.save(prefixed("net.", formula_weights(wide_enough())), tmp_path / "released.pt")
    (tmp_path / "released.yaml").write_text(text)
    paths = tmp_path / "released.pt", tmp_path / "out.safetensors"
    if is_fine:
        convert(*paths, config=tmp_path / "released.yaml")
        assert paths[1].is_file()
    else:
        with pytest.raises(WeightsError, match="decodes from noise"):
            convert(*paths, config=tmp_path / "released.yaml")


def test_a_config_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    for name in ("binary.yaml", "missing.yaml"):
        with pytest.raises(WeightsError, match=name):
            convert(tmp_path / "x.pt", tmp_path / "out.safetensors", config=tmp_path / name)


@pytest.mark.parametrize("metadata", [None, {}, {"stride": "16"}, {**SHAPE.to_metadata(), "bits": "many"}])
def test_weights_that_do_not_say_their_shape_are_refused(metadata, tmp_path):
    save_file(formula_weights(SHAPE), tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(WeightsError, match="do not say which CoD-Lite model"):
        CodModel.load(tmp_path / "x.safetensors", device=CPU)


def test_weights_of_another_shape_than_they_say_are_refused(tmp_path):
    save_file(formula_weights(SHAPE), tmp_path / "x.safetensors", metadata=tiny_shape(8, 8).to_metadata())
    with pytest.raises(WeightsError, match="another network"):
        CodModel.load(tmp_path / "x.safetensors", device=CPU)


def test_a_cut_weight_file_is_refused(tmp_path):
    save_file(formula_weights(SHAPE), tmp_path / "x.safetensors", metadata=SHAPE.to_metadata())
    whole = (tmp_path / "x.safetensors").read_bytes()
    for size in (0, 7, 100, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:size])
        with pytest.raises(WeightsError):
            CodModel.load(tmp_path / "cut.safetensors", device=CPU)


def test_a_released_network_has_no_weights_that_are_shared_or_left_out():
    with torch.device("meta"):
        network = CodNetwork(SHAPE)
    assert len(list(network.parameters())) == len(network.state_dict())
