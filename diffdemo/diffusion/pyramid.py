"""A denoiser that looks at a state at the resolution that its noise leaves.

At sigma 8 no detail of a picture can be seen. Averaging 4x4 pixels divides the noise by 4, and a network sees more in
the quarter of the size, where its receptive field covers four times as much: its error is smaller there, for a
sixteenth of the work. Where two resolutions are about as good, the mean of both is better than either, as it is with
mirrored views (`views.py`). `python -m diffdemo bench pyramid` measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import torch.nn.functional as F
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.views import VIEWS, mean, seen
from diffdemo.images import mirrored

# normative: the noise levels at which resolutions change, what is looked at between them, and how it is enlarged.
COARSE = 8.0
MIDDLE = 3.0
FINE = 1.2


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation of the network.

    Attributes:
        factor: sides of the squares of pixels that are averaged.
        view: number in `views.VIEWS`.
    """

    factor: int
    view: int

    @property
    def work(self) -> float:
        """Compared with an evaluation at full size."""
        return 1 / self.factor**2


def looks_at(sigma: float, views: int) -> tuple[Look, ...]:
    """What a file of so many views looks at in a state of this noise level. normative."""
    numbers = range(views)
    if sigma >= COARSE:
        return tuple(Look(4, view) for view in numbers)
    if sigma >= MIDDLE:
        return tuple(Look(factor, view) for factor in (2, 4) for view in numbers)
    if sigma >= FINE:
        # Half of the views at half the size: another resolution differs as another view does.
        at_full = (views + 1) // 2
        return tuple(Look(1 if view < at_full else 2, view) for view in range(max(2, views)))
    return tuple(Look(1, view) for view in numbers)


class Pyramid:
    """The mean of a denoiser's answers to a state in several resolutions and views.

    Args:
        denoiser: of pictures; trained on mirrored ones as well as on others.
        views: 1 to `views.MAX_VIEWS`; where noise is low, so many evaluations are made at full size.
    """

    def __init__(self, denoiser: Denoiser, views: int) -> None:
        self.sigma_min = denoiser.sigma_min
        self._denoiser = denoiser
        self._views = views

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [1,3,H,W] of any size -> the same shape."""
        by_factor = groupby(looks_at(sigma, self._views), attrgetter("factor"))
        return mean([each for _, looks in by_factor for each in answers_to(self._denoiser, tuple(looks), z, sigma)])


def answers_to(denoiser: Denoiser, looks: Sequence[Look], z: Tensor, sigma: float) -> list[Tensor]:
    """What a denoiser says to looks at a state, all of one factor: float32 [1,3,H,W] -> each the same. normative."""
    factor, views = looks[0].factor, [VIEWS[look.view] for look in looks]
    if factor == 1:
        return seen(denoiser, views, z, sigma)
    height, width = z.shape[2:]
    small = F.avg_pool2d(mirrored(z, factor), factor)
    enlarged = (
        F.interpolate(x_hat, scale_factor=factor, mode="bicubic", align_corners=False)
        for x_hat in seen(denoiser, views, small, sigma / factor)
    )
    return [large[:, :, :height, :width] for large in enlarged]
