"""A denoiser in bfloat16, for what only eyes look at.

The states that encoder and decoder share are computed in float32 on every device: in bfloat16 two processors round
differently, and what that costs grows from step to step (`python -m diffdemo bench drift`). What a decoder does after
the last state nobody has to repeat, and there such an error is invisible.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser


def rough(denoiser: Denoiser) -> Denoiser:
    """The denoiser itself where no processor here computes in bfloat16."""
    return Rough(denoiser) if fast_devices() else denoiser


class Rough:
    """A denoiser whose convolutions and matrix products are in bfloat16.

    Args:
        denoiser: whose network is of PyTorch.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.sigma_min = denoiser.sigma_min
        self._denoiser = denoiser

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """float32 -> float32 of the same shape."""
        with in_bfloat16(fast_devices()):
            return self._denoiser.denoise(z, sigma).float()


@contextmanager
def in_bfloat16(devices: Sequence[str]) -> Iterator[None]:
    """PyTorch's autocast on kinds of devices; it holds for the thread that enters it."""
    with ExitStack() as stack:
        for device in devices:
            stack.enter_context(torch.autocast(device, torch.bfloat16))
        yield


@functools.cache
def fast_devices() -> tuple[str, ...]:
    """Kinds of devices that compute in bfloat16 and do not only imitate it."""
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    on_cpu = able.get("amx_bf16") or able.get("avx512_bf16")
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return tuple(device for device, is_able in (("cpu", on_cpu), ("cuda", on_gpu)) if is_able)
