"""How weights are moved: by Muon where they are matrices, by AdamW where they are not.

Muon takes the momentum of a matrix, brings all its singular values near 1, and moves the weights by the result: no
direction of a layer is left behind because its gradient happens to be small (Jordan et al. 2024, "Muon: An optimizer
for hidden layers in neural networks"). A kernel [O,I,k,k] of a convolution is a matrix [O, k k I]. The outer layers,
those that a picture goes into or comes out of, biases and single numbers stay with AdamW, as its authors advise.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from diffdemo.errors import WeightsError
from diffdemo.training.recipe import BaseRecipe

BETAS = (0.9, 0.99)
MOMENTUM = 0.95


class Optimizer(Protocol):
    """What a training step needs of one, or of several that move different weights.

    Attributes:
        parts: optimizers of PyTorch; "factor" of a group of theirs times the run's learning rate is the group's.
    """

    parts: tuple[torch.optim.Optimizer, ...]

    def step(self) -> None:
        """Move the weights by their gradients."""
        ...


class AdamW:
    """AdamW for all weights.

    Args:
        net: whose weights are moved.
        weight_decay: see PyTorch.
    """

    def __init__(self, net: nn.Module, *, weight_decay: float) -> None:
        self.parts: tuple[torch.optim.Optimizer, ...] = (_adam_w(list(net.parameters()), weight_decay),)

    def step(self) -> None:
        """See `Optimizer`."""
        self.parts[0].step()


class Muon:
    """Muon for kernels and matrices, AdamW for the rest.

    Args:
        net: whose weights are moved; in memory channels last.
        outer: what the names of outer layers begin with.
        factor: of Muon's learning rate to AdamW's.
        weight_decay: of both.
    """

    def __init__(self, net: nn.Module, outer: tuple[str, ...], *, factor: float, weight_decay: float) -> None:
        hidden = {
            name: parameter
            for name, parameter in net.named_parameters()
            if parameter.ndim in (2, 4) and not name.startswith(outer)
        }
        rest = [parameter for name, parameter in net.named_parameters() if name not in hidden]
        self._hidden = list(hidden.values())
        # Of the same memory, so that what moves a matrix moves its kernel.
        self._matrices = [nn.Parameter(_as_matrix(each.detach())) for each in self._hidden]
        muon = torch.optim.Muon(self._matrices, weight_decay=weight_decay, momentum=MOMENTUM, nesterov=True)
        muon.param_groups[0]["factor"] = factor
        self.parts: tuple[torch.optim.Optimizer, ...] = (muon, _adam_w(rest, weight_decay))

    def step(self) -> None:
        """See `Optimizer`."""
        for parameter, matrix in zip(self._hidden, self._matrices, strict=True):
            matrix.grad = None if parameter.grad is None else _as_matrix(parameter.grad)
        for part in self.parts:
            part.step()


def chosen(recipe: BaseRecipe, net: nn.Module, outer: tuple[str, ...], *, weight_decay: float) -> Optimizer:
    """What a recipe says that weights are moved by; for `outer` see `Muon`."""
    if not recipe.muon_rate:
        return AdamW(net, weight_decay=weight_decay)
    return Muon(net, outer, factor=recipe.muon_rate / recipe.learning_rate, weight_decay=weight_decay)


def require_same(optimizer: Optimizer, before: str) -> None:
    """Compare the kind of an optimizer with the one that a training was begun with.

    Raises:
        WeightsError: they differ.
    """
    if type(optimizer).__name__ != before:
        raise WeightsError(
            f"The output folder holds a training with {before}, not {type(optimizer).__name__}. Please choose another "
            "folder, or its --muon."
        )


def _adam_w(parameters: list[nn.Parameter], weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, betas=BETAS, weight_decay=weight_decay)


def _as_matrix(weight: Tensor) -> Tensor:
    """[O,I,h,w] that lies in memory channels last, or [O,I], as [O, everything else] of the same memory."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).view(len(weight), -1)
