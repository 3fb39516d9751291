"""PhotoUNet as a denoiser: any picture size, one device, one noise level at a time."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from diffdemo.diffusion.spectrum import Spectrum
from diffdemo.errors import WeightsError
from diffdemo.images import mirrored
from diffdemo.models.evaluation import denoised
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.weights import FORMER_SHA256, WeightFile, read_network

SPECTRUM = "spectrum"
"""Entry of a weight file's header: see `diffusion.spectrum`."""


def read_photo_unet(path: Path) -> tuple[PhotoUNet, WeightFile]:
    """The network of weights written by `training.loop.export`, and the file that they lie in.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    return read_network(path, lambda found: PhotoUNet(PhotoUNetShape.from_metadata(found)), "PhotoUNet")


class PhotoDenoiser:
    """Posterior mean by a PhotoUNet, in float32.

    Attributes:
        sigma_min: lowest noise level seen in training with some margin.
        sha256: hash of the weight file; its first four bytes stand in every file written with it.
        former_sha256: of the file that held the same weights without a spectrum; "" if there was none.
        spectrum: what the network misses, by frequency; None if its file does not say.
        num_parameters: of the network.
    """

    sigma_min = 0.01

    def __init__(
        self,
        network: PhotoUNet,
        *,
        sha256: str,
        device: torch.device,
        former_sha256: str = "",
        spectrum: Spectrum | None = None,
    ) -> None:
        self.sha256 = sha256
        self.former_sha256 = former_sha256
        self.spectrum = spectrum
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
        network, weights = read_photo_unet(path)
        text = weights.metadata.get(SPECTRUM)
        try:
            spectrum = Spectrum.from_text(text) if text is not None else None
        except ValueError as error:
            raise WeightsError(
                f"The weights '{path.name}' have a damaged spectrum. Please fetch them again."
            ) from error
        former = weights.metadata.get(FORMER_SHA256, "")
        return cls(network, sha256=weights.sha256, device=device, former_sha256=former, spectrum=spectrum)

    @torch.inference_mode()
    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [N,3,H,W] -> the same shape where it came from; any sides, mirrored up to what the network needs."""
        height, width = z.shape[2:]
        x_hat = denoised(self._answers, mirrored(z, self._network.multiple), sigma)
        # Pictures lie in [-1, 1], so their mean does too.
        return x_hat[:, :, :height, :width].clamp(-1, 1).contiguous()

    @torch.inference_mode()
    def _answers(self, states: Tensor, sigmas: Tensor) -> Tensor:
        """A batch, with sides that suit the network; see `evaluation.Network`."""
        placed = states.to(self.device, memory_format=torch.channels_last)
        x_hats: Tensor = self._network(placed, sigmas.to(self.device))
        return x_hats.to(states.device)
