"""LPIPS: how different two pictures look to a network that has learned to see.

Source: Zhang, Isola, Efros, Shechtman, Wang 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric", version 0.1: AlexNet's five convolutions, and a linear head behind each. Both were learned by others and do not
come with diffdemo: the heads lie in the package `lpips`, the network where `torch.hub` keeps what it has downloaded.
Nothing is fetched from here; see `HOW_TO_GET`. Of the package only the heads are read: its code needs torchvision,
whose builds on PyPI cannot be imported beside a PyTorch without CUDA, and it downloads the network if it is missing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.images import Pixels
from diffdemo.metrics.published_weights import checkpoint, convolution, folder_of, how_to_get, network_of

SMALLEST_SIDE = 31
"""Below, the second pooling has nothing to pool."""
TRUNK = "alexnet-owt-7be5be79.pth"
TRUNK_SHA256 = "7be5be79"
"""What the digest of the file begins with, as its name says."""
HOW_TO_GET = ("pip install --no-deps lpips", how_to_get(TRUNK))
"""Commands for the heads, 55 kB, and for AlexNet, 244 MB. The first leaves out torchvision, which is not needed."""

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""Mean and deviation of the pictures that AlexNet has learned from, on the range from -1 to 1."""
_LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))
"""Of each convolution its number in AlexNet's `features`, stride, padding, and whether a pooling comes before it."""
_CHANNELS = (64, 192, 384, 256, 256)
_EPSILON = 1e-10


def lpips(a: Pixels, b: Pixels) -> float | None:
    """Perceptual distance of two pictures of one size: 0 for equal ones, about 1 for such as have nothing in common.

    Args:
        a, b: uint8 [H,W,3].

    Returns:
        None below 31 pixels a side, and where the weights are not here or not the right ones; see `missing`.
    """
    if min(a.shape[:2]) < SMALLEST_SIDE:
        return None
    network = _network()
    return None if isinstance(network, str) else network.distance(a, b)


def missing() -> str:
    """Why LPIPS cannot be measured here, in a sentence; "" if it can."""
    network = _network()
    return network if isinstance(network, str) else ""


class _Network:
    """The convolutions of AlexNet and a head behind each of them.

    Args:
        trunk: AlexNet's state, in the names of torchvision.
        heads: of the package `lpips`, in its names.

    Raises:
        WeightsError: one of them has other tensors.
    """

    def __init__(self, trunk: dict[str, Tensor], heads: dict[str, Tensor]) -> None:
        try:
            self._convolutions = [convolution(trunk, number) for number, *_ in _LAYERS]
            self._heads = [
                heads[f"lin{index}.model.1.weight"].float().reshape(1, channels, 1, 1)
                for index, channels in enumerate(_CHANNELS)
            ]
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"The weights for LPIPS are not those of its version 0.1: {error}.") from error

    @torch.inference_mode()
    def distance(self, a: Pixels, b: Pixels) -> float:
        """Equation 1: squared differences of unit vectors, weighted, averaged over places, summed over layers."""
        x, y = _scaled(a), _scaled(b)
        total = 0.0
        for (_, stride, padding, is_pooled), (weight, bias), head in zip(
            _LAYERS, self._convolutions, self._heads, strict=True
        ):
            if is_pooled:
                x, y = F.max_pool2d(x, 3, 2), F.max_pool2d(y, 3, 2)
            x = F.conv2d(x, weight, bias, stride, padding).relu_()
            y = F.conv2d(y, weight, bias, stride, padding).relu_()
            total += float(_difference(x, y, head))
        return total


def _difference(x: Tensor, y: Tensor, head: Tensor) -> Tensor:
    """One layer's term, a few rows at a time, so that little memory is needed beside the features."""
    rows = [
        ((_unit(above) - _unit(below)).square_() * head).sum(dim=1).double().sum()
        for above, below in zip(x.split(16, dim=2), y.split(16, dim=2), strict=True)
    ]
    return torch.stack(rows).sum() / (x.shape[2] * x.shape[3])


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)


def _scaled(pixels: Pixels) -> Tensor:
    """[1,3,H,W] as AlexNet wants it."""
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    shift, scale = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (_SHIFT, _SCALE))
    return (x - shift) / scale


def _network() -> _Network | str:
    """The network, loaded once in a process; in its stead the reason why there is none."""
    package = folder_of("lpips")
    if package is None:
        return "The package lpips, which has the heads of the measure, is not installed."
    heads = package / "weights" / "v0.1" / "alex.pth"
    return network_of(_Network, checkpoint(TRUNK), "AlexNet", TRUNK_SHA256, heads)
