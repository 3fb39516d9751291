"""The energy score: least for draws that vary as much as the truth does."""

import pytest
import torch

from diffdemo.training.cdc.energy_score import energy_score

SIDE, COUNT = 64, 16


def noise(seed: int) -> torch.Tensor:
    return torch.randn((COUNT, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed))


def mean_score(spread: float, *, content: float = 0.0) -> float:
    """Of draws with a standard deviation, for a truth whose standard deviation is one."""
    first, second = (content + spread * noise(seed) for seed in (1, 2))
    return float(energy_score(first, second, noise(3)).mean())


def test_draws_like_the_truth_score_best():
    right = mean_score(1.0)
    for wrong in (0.0, 0.5, 0.7, 1.4, 2.0):
        assert mean_score(wrong) > right


def test_a_shifted_mean_scores_worse():
    assert mean_score(1.0, content=0.5) > mean_score(1.0)


def test_the_slope_leads_to_the_right_spread():
    for start, sign in ((0.5, -1), (1.5, 1)):
        spread = torch.tensor(start, requires_grad=True)
        energy_score(spread * noise(1), spread * noise(2), noise(3)).mean().backward()
        assert spread.grad is not None
        assert sign * float(spread.grad) > 0


def test_texture_of_another_scale_scores_worse():
    """Equal power, but in patches of 4x4 pixels instead of single ones."""

    def coarse(seed: int) -> torch.Tensor:
        small = torch.randn((COUNT, 3, SIDE // 4, SIDE // 4), generator=torch.Generator().manual_seed(seed))
        return small.repeat_interleave(4, 2).repeat_interleave(4, 3)

    score = float(energy_score(coarse(1), coarse(2), noise(3)).mean())
    assert score > mean_score(1.0) + 0.01


def test_equal_draws_of_the_truth_itself_score_nothing_and_have_a_slope():
    x = noise(3)
    draw = x.clone().requires_grad_()
    score = energy_score(draw, x, x)
    # What is left is the constant under the root.
    assert score.abs().max() < 1e-4
    score.sum().backward()
    assert draw.grad is not None
    assert torch.isfinite(draw.grad).all()


@pytest.mark.parametrize("side", [16, 32])
def test_small_crops_have_a_score(side):
    x = noise(3)[:, :, :side, :side]
    assert energy_score(x + 0.1, x - 0.1, x).shape == (COUNT,)
