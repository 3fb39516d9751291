"""Train PhotoUNet, the denoiser behind DiffC; `criterion.py` says by what and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.models.photo_unet import PhotoUNet
from diffdemo.models.weights import load_strictly, read_weights
from diffdemo.training import checkpoint, loop
from diffdemo.training.diffc.criterion import LevelMeans, draw_log_sigmas, level_weights, validate
from diffdemo.training.diffc.recipe import Recipe
from diffdemo.training.optimizer import chosen, require_same
from diffdemo.training.pictures import PictureFolder

OUTER_LAYERS = ("conv_in", "conv_out")


class Training(loop.Training[Recipe, PhotoUNet]):
    """A denoiser in training.

    Args:
        recipe: of the run.
        device: where it is trained.
        compiled: whether steps run through torch.compile.
    """

    architecture = "PhotoUNet"

    def __init__(self, recipe: Recipe, device: torch.device, *, compiled: bool = False) -> None:
        torch.manual_seed(recipe.seed)
        super().__init__(recipe, PhotoUNet(recipe.shape), device)
        self.optimizer = chosen(recipe, self.net, OUTER_LAYERS, weight_decay=recipe.weight_decay)
        self.means = LevelMeans(device)
        # Two sources of chance: what is chosen, the same on every device, and noise, drawn where it is needed.
        self.choices = torch.Generator().manual_seed(recipe.seed * 1_000_003)
        self.noise = torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + 1)
        self._forward = torch.compile(self.net) if compiled else self.net

    def begin(self, start: Path | None, pictures: PictureFolder) -> None:
        """Take over the weights of an earlier training, whose running average they are; everything else is new."""
        if start is not None:
            load_strictly(self.net, read_weights(start), start.name)
            self.ema.load_state_dict(self.net.state_dict())

    def losses(self, pictures: PictureFolder) -> tuple[Tensor, Tensor]:
        """Squared error of crops at noise levels of their own."""
        recipe, half_way = self.recipe, self.elapsed > 0.5
        large = half_way and float(torch.rand((), generator=self.choices)) < recipe.large_share
        side = recipe.large_crop if large else recipe.crop
        count = max(1, recipe.batch * recipe.crop**2 // side**2)
        x = pictures.crops(count, side, self.choices, recipe.varied).to(self.device, memory_format=torch.channels_last)
        log_sigma = draw_log_sigmas(count, self.choices, recipe.levels).to(self.device, non_blocking=True)
        if recipe.dequantise:
            x = x + (2 * torch.rand(x.shape, generator=self.noise, device=self.device) - 1) / 255
        sigma = log_sigma.exp()
        z = x + sigma[:, None, None, None] * torch.randn(x.shape, generator=self.noise, device=self.device).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            x_hat = self._forward(z, sigma)
        losses = level_weights(sigma, recipe.weighting) * (x_hat.float() - x).pow(2).mean(dim=(1, 2, 3))
        loss = (losses / self.means(log_sigma) if recipe.weighting == "relative" else losses).mean()
        self.means.update(log_sigma, losses.detach())
        return loss, losses.mean()

    def validate(self, crops: Tensor) -> dict[str, float]:
        """Ideal rate and quality at several noise levels."""
        return validate(self.ema, crops, self.device)

    def result(self) -> PhotoUNet:
        """All of the running average."""
        return self.ema

    def state(self) -> dict[str, Any]:
        """What `checkpoint.save` takes."""
        return {
            "shape": self.recipe.shape.to_metadata(),
            "optimizer": type(self.optimizer).__name__,
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
        """Go on from a `state`.

        Raises:
            WeightsError: if it is of a network of another shape, or of another optimizer.
        """
        require_same(self.optimizer, state.get("optimizer", "AdamW"))
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


def train(
    data: Path, out: Path, recipe: Recipe, *, device: str = "cpu", compiled: bool = False, **options: Any
) -> Path:
    """Train on "cpu" or "cuda", through torch.compile or not; `options` and all else are those of `loop.train`."""
    return loop.train(Training(recipe, torch.device(device), compiled=compiled), data, out, **options)
