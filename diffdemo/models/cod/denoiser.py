"""The diffusion model that CoD-Lite was before it became a codec, as a denoiser for DiffC.

It knows states on the straight way from noise to picture, x_t = t x + (1 - t) n, and answers with the clean picture.
Our state z = x + sigma n is one of them in another scale:

    t = 1 / (1 + sigma),  x_t = t z

It wants to be told about the picture. In training it was told nothing now and then: the context was that of a picture
of -1 everywhere, outside of what its encoder knows otherwise, and so it is here, always.

Source: Jia et al. 2025, "CoD" (arXiv:2511.18706); Lipman et al. 2023, "Flow matching" (arXiv:2210.02747).
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from diffdemo.images import mirrored
from diffdemo.models.cod.model import read_cod
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.cod.transformer import CodTransformer
from diffdemo.models.evaluation import evaluation, finished
from diffdemo.models.space import PixelSpace
from diffdemo.models.weights import require_finite

NOTHING = -1.0
"""Value of the picture that stands for no knowledge; the encoder takes others in [0,1]."""
CONTEXTS_KEPT = 4
"""Of nothing, by the size of the picture: an encode asks for one of them in every step."""


class CodDenoiser:
    """Posterior mean by the pre-trained network, in float32.

    Attributes:
        sigma_min: lowest noise level that it is asked about. Its authors code down to a share of noise of 0.02 with its
            larger sibling; with these weights it was not tried.

    Args:
        network: with its weights.
        device: where to compute.

    Raises:
        WeightsError: a weight is not a finite number.
    """

    sigma_min = 0.02

    def __init__(self, network: CodNetwork | CodTransformer, *, device: torch.device) -> None:
        require_finite(network, "CoD-Lite")
        self._multiple = network.shape.multiple
        self._device = device
        network = network.eval().requires_grad_(False).to(device)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._positions = position_table(TablePrecision.FLOAT32).to(device)
        self._contexts: OrderedDict[tuple[int, int], Tensor] = OrderedDict()

    @evaluation
    @torch.inference_mode()
    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 [1,3,H,W] -> the same shape where it came from; any sides, mirrored up to what the network needs."""
        height, width = z.shape[2:]
        time = 1 / (1 + sigma)
        noisy = time * mirrored(z, self._multiple).to(self._device)
        context = self._context_of_nothing(noisy.shape[2], noisy.shape[3])
        x_hat = self._network.denoised(noisy, time, context, self._positions)
        # Pictures lie in [-1, 1], so their mean does too.
        return x_hat[:, :, :height, :width].clamp(-1, 1).to(z.device).contiguous()

    def _context_of_nothing(self, height: int, width: int) -> Tensor:
        """[1,C,H/16,W/16]; it depends on the size, for the encoder sees the edges."""
        kept = self._contexts
        context = kept.get((height, width))
        if context is None:
            codec = self._network.y_embedder
            image = torch.full((1, 3, height, width), NOTHING, device=self._device)
            codes = codec.bottleneck.indices(codec.encoder(image.contiguous(memory_format=torch.channels_last)))
            vectors = codec.bottleneck.vectors(codes.to(self._device))
            context = kept[height, width] = finished(codec.decoder.decoding(vectors))
            if len(kept) > CONTEXTS_KEPT:
                kept.popitem(last=False)
        return context


def load_cod_space(path: Path, *, device: torch.device) -> PixelSpace:
    """Pictures, and the pre-trained network that knows them.

    Args:
        path: weights that `released.convert` wrote.
        device: where to compute.

    Raises:
        WeightsError: missing, damaged, of another architecture, or not finite.
    """
    network, _ = read_cod(path)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return PixelSpace(
        CodDenoiser(network, device=device), num_parameters=parameters, num_bytes=4 * parameters, device=device
    )
