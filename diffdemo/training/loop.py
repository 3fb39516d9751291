"""The loop around a step of training: schedule, running average, checkpoints, log, stopping and going on."""

from __future__ import annotations

import copy
import json
import math
import time
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diffdemo.atomic import replacing
from diffdemo.errors import Cancelled
from diffdemo.models.cdc.model import CdcNetwork
from diffdemo.models.photo_unet import PhotoUNet
from diffdemo.training import checkpoint
from diffdemo.training.log import Log
from diffdemo.training.optimizer import Optimizer
from diffdemo.training.pictures import PictureFolder
from diffdemo.training.recipe import BaseRecipe
from diffdemo.training.stopping import Stopping

SAVE_SECONDS = 60
VALIDATION_SHARE = 1 / 20
"""Most of the time that validation may take, so that it is frequent where it is quick."""

RecipeT = TypeVar("RecipeT", bound=BaseRecipe)
NetT = TypeVar("NetT", bound=nn.Module)


class Training(ABC, Generic[RecipeT, NetT]):
    """A network in training: everything that a step changes, and that has to be kept for going on later.

    Attributes:
        architecture: as the weights' header says it.
        validation_seconds, num_held_out: least time between two validations, and most crops of one.
        net, ema: what is trained, and its running average.
        optimizer: of all parameters of `net`; its learning rates are set at every step.
        step: number of steps done.
        stage_began: its value when what is trained last changed.
        seconds: time used, over all resumed runs.
        loss: running mean, a scalar on the device; NaN before the first step.
    """

    architecture: ClassVar[str]
    validation_seconds: ClassVar[float] = SAVE_SECONDS
    num_held_out: ClassVar[int] = 12
    optimizer: Optimizer

    def __init__(self, recipe: RecipeT, net: NetT, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        self.net: NetT = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = copy.deepcopy(self.net)
        self.loss = torch.full((), math.nan, device=device)
        self.step = self.stage_began = 0
        self.seconds = 0.0

    @abstractmethod
    def begin(self, start: Path | None, pictures: PictureFolder) -> None:
        """Prepare a run that goes on from no checkpoint, with the weights `start` if there are any.

        Raises:
            WeightsError: missing, damaged, or of a network of another shape.
        """

    @abstractmethod
    def losses(self, pictures: PictureFolder) -> tuple[Tensor, Tensor]:
        """Of one batch: the scalar to be minimised, and the one whose running mean is told."""

    @abstractmethod
    def validate(self, crops: Tensor) -> dict[str, float]:
        """Judge the running average by held-out crops [N,3,H,W]: `bpp@POINT`, `psnr@POINT` for several points."""

    @abstractmethod
    def result(self) -> PhotoUNet | CdcNetwork:
        """Those of the averaged networks that become the weights."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What `checkpoint.save` takes."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            WeightsError: if it is of a network of another shape.
        """

    def __str__(self) -> str:
        return f"step {self.step}  {self.seconds / 60:.1f} min  loss {float(self.loss):.4f}"

    @property
    def stage_step(self) -> int:
        """Steps done since what is trained last changed."""
        return self.step - self.stage_began

    @property
    def elapsed(self) -> float:
        """Fraction of the budget that is used up; 1 or more at the end."""
        if self.recipe.steps is not None:
            return self.step / self.recipe.steps
        return self.seconds / (60 * self.recipe.minutes)

    @property
    def learning_rate(self) -> float:
        """The recipe's at the elapsed fraction, after a linear rise over the first steps of a stage."""
        return min(1.0, (self.stage_step + 1) / self.recipe.warmup_steps) * self.recipe.rate(self.elapsed)

    def advance(self, pictures: PictureFolder) -> None:
        """One step on random crops."""
        began = time.monotonic()
        loss, told = self.losses(pictures)
        for group in (group for part in self.optimizer.parts for group in part.param_groups):
            group["lr"] = self.learning_rate * group.get("factor", 1.0)
        self.net.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        follow(self.ema, self.net, self.stage_step, self.recipe.ema_decay)
        latest = told.detach()
        self.loss = torch.where(self.loss.isnan(), latest, torch.lerp(self.loss, latest, 0.01))
        self.step += 1
        self.seconds += time.monotonic() - began


@torch.no_grad()
def follow(ema: nn.Module, net: nn.Module, step: int, decay: float) -> None:
    """Move a running average towards `net`; at first it forgets quickly, within about a ninth of the steps so far."""
    decay = min(decay, (1 + step) / (10 + step))
    for averaged, current in zip(ema.parameters(), net.parameters(), strict=True):
        averaged.lerp_(current, 1 - decay)


def train(
    training: Training[Any, Any], data: Path, out: Path, *, exclude: tuple[str, ...] = (), start: Path | None = None
) -> Path:
    """Train until the recipe's budget is used up, going on from `out/checkpoint.pt` if it is there.

    Args:
        training: as it was made; nothing is prepared yet.
        data: folder of pictures, or an archive of them.
        out: receives `recipe.json`; every minute and at the end `checkpoint.pt` and, as they are by then,
            `weights.safetensors`; and `log.csv`, whose first line is about `start`.
        exclude: names of sub-folders to leave out.
        start: weights to begin with, for example the shipped ones; of no effect where a checkpoint is.

    Returns:
        The path of the half-precision weights.

    Raises:
        Cancelled: on Ctrl-C or SIGTERM, after the checkpoint is written.
        WeightsError: if `out` holds the training of another network, or `start` the weights of one.
    """
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    recipe = training.recipe
    pictures = PictureFolder(data, exclude=exclude, smallest_side=recipe.crop).to(training.device)
    crops = pictures.validation_crops(training.num_held_out, 2 * recipe.crop)
    spent = time.monotonic() - began
    print(f"{pictures.num_files} pictures, {len(crops)} held-out crops, {spent:.1f} s to read", flush=True)
    saved, weights, log = out / "checkpoint.pt", out / "weights.safetensors", Log(out / "log.csv")
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))

    def judge() -> None:
        row = {"step": training.step, "minutes": training.seconds / 60, "loss": float(training.loss)}
        log.add(row | training.validate(crops))

    if saved.exists():
        training.restore(checkpoint.load(saved))
        print(f"resumed at step {training.step} after {training.seconds / 60:.1f} minutes", flush=True)
    else:
        training.begin(start, pictures)
        if start is not None and log.last_step() is None:
            judge()  # What the weights are worth that it begins with.
    next_save = time.monotonic() + SAVE_SECONDS
    next_validation = time.monotonic() + training.validation_seconds
    first = training.step
    with Stopping() as stop:
        while training.elapsed < 1:
            training.advance(pictures)
            if training.step == first + 1:
                print(f"first step after {time.monotonic() - began:.1f} s", flush=True)
            if training.step % 100 == 0:
                print(training, flush=True)
            now, done = time.monotonic(), training.elapsed >= 1
            # Validation takes a while, and whoever is stopped then may be stopped for good: save before.
            if done or stop.requested or now > min(next_save, next_validation):
                checkpoint.save(saved, training.state())
                export(
                    training.result(), weights, training.architecture, step=training.step, minutes=training.seconds / 60
                )
                next_save = time.monotonic() + SAVE_SECONDS
            if stop.requested:
                raise Cancelled(f"stopped at step {training.step}; the same command goes on from there")
            if not done and now > next_validation:
                judge()
                spent = time.monotonic() - now
                next_validation = time.monotonic() + max(training.validation_seconds, spent / VALIDATION_SHARE)
    if log.last_step() != training.step:
        judge()
    return weights


def export(net: PhotoUNet | CdcNetwork, path: Path, architecture: str, *, step: int, minutes: float) -> None:
    """Write half-precision weights, with architecture and shape of the network in the file's header."""
    tensors = {name: tensor.detach().cpu().contiguous().half() for name, tensor in net.state_dict().items()}
    metadata = {
        "architecture": architecture,
        **net.shape.to_metadata(),
        "steps": str(step),
        "minutes": f"{minutes:.1f}",
    }
    with replacing(path) as partial:
        save_file(tensors, partial, metadata=metadata)
