"""Train CDC: the compressor with a plain convolution as decoder, then compressor and denoiser, then all that decodes.

One model covers all rates: each crop is quantised with a step delta of its own, drawn from the range that the codec
offers. `losses.py` says what is minimised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffdemo.diffusion.schedule import cosine_schedule
from diffdemo.errors import WeightsError
from diffdemo.models.cdc.model import CdcNetwork, read_cdc
from diffdemo.training import checkpoint, loop
from diffdemo.training.cdc.losses import Student, compress, compressor_loss, joint_loss, synthesis_loss
from diffdemo.training.cdc.recipe import OCTAVES, Recipe
from diffdemo.training.cdc.start import start_compressor, start_denoiser
from diffdemo.training.cdc.wider import fit_head, widened
from diffdemo.training.optimizer import chosen, require_same
from diffdemo.training.pictures import PictureFolder

SETTLING_STEPS = 500
"""In which a widened model's encoder stands still: or new latents would shrink before anybody knows what they say."""
OUTER_LAYERS = (
    "head",
    "network.compressor.encoder.0.0",
    "network.compressor.hyper_decoder.4",
    "network.compressor.prior",
    "network.unet.down.0.first",
    "network.unet.head",
    "network.unet.time",
)
CENTRE_EVERY = 50
"""Steps after which the medians of the prior, which have no gradient, follow it."""


class Training(loop.Training[Recipe, Student]):
    """Compressor and denoiser in training.

    Args:
        recipe: of the run.
        device: where it is trained.

    Attributes:
        settling: steps at the beginning in which the encoder stands still.
        is_new: whether the U-Net has never been trained.
        stage: "compressor", "both" or "synthesis".
    """

    architecture = "CDC"
    validation_seconds = 300
    num_held_out = 8

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__(recipe, Student(recipe.shape), device)
        self.optimizer = chosen(recipe, self.net, OUTER_LAYERS, weight_decay=0)
        self.settling = 0
        self.is_new = True
        self.stage = "compressor"
        self.choices = torch.Generator()
        self._abar = cosine_schedule().abar.to(device)

    def __str__(self) -> str:
        return super().__str__().replace("loss", f"{self.stage}  loss")

    def begin(self, start: Path | None, pictures: PictureFolder) -> None:
        """Start from principal components, or from weights, which are widened if the recipe's model is wider."""
        torch.manual_seed(self.recipe.seed)
        crops = pictures.crops(256, self.recipe.crop, torch.Generator().manual_seed(1)).cpu()
        if start is None:
            student = Student(self.recipe.shape)
            start_compressor(student.network, student.head, crops)
        else:
            network = read_cdc(start)[0]
            student = Student(network.shape)
            student.network.load_state_dict(network.state_dict())
            fit_head(student, crops)
            self.is_new = False
            if network.shape != self.recipe.shape:
                student, self.settling = widened(student, self.recipe.shape, crops), SETTLING_STEPS
        for each in (self.net, self.ema):
            each.load_state_dict(student.state_dict())
        self._seed()

    def losses(self, pictures: PictureFolder) -> tuple[Tensor, Tensor]:
        """What the present stage minimises, on crops quantised with steps of their own."""
        recipe, network = self.recipe, self.net.network
        self._enter(recipe.stage(self.elapsed))
        if self.step % CENTRE_EVERY == 0:
            network.compressor.prior.centre()
        count, side = recipe.crops(self.stage, self.step)
        x = pictures.crops(count, side, self.choices, recipe.varied).to(self.device, memory_format=torch.channels_last)
        passed = (torch.randperm(count) + torch.rand(count)) / count
        delta = (2 ** (OCTAVES[0] + (OCTAVES[-1] - OCTAVES[0]) * passed)).to(self.device)
        if self.stage == "compressor":
            loss = compressor_loss(self.net, x, delta, recipe.first_price)
        elif self.stage == "both":
            loss = joint_loss(network, x, delta, recipe.first_price, self._abar)
        else:
            loss = synthesis_loss(network, x, delta, self._abar, recipe.texture)
        return loss, loss

    def validate(self, crops: Tensor) -> dict[str, float]:
        """Ideal rate and quality at several steps delta."""
        self.ema.network.compressor.prior.centre()
        return dict(validate(self.ema, crops, plain=self.stage == "compressor"))

    def result(self) -> CdcNetwork:
        """Compressor and denoiser of the running average, without the plain decoder."""
        self.ema.network.compressor.prior.centre()
        return self.ema.network

    def state(self) -> dict[str, Any]:
        """What `checkpoint.save` takes."""
        return {
            "shape": self.recipe.shape.to_metadata(),
            "settling": self.settling,
            "is_new": self.is_new,
            "student": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "moved_by": type(self.optimizer).__name__,
            "moments": checkpoint.pack_moments(self.optimizer),
            "step": self.step,
            "seconds": self.seconds,
            "stage": self.stage,
            "stage_step": self.stage_step,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            WeightsError: it is that of another model, or of another optimizer.
        """
        # Checkpoints of diffdemo 0.5 and before say the width only.
        found = state.get("shape", {"family": "x", "width": str(state.get("width"))})
        for name, expected in self.recipe.shape.to_metadata().items():
            if found.get(name) != expected:
                raise WeightsError(
                    f"The output folder holds the training of a model of {name} {found.get(name, 'unknown')}, not "
                    f"{expected}. Please choose another folder."
                )
        require_same(self.optimizer, state.get("moved_by", "AdamW"))
        self.net.load_state_dict(state["student"])
        self.ema.load_state_dict(state["ema"])
        if "optimizer" in state:  # Of diffdemo 0.10 and before.
            self.optimizer.parts[0].load_state_dict(state["optimizer"])
        else:
            checkpoint.unpack_moments(self.optimizer, state["moments"], state["step"])
        for name in ("settling", "is_new", "step", "seconds", "stage"):
            setattr(self, name, state[name])
        self.stage_began = self.step - state["stage_step"]
        self._seed()

    def _seed(self) -> None:
        first = self.recipe.seed * 1_000_003 + self.step
        torch.manual_seed(first)
        self.choices.manual_seed(first + 1)

    def _enter(self, stage: str) -> None:
        """Go over to a stage, unless it is the present one, and choose what learns."""
        if stage != self.stage:
            if self.stage == "compressor" and self.is_new:
                for each in (self.net, self.ema):
                    start_denoiser(each.network, each.head)
            self.stage, self.stage_began = stage, self.step
        compressor = self.net.network.compressor
        settles = stage == "compressor" and self.stage_step < self.settling
        compressor.requires_grad_(stage != "synthesis")
        compressor.encoder.requires_grad_(stage != "synthesis" and not settles)
        compressor.context_decoder.requires_grad_(True)


def train(data: Path, out: Path, recipe: Recipe, *, device: str = "cpu", **options: Any) -> Path:
    """Train on "cpu" or "cuda"; `options` and all else are those of `loop.train`."""
    return loop.train(Training(recipe, torch.device(device)), data, out, **options)


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
