"""Realism of a set of pictures: how far the statistics of their patches are from those of the originals.

A distortion compares a picture with its original, pixel by pixel. Realism asks something else: could these be pictures
of the same kind? It is a distance between two distributions (Blau and Michaeli 2018, arXiv:1711.06077), so that it
takes a set of pictures, and grass of the same look but with other blades costs nothing.

What is compared are 64 x 64 patches, described by statistics of a fixed multi-scale decomposition in the manner of
Portilla and Simoncelli (2000, "A parametric texture model based on joint statistics of complex wavelet coefficients"):
energies by scale, orientation and colour, how sparse they are, and how magnitudes go together across scales and
orientations. The distance is the squared maximum mean discrepancy with the cubic kernel of KID (Binkowski, Sutherland,
Arbel, Gretton 2018, arXiv:1801.01401), on features that need no trained network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.images import Pixels
from diffdemo.metrics.colour import luma_chroma
from diffdemo.metrics.sets.patches import Distance, Features, Matrix, squared_mmd

PATCH = 64
"""Side of a patch in pixels."""
MAX_PATCHES = 64
"""A picture's patches lie on a grid without overlap; of larger pictures as many are kept, evenly chosen."""
LEVELS = 5
"""Octaves: the coarsest second difference reaches over 48 pixels."""
FLOOR = 1.0
"""Of energies, in squared 8-bit levels of a second difference. Below it, nobody sees how much less there is."""
FAINT = 0.5
"""In levels: what counts as nothing at all where it is asked how sparse a band is. Rounding leaves about as much."""
RIDGE = 0.1
"""Share of a feature's variance that stays its own when features are made independent of each other."""
MIN_PATCHES = 100
"""Of the originals: with fewer there is no covariance to speak of."""
REVISION = 1
"""Of the description. Features of another one cannot be compared with these."""
FEATURES = 4 * LEVELS + 2 * LEVELS + LEVELS + (LEVELS - 1) + LEVELS
"""Of a patch: luma energies, chroma energies, sparsity, ties across scales, ties across orientations."""


@torch.inference_mode()
def patch_features(pixels: Pixels) -> Features:
    """Describe the patches of a picture, uint8 [H,W,3].

    Returns:
        float16 [patches, FEATURES], with no patches for a picture that is smaller than one.
    """
    rows, columns = (side // PATCH for side in pixels.shape[:2])
    if rows == 0 or columns == 0:
        return np.zeros((0, FEATURES), np.float16)
    planes = luma_chroma(pixels[: rows * PATCH, : columns * PATCH])
    luma, chroma, sparsity, scales, angles = [], [], [], [], []
    finer: Tensor | None = None
    for level in range(LEVELS):
        side = PATCH >> level
        bands = _second_differences(planes)
        sizes = bands[0].abs()
        energy = F.avg_pool2d(sizes**2, side)
        luma.append(torch.log(energy + FLOOR))
        chroma.append(torch.log(F.avg_pool2d(bands[1:] ** 2, side).mean(dim=1) + FLOOR / 4))
        typical = F.avg_pool2d(torch.log(sizes + FAINT), side)
        sparsity.append((typical - 0.5 * torch.log(energy + FAINT**2)).mean(dim=0, keepdim=True))
        angles.append((_tie(sizes[0], sizes[1], side) + _tie(sizes[2], sizes[3], side)) / 2)
        total = sizes.sum(dim=0)
        if finer is not None:
            scales.append(_tie(F.avg_pool2d(finer[None], 2)[0], total, side))
        finer = total
        planes = _halved(planes)
    features = torch.cat([*luma, *chroma, *sparsity, *scales, *angles])
    kept = np.linspace(0, rows * columns - 1, min(rows * columns, MAX_PATCHES)).round().astype(int)
    described: Features = features.flatten(1).T.numpy()[kept].astype(np.float16)
    return described


def _second_differences(planes: Tensor) -> Tensor:
    """[3,H,W] to [3,4,H,W]: across, down and along both diagonals. A slope has none, so that shading does not count."""
    x = F.pad(planes[None], (1, 1, 1, 1), mode="reflect")[0]
    middle = 2 * planes
    return torch.stack(
        [
            middle - x[:, 1:-1, :-2] - x[:, 1:-1, 2:],
            middle - x[:, :-2, 1:-1] - x[:, 2:, 1:-1],
            middle - x[:, :-2, :-2] - x[:, 2:, 2:],
            middle - x[:, :-2, 2:] - x[:, 2:, :-2],
        ],
        dim=1,
    )


def _halved(planes: Tensor) -> Tensor:
    """Every other pixel after a binomial filter: the next level of a Gaussian pyramid (Burt and Adelson 1983)."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    x = F.pad(planes[:, None], (2, 2, 2, 2), mode="reflect")
    x = F.conv2d(x, taps.view(1, 1, 1, 5), stride=(1, 2))
    return F.conv2d(x, taps.view(1, 1, 5, 1), stride=(2, 1))[:, 0]


def _tie(a: Tensor, b: Tensor, side: int) -> Tensor:
    """Correlation of two magnitudes [H,W] within each patch, [1,rows,columns]; drawn to 0 where there is nothing."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x[None], side)

    a_mean, b_mean = mean(a), mean(b)
    covariance = mean(a * b) - a_mean * b_mean
    variances = ((mean(m * m) - m_mean**2).clamp_min(0) + FLOOR for m, m_mean in ((a, a_mean), (b, b_mean)))
    return covariance / torch.sqrt(math.prod(variances, start=torch.ones(())))


def distance(originals: Sequence[Features], others: Sequence[Features]) -> Distance | None:
    """How far pictures are from originals: of each its `patch_features`, as many, in the same order.

    Features are centred, scaled and made independent by the originals' own means and covariances; see `squared_mmd`.

    Returns:
        None with fewer than two pictures that have patches, or fewer than `MIN_PATCHES` of these.
    """
    pairs = [(x, y) for x, y in zip(originals, others, strict=True) if len(x)]
    if len(pairs) < 2 or sum(len(x) for x, _ in pairs) < MIN_PATCHES:
        return None
    mean, whitening = _whitening(np.concatenate([x for x, _ in pairs]).astype(np.float64))
    x, y = ([(each.astype(np.float64) - mean) @ whitening for each in side] for side in zip(*pairs, strict=True))
    return squared_mmd(x, y)


def _whitening(features: Matrix) -> tuple[Matrix, Matrix]:
    """Mean, and what to multiply by for variances below 1 and covariances of 0.

    Neighbouring bands rise and fall together; what gives a codec away is where one does without the other.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = (features - mean) / deviation
    variances, axes = np.linalg.eigh(standard.T @ standard / len(standard))
    return mean, axes / np.sqrt(variances.clip(0) + RIDGE) / deviation[:, None]


def between_halves(originals: Sequence[Features]) -> Distance | None:
    """What `distance` says of nothing at all: every other patch of the originals against the rest of them."""
    evens = [x[0 : len(x) // 2 * 2 : 2] for x in originals]
    odds = [x[1 : len(x) // 2 * 2 : 2] for x in originals]
    return distance(evens, odds)
