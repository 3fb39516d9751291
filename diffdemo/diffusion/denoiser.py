"""Every network, once wrapped, is a denoiser: (z, sigma) -> x_hat = E[x | z]."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Denoiser(Protocol):
    """Posterior mean of the picture behind z = x + sigma n.

    Attributes:
        sigma_min: lowest noise level that the network was trained for.
    """

    sigma_min: float

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [1,3,H,W] of any size -> the same shape; values near [-1, 1].

        One that is shown several views of a picture takes [N,3,H,W], whose rows know nothing of each other.
        """
        ...
