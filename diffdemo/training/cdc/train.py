"""Train CDC: the compressor with a plain convolution as decoder, then compressor and denoiser, then all that decodes.

One model covers all rates: each crop is quantised with a step delta of its own, drawn from the range that the codec
offers. `cdc_losses.py` says what is minimised.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.diffusion.schedule import cosine_schedule
from diffdemo.errors import Cancelled, WeightsError
from diffdemo.models.cdc.model import CdcNetwork, read_cdc
from diffdemo.training.cdc.losses import Student, compress, compressor_loss, joint_loss, synthesis_loss
from diffdemo.training.cdc.recipe import OCTAVES, Recipe
from diffdemo.training.cdc.start import start_compressor, start_denoiser
from diffdemo.training.cdc.wider import fit_head, widened
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder
from diffdemo.training.stopping import Stopping

SETTLING_STEPS = 500
"""In which a widened model's encoder stands still: or new latents would shrink before anybody knows what they say."""
SAVE_SECONDS = 60
CENTRE_EVERY = 50
"""Steps after which the medians of the prior, which have no gradient, follow it."""


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    start: Path | None = None,
    exclude: tuple[str, ...] = (),
    device: str = "cpu",
) -> Path:
    """Train until `recipe.minutes` are used up, resuming from `out/checkpoint.pt` if it is there.

    Args:
        data: folder of pictures.
        out: receives `checkpoint.pt`, `log.csv`, `recipe.json` and, whenever validated, `weights.safetensors`.
        start: weights of the x family to begin with, for example the shipped ones; widened if the recipe's model is
            wider; of no effect where a checkpoint is.
        exclude: names of sub-folders to leave out.
        device: "cpu" or "cuda".

    Returns:
        The path of the half-precision weights.

    Raises:
        Cancelled: Ctrl-C or SIGTERM; there is a checkpoint of the last step.
        WeightsError: `out` holds the training of another model, or `start` the weights of one.
    """
    out.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    pictures = PictureFolder(data, exclude=exclude, smallest_side=recipe.crop)
    held_out = pictures.validation_crops(8, 2 * recipe.crop).to(where)
    print(f"{pictures.num_files} pictures, {len(held_out)} held-out crops", flush=True)

    torch.manual_seed(recipe.seed)
    checkpoint, weights = out / "checkpoint.pt", out / "weights.safetensors"
    if checkpoint.exists():
        training = Training(recipe, Student(recipe.shape), where)
        training.restore(torch.load(checkpoint, map_location=where, weights_only=True), out)
        print(f"resumed at step {training.step} after {training.seconds / 60:.1f} minutes", flush=True)
    else:
        crops = pictures.crops(256, recipe.crop, torch.Generator().manual_seed(1))
        training = _begun(recipe, start, crops, where)
    torch.manual_seed(recipe.seed * 1_000_003 + training.step)
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + training.step + 1)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))

    log = Log(out / "log.csv")
    last_save = last_validation = time.monotonic()
    with Stopping() as stop:
        while not training.is_over:
            training.advance(pictures, generator)
            if training.step % 100 == 0:
                print(training, flush=True)
            now, over = time.monotonic(), training.is_over
            if now - last_save > SAVE_SECONDS or over or stop.requested:
                partial = checkpoint.with_suffix(".tmp")
                torch.save(training.state(), partial)
                partial.replace(checkpoint)
                last_save = now
            if stop.requested:
                raise Cancelled(f"stopped at step {training.step}; the same command goes on from there")
            if now - last_validation > 300 or over:
                log.add(training.report(held_out))
                export(training.ema.network, weights, step=training.step, minutes=training.seconds / 60)
                last_validation = time.monotonic()
    return weights


