"""What a step of DiffC's recipes takes: its operations, which no machine changes, and its time on this one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from diffdemo.training.diffc.recipe import RECIPES
from diffdemo.training.diffc.train import Training
from diffdemo.training.pictures import PictureFolder

TIMED_STEPS = 4
MAX_CROPS = 8
"""Timed on a CPU, whose memory may not hold the crops of a step for a GPU."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size of the network.

    Attributes:
        size: its name.
        parameters: of the network.
        crops: a step, as the recipe has it.
        flop: floating-point operations of such a step, forward and backward.
        timed_crops: of the steps that were timed.
        seconds: of one of these.
    """

    size: str
    parameters: int
    crops: int
    flop: float
    timed_crops: int
    seconds: float

    @property
    def flop_per_second(self) -> float:
        """What the machine gave."""
        return self.flop * self.timed_crops / self.crops / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.size}: {self.parameters:,} parameters; {self.flop / 1e12:.3g} TFLOP a step of {self.crops} crops; "
            f"{self.seconds:.3f} s for {self.timed_crops} crops, {self.flop_per_second / 1e12:.2g} TFLOP/s"
        )


def costs(device: torch.device) -> Iterator[Cost]:
    """Of each size, on crops of noise: what is in them changes nothing."""
    with TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        for number in range(2):
            noise = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
            Image.fromarray(noise).save(Path(folder) / f"{number}.png")
        pictures = PictureFolder(Path(folder)).to(device)
    for size, recipe in RECIPES.items():
        crops = min(recipe.batch, MAX_CROPS) if device.type == "cpu" else recipe.batch
        training = Training(replace(recipe, batch=crops), device)
        # The first step is also the one that compiles kernels.
        with FlopCounterMode(display=False) as counter:
            training.advance(pictures)
        began = time.monotonic()
        for _ in range(TIMED_STEPS):
            training.advance(pictures)
        # On a GPU the last loss is there when all steps are done.
        float(training.loss)
        yield Cost(
            size=size,
            parameters=sum(p.numel() for p in training.net.parameters()),
            crops=recipe.batch,
            flop=counter.get_total_flops() * recipe.batch / crops,
            timed_crops=crops,
            seconds=(time.monotonic() - began) / TIMED_STEPS,
        )
