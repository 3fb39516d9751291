"""How an encoder divides a file into steps: effort, budget, and the geometry of the next step.

Nothing here is normative. A decoder reads what was chosen; another encoder may choose better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from diffdemo.codecs.diffc_payload import FEWEST_LAST_STAGES, GROWTH_UNIT, PayloadWriter, level_of, sigma_of
from diffdemo.codecs.records import Preset, Target
from diffdemo.coding.container import LARGEST_PAYLOAD
from diffdemo.coding.tree_code import BALANCED, BEST, FAST, TreePreset, TreeStep, stages_for
from diffdemo.diffusion.posterior import sigma_for_energy

LARGEST_GROWTH = 1 << 14
WORTHWHILE_STAGES = 20
DEFAULT_BPP = 1.0


@dataclass(frozen=True, slots=True)
class Effort:
    """What a preset means: beam, and how often the network is asked for the targeted file.

    Attributes:
        tree: the search.
        views: of every state, see `diffusion.views`, for models that know several.
        steps: for those models.
        plain_steps: for models of one view, which have more of them in the same time.
    """

    tree: TreePreset
    views: int
    steps: int
    plain_steps: int

    def evaluations(self, most_views: int) -> tuple[int, int]:
        """Views a step, and steps, for a model that knows so many views."""
        return (self.views, self.steps) if most_views >= self.views else (1, self.plain_steps)


EFFORTS = {
    Preset.FAST: Effort(FAST, 1, 20, 20),
    Preset.BALANCED: Effort(BALANCED, 2, 32, 44),
    Preset.BEST: Effort(BEST, 4, 60, 60),
}


def preset_of(tree: int) -> str:
    """Name of the preset whose tree code a file names; "unknown" for a number that no encoder writes."""
    return next((preset.value for preset, effort in EFFORTS.items() if effort.tree.number == tree), "unknown")


def plan_step(
    writer: PayloadWriter, preset: TreePreset, x: Tensor, x_hat: Tensor, sigma: float, *, room: int, floor: int
) -> tuple[int, TreeStep, bool] | None:
    """Decide where the next step goes.

    Args:
        writer: the payload so far.
        preset: of the tree code.
        x, x_hat: picture and posterior mean, [1,3,H,W].
        sigma: noise level reached.
        room: payload bits in all.
        floor: the lowest noise level of the model, as a level.

    Returns:
        Level, geometry, and whether the step is the last; None if nothing worthwhile fits.
    """
    error = float((x - x_hat).double().square().sum())
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
        target = sigma_for_energy(sigma, error, TreeStep(x.numel(), stages, preset).energy)
        level = floor if target <= sigma_of(floor) else max(writer.level + 1, level_of(target))
        if level >= floor:
            level, last = floor, True
            needed = error * (1 / sigma_of(floor) ** 2 - 1 / sigma**2)
            stages = min(stages, max(FEWEST_LAST_STAGES, stages_for(needed, x.numel(), preset)))
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
    return level, TreeStep(x.numel(), stages, preset), last


def budget_of(target: Target, num_pixels: int) -> int:
    """Largest file in bytes; a quality target alone is bounded by 8 bits per pixel."""
    if target.num_bytes is not None:
        return min(target.num_bytes, LARGEST_PAYLOAD)
    bpp = 8.0 if target.psnr_db is not None else DEFAULT_BPP
    return min(max(64, int(bpp * num_pixels / 8)), LARGEST_PAYLOAD)


def growth_for(bits: int, steps: int) -> int:
    """The growth for which `steps` steps reach `bits`: the sum of steps of c sqrt(R) is R = (c steps / 2)^2."""
    return max(1, min(LARGEST_GROWTH, round(GROWTH_UNIT * math.sqrt(bits) / steps)))


def expected_steps(writer: PayloadWriter, room: int, *, done: bool) -> int:
    """Steps until the room is used up, by the same sum."""
    if done:
        return writer.num_steps
    left = math.sqrt(room) - math.sqrt(writer.bits.num_bits)
    return writer.num_steps + max(1, math.ceil(GROWTH_UNIT * left / writer.growth))
