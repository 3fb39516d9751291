"""How much memory models may take, judged before they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffdemo.engine.hardware.available import available_memory
from diffdemo.errors import MemoryBudgetError
from diffdemo.models.spec import GB, Kind, ModelSpec

SHARE_OF_COMPUTER = 0.6
SHARE_OF_GPU = 0.85
SHARE_OF_JOBS = 0.3
"""Of the computer's memory, for jobs while they compute."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory for models.

    Attributes:
        num_bytes: that all loaded models may take together.
        halves: whether models of the Hub run in half precision, in half of the memory.
    """

    num_bytes: int
    halves: bool = False

    def needed(self, spec: ModelSpec) -> int:
        """Bytes that a model takes to run, as estimated."""
        return spec.memory // 2 if self.halves and spec.kind in (Kind.PIXEL, Kind.LATENT) else spec.memory

    def has_room(self, spec: ModelSpec, beside: Sequence[ModelSpec]) -> bool:
        """Whether a model fits beside others."""
        return self.needed(spec) + sum(map(self.needed, beside)) <= self.num_bytes

    def require(self, spec: ModelSpec, alternatives: Sequence[ModelSpec]) -> None:
        """Check that a model fits if all others make room.

        Raises:
            MemoryBudgetError: saying what would fit.
        """
        if not self.has_room(spec, ()):
            fitting = [other.name for other in alternatives if self.has_room(other, ()) and other.codec == spec.codec]
            raise MemoryBudgetError(
                f"The model '{spec.name}' needs about {_size(self.needed(spec))} of memory; models may take "
                f"{_size(self.num_bytes)} here. What fits and is here: {', '.join(fitting) or 'none'}."
            )


def default_budget(device: torch.device, num_bytes: int | None = None) -> Budget:
    """What models may take on a device: so many bytes, or else a share of what this process may take."""
    on_gpu = device.type == "cuda"
    if num_bytes is None and on_gpu:
        num_bytes = int(SHARE_OF_GPU * torch.cuda.get_device_properties(device).total_memory)
    elif num_bytes is None:
        num_bytes = int(SHARE_OF_COMPUTER * available_memory())
    return Budget(num_bytes, halves=on_gpu)


def memory_for_jobs(device: torch.device) -> int:
    """Bytes that jobs on a device may hold together while they compute, beside the models."""
    if device.type == "cuda":
        return int((1 - SHARE_OF_GPU) * torch.cuda.get_device_properties(device).total_memory)
    return int(SHARE_OF_JOBS * available_memory())


def budget_error(spec: ModelSpec) -> MemoryBudgetError:
    """For memory that ran out all the same."""
    return MemoryBudgetError(
        f"There was not enough memory for the model '{spec.name}'. Please choose a smaller one, or a smaller picture."
    )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / GB:.1f} GB"
