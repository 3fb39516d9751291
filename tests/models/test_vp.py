"""Variance-preserving networks in sigma coordinates, against diffusers' own scheduler and against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from gaussian import GaussianDenoiser
from torch import Tensor

from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.vp import Prediction, VpDenoiser, VpSchedule
from diffdemo.errors import WeightsError

LINEAR = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}
SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}
PREDICTIONS = [str(prediction) for prediction in Prediction]


def sigma_at(schedule: VpSchedule, timestep: float) -> float:
    positions = np.arange(len(schedule.log_sigmas))
    return math.exp(np.interp(timestep, positions, schedule.log_sigmas))


def gaussian_network(schedule: VpSchedule, variance: float) -> Callable[[Tensor, float], Tensor]:
    """What a perfect network puts out for a source of independent Gaussian numbers."""

    def network(u: Tensor, timestep: float) -> Tensor:
        abar = 1 / (1 + sigma_at(schedule, timestep) ** 2)
        share = 1 / (abar * variance + 1 - abar)
        noise, clean = u * (1 - abar) ** 0.5 * share, u * abar**0.5 * variance * share
        return {
            Prediction.EPSILON: noise,
            Prediction.V: abar**0.5 * noise - (1 - abar) ** 0.5 * clean,
            Prediction.SAMPLE: clean,
        }[schedule.prediction]

    return network


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("betas", [LINEAR, SCALED, COSINE], ids=["linear", "scaled", "cosine"])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_agrees_with_the_step_of_diffusers(prediction, betas, clip):
    import diffusers

    scheduler = diffusers.DDPMScheduler(**betas, prediction_type=prediction, clip_sample=clip)
    schedule = VpSchedule.from_config(scheduler.config)
    assert schedule.clip == (1.0 if clip else None)
    u, output = white_noise((1, 3, 8, 8), 1, stream=0), white_noise((1, 3, 8, 8), 2, stream=0)
    for timestep in (0, 1, 250, 730, 998, 999):
        asked = []
        denoiser = VpDenoiser(lambda _, t, asked=asked: asked.append(t) or output, schedule, clip=schedule.clip)
        sigma = sigma_at(schedule, timestep)
        scale = math.sqrt(1 + sigma**2)
        x_hat = denoiser.denoise(scale * u, sigma)
        expected = scheduler.step(output, timestep, u).pred_original_sample
        assert asked == [pytest.approx(timestep, abs=1e-6)]
        # Single precision: the picture is a small difference of numbers as large as the noise.
        assert (x_hat - expected).abs().max() < 1e-5 * scale


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("sigma", [0.02, 0.3, 1.0, 7.7, 100.0])
def test_gaussian_network_gives_the_wiener_estimate(prediction, sigma):
    schedule = VpSchedule.from_config(LINEAR | {"prediction_type": prediction})
    z = 3 * white_noise((1, 3, 8, 8), 3, stream=0)
    x_hat = VpDenoiser(gaussian_network(schedule, 0.1), schedule).denoise(z, sigma)
    assert torch.allclose(x_hat, GaussianDenoiser(0.1).denoise(z, sigma), atol=1e-5)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_above_the_schedule_the_result_stays_small(prediction):
    schedule = VpSchedule.from_config(SCALED | {"prediction_type": prediction})
    denoiser = VpDenoiser(gaussian_network(schedule, 1.0), schedule)
    assert 14 < schedule.sigma_max < 15
    for sigma in (16.0, 256.0):
        z = sigma * white_noise((1, 4, 16, 16), 4, stream=0)
        assert denoiser.denoise(z, sigma).std() < 1.1 / schedule.sigma_max


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_below_the_schedule_little_is_changed(prediction):
    schedule = VpSchedule.from_config(SCALED | {"prediction_type": prediction})
    z = white_noise((1, 4, 16, 16), 5, stream=0)
    x_hat = VpDenoiser(gaussian_network(schedule, 1.0), schedule).denoise(z, 0.01)
    assert schedule.timestep(0.01) == 0
    assert (x_hat - z).abs().max() < 0.01


def test_timestep_is_interpolated():
    schedule = VpSchedule.from_config(LINEAR)
    between = math.sqrt(sigma_at(schedule, 400) * sigma_at(schedule, 401))
    assert schedule.timestep(between) == pytest.approx(400.5)
    assert schedule.timestep(1e-9) == 0
    assert schedule.timestep(1e9) == 999
    assert schedule.sigma_min == pytest.approx(0.0100013, rel=1e-4)


def test_state_may_come_in_any_type_and_leaves_in_single_precision():
    schedule = VpSchedule.from_config(LINEAR)
    seen = []
    x_hat = VpDenoiser(lambda u, _: seen.append(u.dtype) or u, schedule).denoise(torch.ones(1, 3, 4, 4).double(), 1.0)
    assert x_hat.dtype == torch.float32
    assert seen == [torch.float32]


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_schedule_that_ends_in_pure_noise(prediction):
    import diffusers

    config = SCALED | {"rescale_betas_zero_snr": True, "prediction_type": prediction}
    assert diffusers.DDPMScheduler(**config).alphas_cumprod[-1] == 0
    schedule = VpSchedule.from_config(config)
    assert np.isfinite(schedule.log_sigmas).all()
    assert schedule.timestep(1e9) == 998
    x_hat = VpDenoiser(gaussian_network(schedule, 1.0), schedule).denoise(torch.ones(1, 4, 4, 4), 1e5)
    assert torch.isfinite(x_hat).all()


def test_trained_betas_are_used():
    schedule = VpSchedule.from_config({"trained_betas": [0.1, 0.2, 0.5], "num_train_timesteps": 3})
    abar = np.cumprod([0.9, 0.8, 0.5])
    assert np.allclose(np.exp(schedule.log_sigmas), np.sqrt((1 - abar) / abar), rtol=1e-6)


@pytest.mark.parametrize("name", ["PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler"])
def test_configurations_of_other_samplers_say_the_same(name):
    config = SCALED | {"_class_name": name, "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1}
    assert np.array_equal(VpSchedule.from_config(config).log_sigmas, VpSchedule.from_config(SCALED).log_sigmas)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"prediction_type": "flow_prediction"}, "'flow_prediction'; known are epsilon, v_prediction, sample"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "'FlowMatchEulerDiscreteScheduler'"),
        ({"_class_name": ["custom", "Scheduler"]}, "does not know"),
        ({"timestep_type": "continuous"}, "'continuous'"),
        ({"beta_schedule": "spiral"}, "spiral"),
        ({"beta_start": "small"}, "cannot be read"),
        ({"num_train_timesteps": 1}, "does not rise"),
        ({"trained_betas": [0.1, 0.0, 0.1]}, "does not rise"),
        ({"trained_betas": [0.0, 0.1, 0.1]}, "does not rise"),
    ],
)
def test_what_is_not_understood_is_said(config, said):
    with pytest.raises(WeightsError, match=said):
        VpSchedule.from_config(config)
