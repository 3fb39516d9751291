"""Train PhotoUNet, the denoiser behind DiffC.

The criterion follows from what the denoiser is for. An ideal file that stops at noise level sigma_0 holds

    R(sigma_0) = integral over ln sigma from sigma_0 to infinity of  E|x - D(z, sigma)|^2 / (sigma^2 ln 2)   bits

(Theis et al. 2022; the I-MMSE relation of Guo, Shamai, Verdu 2005). A relative gain in the integrand anywhere between
the start of the file and its end is worth the same *relative* number of bits at every rate, so each noise level's loss
is divided by its running mean, and noise levels are drawn over the range in which files end.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder

LOG_SIGMA_MEAN = -1.9
LOG_SIGMA_DEVIATION = 1.5
LOG_SIGMA_RANGE = (math.log(0.005), math.log(60.0))
VALIDATION_SIGMAS = tuple(2.0 ** (e / 2) for e in range(10, -13, -1))
"""Half-octave grid from 32 to 1/64: fine enough for the integral by the trapezoid rule, coarse enough to be quick."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome besides pictures and hardware.

    Attributes:
        minutes: training time over all resumed runs; the learning rate follows the elapsed fraction of it.
        pixels: pixels per batch: 8 crops of 128x128 by default.
        large_share: share of steps on crops of `large_crop` (fewer a batch) in the second half of the training.
    """

    minutes: float = 98.0
    pixels: int = 8 * 128 * 128
    crop: int = 128
    large_crop: int = 256
    large_share: float = 0.5
    learning_rate: float = 1.5e-3
    warmup_steps: int = 300
    ema_decay: float = 0.999
    weight_decay: float = 1e-4
    seed: int = 0


class LevelMeans:
    """Running mean of the loss as a function of ln sigma, in bins of a quarter."""

    def __init__(self) -> None:
        low, high = LOG_SIGMA_RANGE
        self.low = low
        self.means = torch.ones(int((high - low) * 4) + 1)

    def bins(self, log_sigma: Tensor) -> Tensor:
        """Number of the bin of each ln sigma."""
        return ((log_sigma.cpu() - self.low) * 4).long().clamp(0, len(self.means) - 1)

    def update(self, log_sigma: Tensor, losses: Tensor) -> None:
        """Learn from the losses [B] of a batch at ln sigma [B]."""
        for b, loss in zip(self.bins(log_sigma).tolist(), losses.tolist(), strict=True):
            self.means[b] += 0.01 * (loss - self.means[b])

    def __call__(self, log_sigma: Tensor) -> Tensor:
        """Expected loss at each ln sigma, [B]."""
        return self.means[self.bins(log_sigma)].clamp_min(1e-3)


def draw_log_sigmas(count: int, generator: torch.Generator) -> Tensor:
    """Stratified normal draws of ln sigma: one in each of `count` equally likely intervals."""
    u = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    normal = torch.special.ndtri(u.double().clamp(1e-6, 1 - 1e-6)).float()
    return (LOG_SIGMA_MEAN + LOG_SIGMA_DEVIATION * normal).clamp(*LOG_SIGMA_RANGE)


@torch.no_grad()
def validate(net: PhotoUNet, crops: Tensor, device: torch.device) -> dict[str, float]:
    """Ideal rate and posterior-mean PSNR on held-out crops.

    Returns:
        `bpp@S`, `psnr@S` for several sigma S: bits per pixel of an ideal file that ends there, and its quality in dB.
    """
    generator = torch.Generator().manual_seed(1)
    pixels = crops.shape[-1] * crops.shape[-2]
    energies = []
    for sigma in VALIDATION_SIGMAS:
        z = crops + sigma * torch.randn(crops.shape, generator=generator)
        x_hat = torch.cat(
            [net(one[None].to(device), torch.full((1,), sigma, device=device)).cpu().float() for one in z]
        )
        energies.append(float((crops - x_hat).pow(2).sum(dim=(1, 2, 3)).mean()))
    report: dict[str, float] = {}
    # Everything above the first level: the picture's own energy, as if nothing were predicted.
    bits = float(crops.pow(2).sum(dim=(1, 2, 3)).mean()) / (2 * VALIDATION_SIGMAS[0] ** 2 * math.log(2))
    densities = [e / s**2 / math.log(2) for e, s in zip(energies, VALIDATION_SIGMAS, strict=True)]
    for i in range(1, len(VALIDATION_SIGMAS)):
        bits += 0.5 * (densities[i - 1] + densities[i]) * 0.5 * math.log(2)
        if i >= 10 and i % 2 == 0:
            mse = energies[i] / (3 * pixels)
            report[f"bpp@{VALIDATION_SIGMAS[i]:.4g}"] = bits / pixels
            report[f"psnr@{VALIDATION_SIGMAS[i]:.4g}"] = 10 * math.log10(4 / mse)
    return report


def train(data: Path, out: Path, recipe: Recipe, *, exclude: tuple[str, ...] = (), device: str = "cpu") -> Path:
    """Train until `recipe.minutes` are used up, resuming from `out/checkpoint.pt` if it is there.

    Args:
        data: folder of pictures.
        out: receives `checkpoint.pt`, `log.csv`, `recipe.json` and, whenever validated, `weights.safetensors`.
        exclude: names of sub-folders to leave out.
        device: "cpu" or "cuda".

    Returns:
        The path of the half-precision weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    pictures = PictureFolder(data, exclude=exclude, smallest_side=recipe.crop)
    crops = pictures.validation_crops(12, recipe.large_crop)
    print(f"{pictures.num_files} pictures, {len(crops)} held-out crops", flush=True)

    torch.manual_seed(recipe.seed)
    net = PhotoUNet(PhotoUNetShape((32, 64, 96, 128, 160), (2, 2, 2, 2, 2))).to(where)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(
        net.parameters(), recipe.learning_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay
    )
    means = LevelMeans()
    step, used = 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=where, weights_only=True)
        net.load_state_dict(saved["net"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        means.means = saved["means"].cpu()
        step, used = saved["step"], saved["seconds"]
        print(f"resumed at step {step} after {used / 60:.1f} minutes", flush=True)
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    (out / "recipe.json").write_text(json.dumps({k: getattr(recipe, k) for k in recipe.__slots__}, indent=1))

    log = Log(out / "log.csv")
    weights = out / "weights.safetensors"
    running, last_save, last_validation = float("nan"), time.monotonic(), time.monotonic()
    while used < recipe.minutes * 60:
        began = time.monotonic()
        fraction = used / (recipe.minutes * 60)
        warm = min(1.0, (step + 1) / recipe.warmup_steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * fraction)))
        large = fraction > 0.5 and float(torch.rand((), generator=generator)) < recipe.large_share
        side = recipe.large_crop if large else recipe.crop
        x = pictures.crops(max(1, recipe.pixels // side**2), side, generator)
        log_sigma = draw_log_sigmas(len(x), generator)
        noise = torch.randn(x.shape, generator=generator)
        z = (x + log_sigma.exp()[:, None, None, None] * noise).to(where, memory_format=torch.channels_last)
        x, sigma = x.to(where, memory_format=torch.channels_last), log_sigma.exp().to(where)

        with torch.autocast(where.type, dtype=torch.bfloat16):
            x_hat = net(z, sigma)
        # Karras et al. 2022, eq. 8 with their lambda(sigma): unit scale of the network's own target.
        weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2
        losses = weight * (x_hat.float() - x).pow(2).mean(dim=(1, 2, 3))
        loss = (losses / means(log_sigma).to(where)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        means.update(log_sigma, losses.detach())
        decay = min(recipe.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for averaged, current in zip(ema.parameters(), net.parameters(), strict=True):
                averaged.lerp_(current, 1 - decay)
        step += 1
        used += time.monotonic() - began
        mean_loss = float(losses.detach().mean())
        running = mean_loss if math.isnan(running) else 0.99 * running + 0.01 * mean_loss
        if step % 100 == 0:
            print(f"step {step}  {used / 60:.1f} min  loss {running:.4f}", flush=True)
        now = time.monotonic()
        if now - last_save > 60 or used >= recipe.minutes * 60:
            state = {
                "net": net.state_dict(),
                "ema": ema.state_dict(),
                "optimizer": optimizer.state_dict(),
                "means": means.means,
                "step": step,
                "seconds": used,
            }
            partial = checkpoint.with_suffix(".tmp")
            torch.save(state, partial)
            partial.replace(checkpoint)
            last_save = now
        if now - last_validation > 480 or used >= recipe.minutes * 60:
            log.add({"step": step, "minutes": used / 60, "loss": running, **validate(ema, crops, where)})
            export(ema, weights, step=step, minutes=used / 60)
            last_validation = time.monotonic()
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
