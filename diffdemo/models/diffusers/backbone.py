"""The network in the middle of a diffusion model, for states of any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diffdemo.images import mirrored
from diffdemo.models.evaluation import evaluation


class Backbone:
    """A U-Net of diffusers, on its device and in its precision.

    Args:
        network: UNet2DModel or UNet2DConditionModel, with weights.
    """

    def __init__(self, network: Any) -> None:
        # A tenth to a third faster on the CPU; the same numbers but for rounding.
        self.network = network.to(memory_format=torch.channels_last)
        # All levels but the last halve the sides.
        self._multiple = 2 ** (len(network.config.block_out_channels) - 1)

    @evaluation
    @torch.inference_mode()
    def __call__(self, u: Tensor, timestep: float, **conditions: Any) -> Tensor:
        """Run it once.

        Args:
            u: state, [1,C,H,W]; sides of any length are mirrored up to what the network's depth needs.
            timestep: may be fractional.
            conditions: further arguments of the network, on its device.

        Returns:
            float32 [1,C,H,W] on the CPU. A network that also puts out variances puts them behind its prediction
            (Nichol, Dhariwal 2021, arXiv:2102.09672, section 3.1); they are left out.
        """
        channels, height, width = u.shape[1:]
        device, dtype = self.network.device, self.network.dtype
        padded = mirrored(u, self._multiple).to(device=device, dtype=dtype, memory_format=torch.channels_last)
        # In single precision: half of it would round 999.5 to 1000 or worse.
        moment = torch.full((1,), timestep, device=device)
        output: Tensor = self.network(padded, moment, return_dict=False, **conditions)[0]
        return output[:, :channels, :height, :width].float().cpu().contiguous()
