"""A denoiser that looks at a picture several times, mirrored, and answers with the mean.

Photographs mirrored are photographs, so the posterior mean of a mirrored picture is the mirrored posterior mean. A
trained network only nearly knows that: what it gets wrong differs from view to view, and averages out. Encoder and
decoder see better for it, so there is less to send (`python -m diffdemo bench views`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser

ROWS, COLUMNS = 2, 3

View = Callable[[Tensor], Tensor]

# normative: the order of the views. Each is its own inverse.
VIEWS: tuple[View, ...] = (
    lambda image: image,
    lambda image: image.flip(COLUMNS),
    lambda image: image.flip(ROWS),
    lambda image: image.flip(ROWS, COLUMNS),
)
MAX_VIEWS = len(VIEWS)


def seen(denoiser: Denoiser, views: Sequence[View], z: Tensor, sigma: float) -> list[Tensor]:
    """What a denoiser says to views of a state, all in one call, each turned back: float32 [1,3,H,W] -> the same."""
    answers = denoiser.denoise(torch.cat([view(z) for view in views]), sigma)
    return [view(answer) for view, answer in zip(views, answers.chunk(len(views)), strict=True)]


def mean(answers: Sequence[Tensor]) -> Tensor:
    """Of tensors of one shape, added in their order."""
    return sum(answers, start=torch.zeros(())) / len(answers)


class Views:
    """The mean of a denoiser's answers to the first `count` views of a picture: as it is, mirrored, upside down, both.

    Args:
        denoiser: of pictures; trained on mirrored ones as well as on others.
        count: 1 to `MAX_VIEWS`; the time it takes grows in proportion.
    """

    def __init__(self, denoiser: Denoiser, count: int) -> None:
        self.sigma_min = denoiser.sigma_min
        self._denoiser = denoiser
        self._views = VIEWS[:count]

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [1,3,H,W] of any size -> the same shape."""
        return mean(seen(self._denoiser, self._views, z, sigma))