class Training:
    """A run: everything that a step changes.

    Args:
        recipe: of the run.
        student: to begin with, of the recipe's shape.
        device: where it is trained.
        settling: steps at the beginning in which the encoder stands still.
        is_new: whether the U-Net has never been trained.

    Attributes:
        ema: running average of the student, which is what becomes the weights.
        step, stage_step: steps done, in all and of the present stage.
        seconds: time used, over all resumed runs.
        stage: "compressor", "both" or "synthesis".
        loss: running mean.
    """

    def __init__(
        self, recipe: Recipe, student: Student, device: torch.device, *, settling: int = 0, is_new: bool = True
    ) -> None:
        self.recipe = recipe
        self.device = device
        self.settling = settling
        self.is_new = is_new
        self.student = student.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = copy.deepcopy(self.student)
        self.optimizer = torch.optim.Adam(self.student.parameters(), recipe.learning_rate, betas=(0.9, 0.99))
        self.step = self.stage_step = 0
        self.seconds = 0.0
        self.stage = "compressor"
        self.loss = math.nan
        self._abar = cosine_schedule().abar.to(device)

    @property
    def is_over(self) -> bool:
        """Whether the recipe's time is used up."""
        return self.seconds >= self.recipe.minutes * 60

    def __str__(self) -> str:
        return f"step {self.step}  {self.seconds / 60:.1f} min  {self.stage}  loss {self.loss:.4f}"

    def advance(self, pictures: PictureFolder, generator: torch.Generator) -> None:
        """One step, on crops chosen by `generator`."""
        began = time.monotonic()
        recipe = self.recipe
        fraction = self.seconds / (recipe.minutes * 60)
        if recipe.stage(fraction) != self.stage:
            self._enter(recipe.stage(fraction))
        self._choose_what_learns()
        warm = min(1.0, (self.stage_step + 1) / recipe.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = warm * recipe.rate(fraction)
        if self.step % CENTRE_EVERY == 0:
            self.student.network.compressor.prior.centre()
        count, side = recipe.crops(self.stage, self.step)
        loss = self._loss(pictures.crops(count, side, generator))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        decay = min(recipe.ema_decay, (1 + self.stage_step) / (10 + self.stage_step))
        with torch.no_grad():
            for averaged, current in zip(self.ema.parameters(), self.student.parameters(), strict=True):
                averaged.lerp_(current, 1 - decay)
        latest = float(loss.detach())
        self.loss = latest if math.isnan(self.loss) else 0.99 * self.loss + 0.01 * latest
        self.step += 1
        self.stage_step += 1
        self.seconds += time.monotonic() - began

    def _enter(self, stage: str) -> None:
        if self.stage == "compressor" and self.is_new:
            for each in (self.student, self.ema):
                start_denoiser(each.network, each.head)
        self.stage, self.stage_step = stage, 0

    def _choose_what_learns(self) -> None:
        compressor = self.student.network.compressor
        settles = self.stage == "compressor" and self.stage_step < self.settling
        compressor.requires_grad_(self.stage != "synthesis")
        compressor.encoder.requires_grad_(self.stage != "synthesis" and not settles)
        compressor.context_decoder.requires_grad_(True)

    def _loss(self, crops: Tensor) -> Tensor:
        recipe, network = self.recipe, self.student.network
        x = crops.to(self.device, memory_format=torch.channels_last)
        passed = (torch.randperm(len(x)) + torch.rand(len(x))) / len(x)
        delta = (2 ** (OCTAVES[0] + (OCTAVES[-1] - OCTAVES[0]) * passed)).to(self.device)
        if self.stage == "compressor":
            return compressor_loss(self.student, x, delta, recipe.first_price)
        if self.stage == "both":
            return joint_loss(network, x, delta, recipe.first_price, self._abar)
        return synthesis_loss(network, x, delta, self._abar, recipe.texture)

    def report(self, held_out: Tensor) -> dict[str, float]:
        """A line of the log."""
        self.ema.network.compressor.prior.centre()
        measured = dict(validate(self.ema, held_out, plain=self.stage == "compressor"))
        return {"step": self.step, "minutes": self.seconds / 60, "loss": self.loss} | measured

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "shape": self.recipe.shape.to_metadata(),
            "settling": self.settling,
            "is_new": self.is_new,
            "student": self.student.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "stage": self.stage,
            "stage_step": self.stage_step,
        }

    def restore(self, saved: dict[str, Any], folder: Path) -> None:
        """Go on from a `state` that was found in `folder`.

        Raises:
            WeightsError: it is that of another model.
        """
        # Checkpoints of diffdemo 0.5 and before say the width only.
        found = saved.get("shape", {"family": "x", "width": str(saved.get("width"))})
        for name, expected in self.recipe.shape.to_metadata().items():
            if found.get(name) != expected:
                raise WeightsError(
                    f"{folder}/ holds the training of a model of {name} {found.get(name, 'unknown')}, not {expected}. "
                    "Please choose another folder."
                )
        self.student.load_state_dict(saved["student"])
        self.ema.load_state_dict(saved["ema"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.settling, self.is_new = saved["settling"], saved["is_new"]
        self.step, self.seconds = saved["step"], saved["seconds"]
        self.stage, self.stage_step = saved["stage"], saved["stage_step"]


def _begun(recipe: Recipe, start: Path | None, crops: Tensor, device: torch.device) -> Training:
    """A new run; from principal components, or from weights, which are widened if the recipe's model is wider."""
    if start is None:
        student = Student(recipe.shape)
        start_compressor(student.network, student.head, crops)
        return Training(recipe, student, device)
    network = read_cdc(start)[0]
    student = Student(network.shape)
    student.network.load_state_dict(network.state_dict())
    fit_head(student, crops)
    if network.shape == recipe.shape:
        return Training(recipe, student, device, is_new=False)
    return Training(recipe, widened(student, recipe.shape, crops), device, settling=SETTLING_STEPS, is_new=False)


@torch.no_grad()
def validate(student: Student, crops: Tensor, *, plain: bool) -> Iterator[tuple[str, float]]:
    """What an ideal entropy coder makes of held-out crops: (`bpp@DELTA`, bits per pixel), (`psnr@DELTA`, dB)."""
    network = student.network
    for octave in OCTAVES:
        bpps, errors = [], []
        for x in crops.split(1):
            delta = torch.full((1,), 2.0**octave, device=x.device)
            y_hat, bpp = compress(network, x, delta, relaxed=False)
            context = network.compressor.context(y_hat)
            if plain:
                x_hat = student.head(context[0])
            else:
                x_hat = network.unet(torch.zeros_like(x), torch.full((1,), 8192 / 8193, device=x.device), context)
            bpps.append(float(bpp))
            errors.append(float((x_hat.clamp(-1, 1) - x).square().mean()))
        yield f"bpp@{2.0**octave:g}", sum(bpps) / len(bpps)
        yield f"psnr@{2.0**octave:g}", sum(10 * math.log10(4 / e) for e in errors) / len(errors)


def export(network: CdcNetwork, path: Path, *, step: int, minutes: float) -> None:
    """Write half-precision weights with the network's shape in the file's header."""
    tensors = {name: t.detach().cpu().contiguous().half() for name, t in network.state_dict().items()}
    metadata = {"architecture": "CDC", **network.shape.to_metadata(), "steps": str(step), "minutes": f"{minutes:.1f}"}
    partial = path.with_suffix(".tmp")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)
