"""How weights are moved: by Muon where they are matrices, by AdamW where they are not.

Muon takes the momentum of a matrix, brings all its singular values near 1, and moves the weights by the result: no
direction of a layer is left behind because its gradient happens to be small (Jordan et al. 2024, "Muon: An optimizer
for hidden layers in neural networks"). A kernel [O,I,k,k] of a convolution is a matrix [O, k k I]. The first and the
last layer, biases and single numbers stay with AdamW, as its authors advise.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.99)
MOMENTUM = 0.95
OUTER_LAYERS = ("conv_in", "conv_out")


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
        factor: of Muon's learning rate to AdamW's.
        weight_decay: of both.
    """

    def __init__(self, net: nn.Module, *, factor: float, weight_decay: float) -> None:
        hidden = {
            name: parameter
            for name, parameter in net.named_parameters()
            if parameter.ndim > 1 and name.split(".")[0] not in OUTER_LAYERS
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


def _adam_w(parameters: list[nn.Parameter], weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, betas=BETAS, weight_decay=weight_decay)


def _as_matrix(weight: Tensor) -> Tensor:
    """[O,I,h,w] that lies in memory channels last, or [O,I], as [O, everything else] of the same memory."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).view(len(weight), -1)
