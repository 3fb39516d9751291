"""Where a model's diffusion lives: pictures themselves, or the latents of an autoencoder."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.spectrum import Spectrum
from diffdemo.errors import RateError

CPU = torch.device("cpu")


class Space(Protocol):
    """What DiffC codes instead of a picture, and the model that knows it.

    Tensors may come from any device; what is returned is float32 on the CPU, because both sides of a codec have to
    compute the same, and that is where they do it.

    Attributes:
        channels: of the signal.
        factor: pixels per number along each side: 1 for pictures, 8 for Stable Diffusion.
        sigma_min: lowest noise level that the network was trained for.
        takes_prompt: whether a text can help.
        most_views: how many views of a signal the model may be shown, see `diffusion.views`; 1 for one that knows the
            upright world only, or whose evaluations are dear.
        spectrum: what the model misses, by frequency; None for a model of which that is not known.
        bears_bfloat16: whether its answers in bfloat16 are as good to the eye; measured for the shipped model alone.
        num_parameters: of all networks.
        num_bytes: of memory that the weights take on the model's device.
        device: where the networks are.
    """

    channels: int
    factor: int
    sigma_min: float
    takes_prompt: bool
    most_views: int
    spectrum: Spectrum | None
    bears_bfloat16: bool
    num_parameters: int
    num_bytes: int
    device: torch.device

    def to_signal(self, image: Tensor) -> Tensor:
        """[1,3,H,W] in [-1, 1] -> [1, channels, ceil(H / factor), ceil(W / factor)]."""
        ...

    def to_image(self, signal: Tensor, height: int, width: int, *, preview: bool = False) -> Tensor:
        """Back to [1,3,height,width] in [-1, 1]; `preview` allows a quicker, coarser way if there is one."""
        ...

    def denoiser(self, prompt: str = "") -> Denoiser:
        """The model, told what is in the picture. Cheap after the first call with a prompt.

        Raises:
            RateError: the prompt is too long, or the model takes none.
        """
        ...


class PixelSpace:
    """Pictures as they are.

    Args:
        denoiser: of pictures.
        most_views, spectrum, bears_bfloat16: see `Space`.
        num_parameters, num_bytes, device: of its network.
    """

    channels = 3
    factor = 1
    takes_prompt = False

    def __init__(
        self,
        denoiser: Denoiser,
        *,
        most_views: int = 1,
        spectrum: Spectrum | None = None,
        bears_bfloat16: bool = False,
        num_parameters: int = 0,
        num_bytes: int = 0,
        device: torch.device = CPU,
    ) -> None:
        self.sigma_min = denoiser.sigma_min
        self.most_views = most_views
        self.spectrum = spectrum
        self.bears_bfloat16 = bears_bfloat16
        self.num_parameters = num_parameters
        self.num_bytes = num_bytes
        self.device = device
        self._denoiser = denoiser

    @torch.inference_mode()
    def to_signal(self, image: Tensor) -> Tensor:
        """The picture itself, [1,3,H,W]."""
        return image.float().cpu()

    @torch.inference_mode()
    def to_image(self, signal: Tensor, height: int, width: int, *, preview: bool = False) -> Tensor:
        """The picture itself, cut to its size and range; there is nothing quicker to preview."""
        return signal[:, :, :height, :width].float().cpu().clamp(-1, 1)

    def denoiser(self, prompt: str = "") -> Denoiser:
        """The only one.

        Raises:
            RateError: for any prompt.
        """
        if prompt:
            raise RateError("This model takes no prompt: it was trained on pictures without words.")
        return self._denoiser
