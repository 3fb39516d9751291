"""The budget for loaded models: who fits, who has to go, and what people read when nothing helps."""

from __future__ import annotations

import pytest
import torch

from diffdemo.engine.memory import Budget, default_budget
from diffdemo.errors import MemoryBudgetError
from diffdemo.models.registry import FROM_HUB, SHIPPED, model_spec
from diffdemo.models.spec import GB


def test_half_precision_halves_the_models_of_the_hub_only():
    single, half = Budget(GB), Budget(GB, halves=True)
    for spec in (model_spec("ddpm-cat-256"), model_spec("sdxl")):
        assert half.needed(spec) == single.needed(spec) // 2
    for spec in SHIPPED:
        assert half.needed(spec) == single.needed(spec)


def test_models_share_the_budget():
    budget, cat = Budget(5 * GB), model_spec("ddpm-cat-256")
    assert budget.has_room(cat, [cat])
    assert not budget.has_room(cat, [cat, cat])


def test_what_does_not_fit_says_what_would():
    budget = Budget(3 * GB)
    budget.require(model_spec("ddpm-cat-256"), FROM_HUB)
    with pytest.raises(MemoryBudgetError) as caught:
        budget.require(model_spec("sdxl"), [*SHIPPED, model_spec("ddpm-cat-256"), model_spec("sd-1.5")])
    assert "'sdxl' needs about 20.0 GB" in str(caught.value)
    assert "photo-small, ddpm-cat-256." in str(caught.value)


def test_the_default_is_a_share_of_the_computer_and_a_wish_is_a_wish():
    cpu = torch.device("cpu")
    assert GB < default_budget(cpu).num_bytes < 10_000 * GB
    assert default_budget(cpu, 7 * GB) == Budget(7 * GB)
