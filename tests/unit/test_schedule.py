"""Schedules, the steps that a short decode visits, and DDIM where the exact answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from diffdemo.diffusion.ddim import ddim
from diffdemo.diffusion.schedule import cosine_schedule, linear_schedule, visited_steps


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (cosine_schedule(), {0: 0.99999523, 2048: 0.8469094, 4096: 0.4937485, 8191: 3.618264e-8, 8192: 3.618264e-11}),
        (linear_schedule(), {0: 0.99999499, 10000: 0.07900032, 19999: 4.304124e-5}),
    ],
)
def test_schedules_are_those_of_the_released_models(schedule, values):
    assert schedule.abar.dtype == torch.float32
    for index, value in values.items():
        assert float(schedule.abar[index]) == pytest.approx(value, rel=3e-7)


def test_visited_steps_of_the_released_models():
    cosine = cosine_schedule()
    assert visited_steps(cosine, 5).tolist() == [0, 2048, 4096, 6144, 8192]
    assert visited_steps(cosine, 17).tolist() == list(range(0, 8193, 512))
    assert visited_steps(cosine, 2).tolist() == [0, 8192]
    assert visited_steps(linear_schedule(), 3).tolist() == [0, 9999, 19999]


@pytest.mark.parametrize("variance", [0.04, 1.0])
def test_ddim_with_the_exact_denoiser_moves_noise_to_the_source(variance):
    """On a source N(0, v) every step has a closed form; with many steps the end is v^(1/2) times the start."""
    schedule = cosine_schedule()
    start = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def exact(x: torch.Tensor, abar: float, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        clean = x * math.sqrt(abar) * variance / (abar * variance + 1 - abar)
        return clean, (x - math.sqrt(abar) * clean) / math.sqrt(1 - abar)

    *_, (_, end) = ddim(exact, schedule, visited_steps(schedule, 513), start)
    assert torch.allclose(end, variance**0.5 * start, rtol=0.02)


def test_ddim_with_fresh_noise_keeps_the_variance_of_the_source():
    schedule = cosine_schedule()
    start = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    def exact(x: torch.Tensor, abar: float, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        clean = x * math.sqrt(abar)
        return clean, (x - math.sqrt(abar) * clean) / math.sqrt(1 - abar)

    *_, (_, end) = ddim(exact, schedule, visited_steps(schedule, 65), start, eta=1.0, seed=3)
    assert float(end.var()) == pytest.approx(1, abs=0.05)
    correlation = float((end * start).mean())
    assert abs(correlation) < 0.05
