"""Networks that were trained on variance-preserving diffusion, asked in sigma coordinates.

They know the state u = sqrt(abar) x + sqrt(1 - abar) n at whole timesteps (Ho, Jain, Abbeel 2020, arXiv:2006.11239,
eq. 4). With sigma = sqrt((1 - abar) / abar) it is our z in another scale:

    z = x + sigma n = sqrt(1 + sigma^2) u

Between timesteps, the timestep is interpolated in ln sigma: its embedding is smooth in the timestep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.errors import WeightsError

SCHEDULERS = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSDEScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
"""Classes of diffusers whose configuration describes the same training: betas over discrete timesteps."""


class Prediction(StrEnum):
    """What a network puts out, as configurations call it."""

    EPSILON = "epsilon"
    V = "v_prediction"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class VpSchedule:
    """How noisy the timesteps of a network are.

    Attributes:
        log_sigmas: ln sigma of timestep 0, 1, ...; rising, finite, float64.
        prediction: what the network puts out.
        clip: clean pictures lie in [-clip, clip]; None if the configuration does not bound them.
    """

    log_sigmas: NDArray[np.float64]
    prediction: Prediction
    clip: float | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> VpSchedule:
        """Read what `scheduler_config.json` holds. Which of the schedulers it names is a sampler's business.

        Raises:
            WeightsError: another kind of diffusion, or settings that diffusers does not know.
        """
        _require_discrete(config)
        try:
            prediction = Prediction(config.get("prediction_type") or Prediction.EPSILON)
        except ValueError as error:
            raise WeightsError(
                f"The model predicts '{config['prediction_type']}'; known are {', '.join(Prediction)}."
            ) from error
        abar, clip = _read_by_diffusers(config)
        # A schedule that ends in pure noise has sigma = inf there; the timestep before is the last that can be asked.
        abar = abar[abar > 0]
        sigmas = np.sqrt((1 - abar) / abar)
        if len(sigmas) < 2 or sigmas[0] <= 0 or not (np.diff(sigmas) > 0).all():
            raise WeightsError("The model's noise schedule does not rise from step to step.")
        return cls(np.log(sigmas), prediction, clip)

    @property
    def sigma_min(self) -> float:
        """Noise level of timestep 0."""
        return math.exp(self.log_sigmas[0])

    @property
    def sigma_max(self) -> float:
        """Noise level of the last timestep that still holds something of the picture."""
        return math.exp(self.log_sigmas[-1])

    def timestep(self, sigma: float) -> float:
        """Fractional timestep of a noise level, from 0 to the last; levels beyond either end count as that end."""
        return float(np.interp(math.log(sigma), self.log_sigmas, np.arange(len(self.log_sigmas))))


class VpDenoiser:
    """Posterior mean by a network of variance-preserving diffusion.

    State and result are float32 on the CPU: only the network itself may run elsewhere or in half precision.

    Args:
        network: (u, timestep) -> its output, of u's shape, [1,C,H,W] float32 on the CPU.
        schedule: that it was trained with.
        clip: bound for what it returns; None for none.

    Attributes:
        sigma_min: noise level of its first timestep.
    """

    def __init__(
        self, network: Callable[[Tensor, float], Tensor], schedule: VpSchedule, *, clip: float | None = None
    ) -> None:
        self.sigma_min = schedule.sigma_min
        self._network = network
        self._schedule = schedule
        self._clip = clip

    @torch.inference_mode()
    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """[1,C,H,W] of any float type and device -> float32 of the same shape on the CPU.

        Above the schedule's last level the state is treated as one of that level: its share of the picture is small in
        both, and the result stays as small as that level makes it.
        """
        u = z.float().cpu() / math.sqrt(1 + sigma**2)
        known = min(sigma, self._schedule.sigma_max)
        output = self._network(u, self._schedule.timestep(known))
        x_hat = clean_picture(output, u, known, self._schedule.prediction)
        return x_hat if self._clip is None else x_hat.clamp(-self._clip, self._clip)


def clean_picture(output: Tensor, u: Tensor, sigma: float, prediction: Prediction) -> Tensor:
    """E[x | u] from a network's output, with abar = 1 / (1 + sigma^2)."""
    scale = math.sqrt(1 + sigma**2)
    if prediction is Prediction.EPSILON:
        # Ho, Jain, Abbeel 2020, eq. 15: x = (u - sqrt(1 - abar) eps) / sqrt(abar) = z - sigma eps
        return scale * u - sigma * output
    if prediction is Prediction.V:
        # Salimans, Ho 2022 (arXiv:2202.00512), appendix D: x = sqrt(abar) u - sqrt(1 - abar) v
        return (u - sigma * output) / scale
    # Nothing to convert: the network was trained on x itself (Salimans, Ho 2022, section 4).
    return output


def _require_discrete(config: Mapping[str, Any]) -> None:
    name = config.get("_class_name", "DDPMScheduler")
    if name not in SCHEDULERS:
        raise WeightsError(
            f"The model was trained with the schedule '{name}', which DiffC does not know here; it needs one over "
            "discrete, variance-preserving timesteps, such as DDPMScheduler."
        )
    if config.get("timestep_type", "discrete") != "discrete":
        raise WeightsError(f"The model's timesteps are '{config['timestep_type']}'; DiffC needs discrete ones here.")


def _read_by_diffusers(config: Mapping[str, Any]) -> tuple[NDArray[np.float64], float | None]:
    """Return abar of all timesteps and the bound on clean pictures, as diffusers itself understands a configuration."""
    from diffusers import DDPMScheduler

    scheduler_class: Any = DDPMScheduler  # its methods have no types
    try:
        scheduler = scheduler_class.from_config(dict(config))
        abar = scheduler.alphas_cumprod.double().numpy()
        clip = float(scheduler.config.clip_sample_range) if scheduler.config.clip_sample else None
    # Whatever the configuration holds ends up in arithmetic, which fails in its own ways.
    except (ArithmeticError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"The model's noise schedule cannot be read: {error}.") from error
    return abar, clip
