"""Sets of pictures by what is said of their patches: how far two of them are apart, and how that is kept in a file."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_PATCHES = 4096
"""That a kernel is computed of; of more, pictures evenly apart are taken."""

Features = NDArray[np.float16]
"""[patches, numbers] of one picture."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """Of a set of pictures from their originals.

    Attributes:
        value: 0 for equal sets; where it is an unbiased estimate, also on average for other pictures of the same
            distribution, and therefore sometimes a little less.
        error: its standard error, by leaving out one picture after the other; None where that is not known.
        pictures: how many there are.
    """

    value: float
    error: float | None
    pictures: int


def squared_mmd(x: Sequence[Matrix], y: Sequence[Matrix]) -> Distance:
    """Squared maximum mean discrepancy with KID's kernel, k(a, b) = (a.b / d + 1)^3 (Binkowski et al. 2018).

    With h(i, j) = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(y_i, x_j) (Gretton et al. 2012, JMLR 13, lemma 6) the
    estimate is the mean of h over all pairs of patches of *different* pictures: patches of one picture are not
    independent, and a reconstruction still less of its original. For equal sets it is 0 exactly.

    Args:
        x, y: of two pictures or more [patches, d], those of y in the order of x and as many.
    """
    apart = min(-(-sum(map(len, x)) // MOST_PATCHES), len(x) // 2)
    x, y = x[::apart], y[::apart]
    between = _kernel(x, x) + _kernel(y, y) - _kernel(x, y) - _kernel(y, x)
    count = len(x)
    np.fill_diagonal(between, 0.0)
    total, shares = between.sum(), between.sum(axis=0)
    value = total / (count * (count - 1))
    if count < 3:
        return Distance(float(value), None, count)
    without = (total - 2 * shares) / ((count - 1) * (count - 2))
    error = math.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    return Distance(float(value), error, count)


def _kernel(x: Sequence[Matrix], y: Sequence[Matrix]) -> Matrix:
    """[pictures, pictures]: mean of the kernel over the patches of each two of them."""
    kernel = (np.concatenate(x) @ np.concatenate(y).T / x[0].shape[1] + 1) ** 3
    sizes = np.array([len(each) for each in x])
    starts = np.concatenate([[0], sizes.cumsum()[:-1]])
    sums = np.add.reduceat(np.add.reduceat(kernel, starts, axis=0), starts, axis=1)
    means: Matrix = sums / np.outer(sizes, sizes)
    return means


def features_to_text(features: Features) -> str:
    """For a line of JSON: little-endian numbers in base 64."""
    return base64.b64encode(features.astype("<f2").tobytes()).decode()


def features_from_text(text: str, numbers: int) -> Features:
    """The inverse of `features_to_text`, where there are so many numbers of a patch.

    Raises:
        ValueError: it is no such text.
    """
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(-1, numbers).astype(np.float16)
