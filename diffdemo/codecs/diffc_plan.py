"""How an encoder divides a file into steps: effort, budget, and the geometry of the next step.

Nothing here is normative. A decoder reads what was chosen; another encoder may choose better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffdemo.codecs.diffc_file import LARGEST_GROWTH, TREES
from diffdemo.codecs.diffc_payload import FEWEST_LAST_STAGES, GROWTH_UNIT, PayloadWriter, level_of, sigma_of
from diffdemo.codecs.records import Preset, Target
from diffdemo.coding.container import LARGEST_PAYLOAD
from diffdemo.coding.tree_code import Classes, TreeStep
from diffdemo.coding.tree_search import BALANCED, BEST, FAST, Search
from diffdemo.diffusion.posterior import sigma_for_energy

WORTHWHILE_STAGES = 20
DEFAULT_BPP = 1.0
LEAST_GROWTH = 64
"""Below, what every step costs by itself would take more than longer steps do."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a preset means: beam, and how often the network is asked for the targeted file.

    Attributes:
        search: for the samples.
        views: of every state, see `diffusion.views`, for models that know several.
        steps: for those models.
        plain_steps: for models of one view, which have more of them in the same time.
    """

    search: Search
    views: int
    steps: int
    plain_steps: int

    def evaluations(self, most_views: int) -> tuple[int, int]:
        """Views a step, and steps, for a model that knows so many views."""
        return (self.views, self.steps) if most_views >= self.views else (1, self.plain_steps)


EFFORTS = {
    Preset.FAST: Effort(FAST, 1, 10, 16),
    Preset.BALANCED: Effort(BALANCED, 2, 16, 32),
    Preset.BEST: Effort(BEST, 4, 36, 48),
}


def preset_of(tree: int) -> str:
    """Name of the preset whose tree code a file names; "unknown" for a number that no encoder writes."""
    of_version = next((trees for trees in TREES.values() if tree in trees), ())
    return next((preset.value for preset, number in zip(Preset, of_version, strict=False) if number == tree), "unknown")


def plan_step(
    writer: PayloadWriter,
    search: Search,
    error: NDArray[np.float32],
    classes: Classes,
    sigma: float,
    *,
    room: int,
    floor: int,
) -> tuple[int, TreeStep, bool] | None:
    """Decide where the next step goes.

    Args:
        writer: the payload so far.
        search: for the sample.
        error: x - x_hat in the coordinates of the prior, float32 [dimensions].
        classes: of these coordinates.
        sigma: noise level reached.
        room: payload bits in all.
        floor: the lowest noise level of the model, as a level.

    Returns:
        Level, geometry, and whether the step is the last; None if nothing worthwhile fits.
    """
    errors = classes.energies(error)
    if writer.level >= floor:
        return None
    stages, last = writer.rule, False
    side = 5
    # The code for the level and the number of stages depend on each other when the file is about to end.
    for _ in range(3):
        fitting = (room - writer.bits.num_bits - side) // 2
        if fitting < stages:
            stages, last = fitting, True
        if stages < min(writer.rule, FEWEST_LAST_STAGES if writer.num_steps == 0 else WORTHWHILE_STAGES):
            return None
        target = sigma_for_energy(sigma, *balance(errors, classes, search.delivered_bits(stages)))
        level = floor if target <= sigma_of(floor) else max(writer.level + 1, level_of(target))
        if level >= floor:
            level, last = floor, True
            needed = bits_to(sigma_of(floor), sigma, errors, classes)
            stages = min(stages, max(FEWEST_LAST_STAGES, search.stages_for(needed)))
        side = writer.side_bits(level)
        if not last and writer.bits.num_bits + side + 2 * stages <= room:
            break
    if last:
        # Bits up to the end of the last byte belong to the last step.
        begin = writer.bits.num_bits + side
        end = min(room, -(-(begin + 2 * stages) // 8) * 8)
        stages = min(writer.rule, (end - begin) // 2)
        if stages < FEWEST_LAST_STAGES:
            return None
    return level, TreeStep(classes, stages, search.code), last


def balance(errors: NDArray[np.float64], classes: Classes, divergence_bits: float) -> tuple[float, float]:
    """Error and energy, each in units of the prior, for which a step delivers so many bits.

    With mu^2 = e^2 c, c = 1/sigma_s^2 - 1/sigma_t^2, a prior of variances v costs
    sum_k [n_k log(1 + v_k) + (c e_k^2 - n_k v_k) / (1 + v_k)] / 2 nats, e_k^2 being the energy of class k. The second
    part is zero where c sum_k e_k^2 / (1 + v_k) = sum_k n_k v_k / (1 + v_k).
    """
    variances = classes.scaled(divergence_bits)
    sizes = np.array(classes.sizes, np.float64)
    return float((errors / (1 + variances)).sum()), float((sizes * variances / (1 + variances)).sum())


def bits_to(sigma_s: float, sigma_t: float, errors: NDArray[np.float64], classes: Classes) -> float:
    """Divergence of a step from noise level sigma_t to sigma_s, by bisection on what `balance` says."""
    low, high = 0.0, 1.0
    while sigma_for_energy(sigma_t, *balance(errors, classes, high)) > sigma_s:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        reached = sigma_for_energy(sigma_t, *balance(errors, classes, middle)) <= sigma_s
        low, high = (low, middle) if reached else (middle, high)
    return high


def budget_of(target: Target, num_pixels: int) -> int:
    """Largest file in bytes; a quality target alone is bounded by 8 bits per pixel."""
    if target.num_bytes is not None:
        return min(target.num_bytes, LARGEST_PAYLOAD)
    bpp = 8.0 if target.psnr_db is not None else DEFAULT_BPP
    return min(max(64, int(bpp * num_pixels / 8)), LARGEST_PAYLOAD)


def growth_for(bits: int, steps: int) -> int:
    """The growth for which `steps` steps reach `bits`: the sum of steps of c sqrt(R) is R = (c steps / 2)^2."""
    return max(LEAST_GROWTH, min(LARGEST_GROWTH, round(GROWTH_UNIT * math.sqrt(bits) / steps)))


def expected_steps(writer: PayloadWriter, room: int) -> int:
    """Steps until the room is used up, by the same sum."""
    left = math.sqrt(room) - math.sqrt(writer.bits.num_bits)
    return writer.num_steps + max(1, math.ceil(GROWTH_UNIT * left / writer.growth))
