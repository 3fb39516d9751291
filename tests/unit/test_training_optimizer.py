"""What moves weights: Muon the matrices between the first and the last layer, AdamW the rest."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.training.diffc.train import OUTER_LAYERS
from diffdemo.training.optimizer import AdamW, Muon

RATE, FACTOR = 1e-3, 10.0


def network() -> PhotoUNet:
    torch.manual_seed(0)
    net = PhotoUNet(PhotoUNetShape((16, 24), (1, 1), embedding=16)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter) * torch.logspace(-3, 0, parameter.shape[0]).view(
            -1, *[1] * (parameter.ndim - 1)
        )
    return net


def moved(net: nn.Module, optimizer: AdamW | Muon) -> dict[str, Tensor]:
    """By how much one step moves each parameter."""
    for part in optimizer.parts:
        for group in part.param_groups:
            group["lr"] = RATE * group.get("factor", 1.0)
    before = copy.deepcopy(dict(net.named_parameters()))
    optimizer.step()
    return {name: (parameter - before[name]).detach() for name, parameter in net.named_parameters()}


def is_hidden(name: str, step: Tensor) -> bool:
    return step.ndim > 1 and name.split(".")[0] not in OUTER_LAYERS


def test_no_direction_of_a_hidden_layer_is_left_behind():
    """Singular values of a step are about the learning rate, although rows of the gradient differ a thousandfold."""
    net = network()
    steps = moved(net, Muon(net, OUTER_LAYERS, factor=FACTOR, weight_decay=0.0))
    hidden = [step for name, step in steps.items() if is_hidden(name, step)]
    assert len(hidden) > 8
    for step in hidden:
        matrix = step.flatten(1)
        wide = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        values = torch.linalg.svdvals(matrix) / (RATE * FACTOR * wide)
        assert values.max() < 1.3
        assert values.median() > 0.6


def test_the_other_parameters_move_as_with_adamw_alone():
    one, other = network(), network()
    with_muon = moved(one, Muon(one, OUTER_LAYERS, factor=FACTOR, weight_decay=0.01))
    alone = moved(other, AdamW(other, weight_decay=0.01))
    rest = [name for name, step in with_muon.items() if not is_hidden(name, step)]
    assert {"conv_in.weight", "conv_out.weight", "conv_in.bias", "embed.0.bias"} <= set(rest)
    for name in rest:
        assert torch.equal(with_muon[name], alone[name]), name


def test_a_layer_without_a_gradient_stands_still():
    net = network()
    still = net.down[0].weight
    still.grad = None
    steps = moved(net, Muon(net, OUTER_LAYERS, factor=FACTOR, weight_decay=0.1))
    assert not steps["down.0.weight"].any()
    assert steps["up.0.weight"].any()


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_weights_decay(decay):
    net = network()
    still = copy.deepcopy(net)
    optimizer = Muon(net, OUTER_LAYERS, factor=FACTOR, weight_decay=decay)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    moved(net, optimizer)
    for name in ("down.0.weight", "conv_in.weight"):
        rate = RATE * FACTOR if name.startswith("down") else RATE
        expected = still.get_parameter(name) * (1 - rate * decay)
        assert torch.allclose(net.get_parameter(name), expected, atol=1e-7)
