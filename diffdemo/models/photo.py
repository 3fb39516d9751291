"""PhotoUNet as a denoiser: any picture size, one device, one noise level at a time."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from diffdemo.images import mirrored
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.weights import read_network


class PhotoDenoiser:
    """Posterior mean by a PhotoUNet, in float32.

    Attributes:
        sigma_min: lowest noise level seen in training with some margin.
        sha256: hash of the weight file; its first four bytes stand in every file written with it.
        num_parameters: of the network.
    """

    sigma_min = 0.01

    def __init__(self, network: PhotoUNet, *, sha256: str, device: torch.device) -> None:
        self.sha256 = sha256
        self.device = device
        self.num_parameters = sum(p.numel() for p in network.parameters())
        self._network = network.eval().requires_grad_(False).to(device)
        self._network = self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, path: Path, *, device: torch.device) -> PhotoDenoiser:
        """Read weights written by `training.loop.export`.

        Raises:
            WeightsError: missing, damaged, or of another architecture.
        """
        network, sha256 = read_network(path, lambda found: PhotoUNet(PhotoUNetShape.from_metadata(found)), "PhotoUNet")
        return cls(network, sha256=sha256, device=device)

    @torch.inference_mode()
    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [1,3,H,W] -> the same shape where it came from; any sides, mirrored up to what the network needs."""
        height, width = z.shape[2:]
        padded = mirrored(z, self._network.multiple).to(self.device, memory_format=torch.channels_last)
        x_hat: Tensor = self._network(padded, torch.full((1,), sigma, device=self.device))
        # Pictures lie in [-1, 1], so their mean does too.
        return x_hat[:, :, :height, :width].clamp(-1, 1).to(z.device).contiguous()
