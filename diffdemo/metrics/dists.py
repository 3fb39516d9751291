"""DISTS: how different two pictures are to a network that forgives one texture for another of its kind.

Source: Ding, Ma, Wang, Simoncelli 2020, "Image Quality Assessment: Unifying Structure and Texture Similarity"
(arXiv:2004.07728), section 3: the picture and five stages of VGG-16, whose pooling is replaced by a blurred root mean
square; means of each channel are compared as textures, covariances as structures, with weights that were learned from
judgements of people. The weights lie in the package `DISTS-pytorch`, the network where `torch.hub` keeps what it has
downloaded. Nothing is fetched from here; see `HOW_TO_GET`. The package's code needs torchvision and is not imported.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.images import Pixels
from diffdemo.metrics.published_weights import checkpoint, convolution, folder_of, how_to_get, network_of

SMALLEST_SIDE = 32
"""Below, the last stage has less than two places to compare."""
TRUNK = "vgg16-397923af.pth"
TRUNK_SHA256 = "397923af"
"""What the digest of the file begins with, as its name says."""
HOW_TO_GET = ("pip install --no-deps DISTS-pytorch", how_to_get(TRUNK))
"""Commands for the weights of the measure, 12 kB, and for VGG-16, 553 MB."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures that VGG-16 has learned from, on the range from 0 to 1."""
_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""Of each stage the numbers of its convolutions in VGG-16's `features`."""
_CHANNELS = (3, 64, 128, 256, 512, 512)
_STABILISER = 1e-6
"""The constants c1 and c2, which keep ratios of nothing to nothing at 1."""


def dists(a: Pixels, b: Pixels) -> float | None:
    """Distance of two pictures of one size: 0 for equal ones, about 1 for such as have nothing in common.

    Args:
        a, b: uint8 [H,W,3].

    Returns:
        None below 32 pixels a side, and where the weights are not here or not the right ones; see `missing`.
    """
    if min(a.shape[:2]) < SMALLEST_SIDE:
        return None
    network = _network()
    return None if isinstance(network, str) else network.distance(a, b)


def missing() -> str:
    """Why DISTS cannot be measured here, in a sentence; "" if it can."""
    network = _network()
    return network if isinstance(network, str) else ""


class _Network:
    """The convolutions of VGG-16, and the weights of their channels.

    Args:
        trunk: VGG-16's state, in the names of torchvision.
        weights: of textures (alpha) and structures (beta), of all channels one after the other.

    Raises:
        WeightsError: one of them has other tensors.
    """

    def __init__(self, trunk: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        try:
            self._stages = [[convolution(trunk, number) for number in stage] for stage in _STAGES]
            alpha, beta = (weights[name].double().reshape(-1) for name in ("alpha", "beta"))
            total = alpha.sum() + beta.sum()
            self._textures, self._structures = ((each / total).split(_CHANNELS) for each in (alpha, beta))
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"The weights for DISTS are not those that were published: {error}.") from error

    @torch.inference_mode()
    def distance(self, a: Pixels, b: Pixels) -> float:
        """1 less the weighted similarities of all channels of all stages, the pictures themselves being the first."""
        x, y = (torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255 for pixels in (a, b))
        similarity = self._similarity(0, x, y)
        x, y = _normalised(x), _normalised(y)
        for number, stage in enumerate(self._stages, start=1):
            if number > 1:
                x, y = _pooled(x), _pooled(y)
            for weight, bias in stage:
                x = F.conv2d(x, weight, bias, padding=1).relu_()
                y = F.conv2d(y, weight, bias, padding=1).relu_()
            similarity += self._similarity(number, x, y)
        return max(0.0, 1 - similarity)

    def _similarity(self, stage: int, x: Tensor, y: Tensor) -> float:
        """Of one stage: textures by the means of channels, structures by their covariances, in the form of SSIM."""
        x, y = x[0].flatten(1).double(), y[0].flatten(1).double()
        mean_x, mean_y = x.mean(dim=1), y.mean(dim=1)
        texture = (2 * mean_x * mean_y + _STABILISER) / (mean_x**2 + mean_y**2 + _STABILISER)
        x, y = x - mean_x[:, None], y - mean_y[:, None]
        variances = (x * x).mean(dim=1) + (y * y).mean(dim=1)
        structure = (2 * (x * y).mean(dim=1) + _STABILISER) / (variances + _STABILISER)
        return float((self._textures[stage] * texture + self._structures[stage] * structure).sum())


def _normalised(x: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
    return (x - mean) / deviation


def _pooled(x: Tensor) -> Tensor:
    """The root of squares under a Hann window of three taps, at every other place."""
    taps = torch.tensor([0.25, 0.5, 0.25])
    window = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x * x, window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _network() -> _Network | str:
    """The network, loaded once in a process; in its stead the reason why there is none."""
    package = folder_of("DISTS_pytorch")
    if package is None:
        return "The package DISTS-pytorch, which has the weights of the measure, is not installed."
    return network_of(_Network, checkpoint(TRUNK), "VGG-16", TRUNK_SHA256, package / "weights.pt")
