"""Train PhotoUNet, the denoiser behind DiffC; `criterion.py` says by what and why."""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.errors import Cancelled, WeightsError
from diffdemo.models.photo_unet import PhotoUNet
from diffdemo.models.weights import load_strictly, read_weights
from diffdemo.training import checkpoint
from diffdemo.training.criterion import LevelMeans, draw_log_sigmas, level_weights, validate
from diffdemo.training.diffc_recipe import Recipe
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder
from diffdemo.training.stopping import Stopping

SAVE_SECONDS = 60
VALIDATION_SHARE = 1 / 20
"""Most of the time that validation may take, so that it is frequent where it is quick."""


class Training:
    """A network in training: everything that a step changes, and that has to be kept for going on later."""

    def __init__(self, recipe: Recipe, device: torch.device, *, compiled: bool = False) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(recipe.seed)
        self.net = PhotoUNet(recipe.shape).to(device)
        self.net = self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = copy.deepcopy(self.net)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay
        )
        self.means = LevelMeans(device)
        self.loss = torch.full((), math.nan, device=device)
        self.step, self.seconds = 0, 0.0
        # Two sources of chance: what is chosen, the same on every device, and noise, drawn where it is needed.
        self.choices = torch.Generator().manual_seed(recipe.seed * 1_000_003)
        self.noise = torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + 1)
        self._forward = torch.compile(self.net) if compiled else self.net

    @property
    def elapsed(self) -> float:
        """Fraction of the budget that is used up; 1 or more at the end."""
        if self.recipe.steps is not None:
            return self.step / self.recipe.steps
        return self.seconds / (60 * self.recipe.minutes)

    @property
    def learning_rate(self) -> float:
        """A cosine of the elapsed fraction, after a linear rise over the first steps."""
        warm = min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        return self.recipe.learning_rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, self.elapsed))))

    def advance(self, pictures: PictureFolder) -> None:
        """One step on random crops."""
        began = time.monotonic()
        recipe, half_way = self.recipe, self.elapsed > 0.5
        large = half_way and float(torch.rand((), generator=self.choices)) < recipe.large_share
        side = recipe.large_crop if large else recipe.crop
        count = max(1, recipe.batch * recipe.crop**2 // side**2)
        x = pictures.crops(count, side, self.choices).to(self.device, memory_format=torch.channels_last)
        log_sigma = draw_log_sigmas(count, self.choices, recipe.levels).to(self.device, non_blocking=True)
        if recipe.dequantise:
            x = x + (2 * self._rand(x) - 1) / 255
        sigma = log_sigma.exp()
        z = x + sigma[:, None, None, None] * torch.randn(x.shape, generator=self.noise, device=self.device).contiguous(
            memory_format=torch.channels_last
        )

        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            x_hat = self._forward(z, sigma)
        losses = level_weights(sigma, recipe.weighting) * (x_hat.float() - x).pow(2).mean(dim=(1, 2, 3))
        loss = (losses / self.means(log_sigma) if recipe.weighting == "relative" else losses).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.means.update(log_sigma, losses.detach())
        follow(self.ema, self.net, self.step, recipe.ema_decay)
        latest = losses.detach().mean()
        self.loss = torch.where(self.loss.isnan(), latest, torch.lerp(self.loss, latest, 0.01))
        self.step += 1
        self.seconds += time.monotonic() - began

    def start_from(self, path: Path) -> None:
        """Begin with the weights of an earlier training, whose running average they are; everything else is new.

        Raises:
            WeightsError: missing, damaged, or of a network of another shape.
        """
        load_strictly(self.net, read_weights(path), path.name)
        self.ema.load_state_dict(self.net.state_dict())

    def state(self) -> dict[str, Any]:
        """What `checkpoint.save` takes."""
        return {
            "shape": self.recipe.shape.to_metadata(),
            "net": self.net.state_dict(),
            "average": checkpoint.pack_average(self.ema, self.net),
            "moments": checkpoint.pack_moments(self.optimizer),
            "means": self.means.means,
            "loss": self.loss,
            "step": self.step,
            "seconds": self.seconds,
            "choices": self.choices.get_state(),
            "noise": self.noise.get_state(),
            "device": self.device.type,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`.

        Raises:
            WeightsError: if it is of a network of another shape.
        """
        if state.get("shape") != self.recipe.shape.to_metadata():
            raise WeightsError(
                "The output folder holds the training of a network of another shape. Please choose another folder."
            )
        self.net.load_state_dict(state["net"])
        checkpoint.unpack_average(self.ema, self.net, state["average"])
        self.step, self.seconds = state["step"], state["seconds"]
        checkpoint.unpack_moments(self.optimizer, state["moments"], self.step)
        self.means.means = state["means"].to(self.device)
        self.loss = state["loss"].to(self.device)
        self.choices.set_state(state["choices"])
        if state["device"] == self.device.type:
            self.noise.set_state(state["noise"])
        else:
            # Generators differ between devices; what must not happen is the same noise again.
            self.noise.manual_seed(self.recipe.seed * 1_000_003 + 1 + self.step)

    def _rand(self, like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=self.noise, device=self.device)


@torch.no_grad()
def follow(ema: PhotoUNet, net: PhotoUNet, step: int, decay: float) -> None:
    """Move a running average towards `net`; at first it forgets quickly, within about a ninth of the steps so far."""
    decay = min(decay, (1 + step) / (10 + step))
    for averaged, current in zip(ema.parameters(), net.parameters(), strict=True):
        averaged.lerp_(current, 1 - decay)


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    exclude: tuple[str, ...] = (),
    start: Path | None = None,
    device: str = "cpu",
    compiled: bool = False,
) -> Path:
    """Train until the recipe's budget is used up, going on from `out/checkpoint.pt` if it is there.

    Args:
        data: folder of pictures, or an archive of them.
        out: receives `recipe.json`; every minute and at the end `checkpoint.pt` and, as they are by then,
            `weights.safetensors`; and `log.csv`.
        recipe: see there.
        exclude: names of sub-folders to leave out.
        start: weights to begin with, for example the shipped ones; of no effect where a checkpoint is.
        device: "cpu" or "cuda".
        compiled: whether steps run through torch.compile.

    Returns:
        The path of the half-precision weights.

    Raises:
        Cancelled: on Ctrl-C or SIGTERM, after the checkpoint is written.
        WeightsError: if `out` holds the training of another network, or `start` the weights of one.
    """
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    pictures = PictureFolder(data, exclude=exclude, smallest_side=recipe.crop).to(where)
    crops = pictures.validation_crops(12, recipe.large_crop)
    print(
        f"{pictures.num_files} pictures, {len(crops)} held-out crops, {time.monotonic() - began:.1f} s to read",
        flush=True,
    )
    training = Training(recipe, where, compiled=compiled)
    saved, weights, log = out / "checkpoint.pt", out / "weights.safetensors", Log(out / "log.csv")
    if saved.exists():
        training.restore(checkpoint.load(saved))
        print(f"resumed at step {training.step} after {training.seconds / 60:.1f} minutes", flush=True)
    elif start is not None:
        training.start_from(start)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))

    def judge() -> None:
        row = {"step": training.step, "minutes": training.seconds / 60, "loss": float(training.loss)}
        log.add(row | validate(training.ema, crops, where))

    next_save = next_validation = time.monotonic() + SAVE_SECONDS
    first = training.step
    with Stopping() as stop:
        while training.elapsed < 1:
            training.advance(pictures)
            if training.step == first + 1:
                print(f"first step after {time.monotonic() - began:.1f} s", flush=True)
            if training.step % 100 == 0:
                print(
                    f"step {training.step}  {training.seconds / 60:.1f} min  loss {float(training.loss):.4f}",
                    flush=True,
                )
            now, done = time.monotonic(), training.elapsed >= 1
            # Validation takes a while, and whoever is stopped then may be stopped for good: save before.
            if done or stop.requested or now > min(next_save, next_validation):
                checkpoint.save(saved, training.state())
                export(training.ema, weights, step=training.step, minutes=training.seconds / 60)
                next_save = time.monotonic() + SAVE_SECONDS
            if stop.requested:
                raise Cancelled(f"stopped at step {training.step}; the same command goes on from there")
            if not done and now > next_validation:
                judge()
                spent = time.monotonic() - now
                next_validation = time.monotonic() + max(SAVE_SECONDS, spent / VALIDATION_SHARE)
    if log.last_step() != training.step:
        judge()
    return weights


def export(net: PhotoUNet, path: Path, *, step: int, minutes: float) -> None:
    """Write half-precision weights with the network's shape in the file's header."""
    tensors = {
        name: t.detach().cpu().contiguous().half() for name, t in net.state_dict().items() if name != "frequencies"
    }
    metadata = {"architecture": "PhotoUNet", **net.shape.to_metadata(), "steps": str(step), "minutes": f"{minutes:.1f}"}
    partial = path.with_suffix(".tmp")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)
