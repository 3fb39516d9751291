"""Train CDC: the compressor with a plain convolution as decoder, then compressor and denoiser, then the denoiser alone.

One model covers all rates. Each crop is quantised with a step delta of its own, drawn from the range that the codec
offers, and pays lambda = lambda_1 delta^2 for a bit: at high rate the distortion of a uniform quantiser grows with
delta^2, so that this is the price at which its step is the best one.

The diffusion decoder learns x-prediction with the signal-to-noise ratio, clipped at 5, as weight (Yang, Mandt 2023,
arXiv:2209.06950). Half of each batch is at the last step, where nothing is known but the content: there the weight
would be zero, but that is what decoding in one step rests on, and all that the compressor can be judged by.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diffdemo.diffusion.schedule import cosine_schedule
from diffdemo.errors import WeightsError
from diffdemo.models.cdc import CdcNetwork, CdcShape, Family
from diffdemo.models.cdc_compressor import bits_of, gaussian_likelihood
from diffdemo.training.cdc_start import start_compressor, start_denoiser
from diffdemo.training.energy_score import energy_score
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder

LARGEST_SNR = 5.0
LARGEST_OCTAVE = 3.0
"""Training covers delta = 1 ... 2^3."""
STAGES = (1, 3, 8, 10)
"""Wide where resolution is low and channels are cheap; see `CdcShape`."""
CENTRE_EVERY = 50
"""Steps after which the medians of the prior, which have no gradient, follow it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome besides pictures and hardware.

    Attributes:
        minutes: training time over all resumed runs; stages and learning rate follow the elapsed fraction of it.
        width: base channels, at least 12; the encoder's stages have `STAGES` times as many.
        batch, crop: crops a step and their side, a multiple of 64; validation crops have twice that side.
        large: side of the crops of every other step of the first stage, fewer of them a step. The hyperprior has one
            value for 64 pixels: on small crops it meets hardly anything but borders.
        learning_rate, denoiser_learning_rate: at the beginning of the first and of the third stage.
        texture: weight of the energy score of draws from noise in the third stage, see `denoiser_loss`.
        first_price: lambda at delta = 1: squared error on [-1, 1] that a bit per pixel has to save.
        compressor_until, both_until: elapsed fractions at which the second and the third stage begin.
    """

    minutes: float = 50.0
    width: int = 16
    batch: int = 8
    crop: int = 128
    large: int = 256
    first_price: float = 1.0e-3
    compressor_until: float = 0.5
    both_until: float = 0.6
    learning_rate: float = 7.0e-4
    denoiser_learning_rate: float = 1.0e-3
    texture: float = 0.1
    warmup_steps: int = 200
    ema_decay: float = 0.998
    seed: int = 0

    @property
    def shape(self) -> CdcShape:
        """Of the model."""
        return CdcShape(Family.X, self.width, tuple(self.width * factor for factor in STAGES))

    def rate(self, fraction: float) -> float:
        """Learning rate at an elapsed fraction.

        It falls as long as the compressor learns, whose latents and scales do not survive a rise; the denoiser, which
        has hardly begun by then, gets a cosine of its own.
        """
        if fraction < self.both_until:
            return self.learning_rate * _cosine(fraction / self.both_until, least=0.2)
        return self.denoiser_learning_rate * _cosine((fraction - self.both_until) / (1 - self.both_until), least=0.02)

    def crops(self, stage: str, step: int) -> tuple[int, int]:
        """How many crops a step takes, and their side."""
        if stage == "compressor" and step % 2:
            return max(1, self.batch * self.crop**2 // self.large**2), self.large
        return self.batch, self.crop

    def stage(self, fraction: float) -> str:
        """What is trained at an elapsed fraction: "compressor", "both" or "denoiser"."""
        if fraction < self.compressor_until:
            return "compressor"
        return "both" if fraction < self.both_until else "denoiser"


class Student(nn.Module):
    """The network, and the plain decoder that stands in for the U-Net during the first stage."""

    def __init__(self, shape: CdcShape) -> None:
        super().__init__()
        self.network = CdcNetwork(shape)
        self.head = nn.Conv2d(shape.finest, 3, 1)


def compress(network: CdcNetwork, x: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise crops [B,3,H,W] with steps [B]: y_hat with a gradient straight through the rounding, and bpp [B].

    The rate is that of additive uniform noise, whose gradient is exact (Ballé, Laparra, Simoncelli 2017,
    arXiv:1611.01704).
    """
    compressor = network.compressor
    with _mixed_precision(x):
        y, z = (latent.float() for latent in compressor.analyse(x))
        median = compressor.prior.median[None, :, None, None]
        z_hat = z + ((z - median).round() + median - z).detach()
        mean, scale = (prediction.float() for prediction in compressor.predict(z_hat))
    step = delta[:, None, None, None]
    y_hat = y + (((y - mean) / step).round() * step + mean - y).detach()
    z_bits = bits_of(compressor.prior.likelihood(z + torch.rand_like(z) - 0.5))
    distance = (y - mean) / step + torch.rand_like(y) - 0.5
    y_bits = bits_of(gaussian_likelihood(distance, scale / step))
    return y_hat, (y_bits + z_bits) / (x.shape[-1] * x.shape[-2])


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
    held_out = pictures.validation_crops(8, 2 * recipe.crop)
    print(f"{pictures.num_files} pictures, {len(held_out)} held-out crops", flush=True)

    torch.manual_seed(recipe.seed)
    student = Student(recipe.shape).to(where)
    student = student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    start_compressor(student.network, student.head, pictures.crops(256, recipe.crop, torch.Generator().manual_seed(1)))
    ema = copy.deepcopy(student)
    optimizer = torch.optim.Adam(student.parameters(), recipe.learning_rate, betas=(0.9, 0.99))
    step, used, stage, stage_step = 0, 0.0, "compressor", 0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=where, weights_only=True)
        if saved["width"] != recipe.width:
            raise WeightsError(
                f"{out}/ holds the training of a model of width {saved['width']}, not {recipe.width}. "
                "Please choose another folder."
            )
        student.load_state_dict(saved["student"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        step, used, stage, stage_step = saved["step"], saved["seconds"], saved["stage"], saved["stage_step"]
        print(f"resumed at step {step} after {used / 60:.1f} minutes", flush=True)
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step + 1)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))

    log = Log(out / "log.csv")
    abar = cosine_schedule().abar.to(where)
    weights = out / "weights.safetensors"
    mean_loss, last_save, last_validation = math.nan, time.monotonic(), time.monotonic()
    while used < recipe.minutes * 60:
        began = time.monotonic()
        fraction = used / (recipe.minutes * 60)
        if recipe.stage(fraction) != stage:
            if stage == "compressor":
                for each in (student, ema):
                    start_denoiser(each.network, each.head)
            stage, stage_step = recipe.stage(fraction), 0
        student.network.compressor.requires_grad_(stage != "denoiser")
        warm = min(1.0, (stage_step + 1) / recipe.warmup_steps)
        for group in optimizer.param_groups:
            group["lr"] = warm * recipe.rate(fraction)
        if step % CENTRE_EVERY == 0:
            student.network.compressor.prior.centre()
        count, side = recipe.crops(stage, step)
        x = pictures.crops(count, side, generator).to(where, memory_format=torch.channels_last)
        octave = LARGEST_OCTAVE * (torch.randperm(len(x)) + torch.rand(len(x))) / len(x)
        delta = (2**octave).to(where)
        if stage == "compressor":
            loss = compressor_loss(student, x, delta, recipe.first_price)
        elif stage == "both":
            loss = decoder_loss(student.network, x, delta, recipe.first_price, abar)
        else:
            loss = denoiser_loss(student.network, x, delta, abar, recipe.texture)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        decay = min(recipe.ema_decay, (1 + stage_step) / (10 + stage_step))
        with torch.no_grad():
            for averaged, current in zip(ema.parameters(), student.parameters(), strict=True):
                averaged.lerp_(current, 1 - decay)
        step, stage_step = step + 1, stage_step + 1
        used += time.monotonic() - began
        latest = float(loss.detach())
        mean_loss = latest if math.isnan(mean_loss) else 0.99 * mean_loss + 0.01 * latest
        if step % 100 == 0:
            print(f"step {step}  {used / 60:.1f} min  {stage}  loss {mean_loss:.4f}", flush=True)
        now, done = time.monotonic(), used >= recipe.minutes * 60
        if now - last_save > 60 or done:
            state = {
                "width": recipe.width,
                "student": student.state_dict(),
                "ema": ema.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": used,
                "stage": stage,
                "stage_step": stage_step,
            }
            partial = checkpoint.with_suffix(".tmp")
            torch.save(state, partial)
            partial.replace(checkpoint)
            last_save = now
        if now - last_validation > 300 or done:
            plain = stage == "compressor"
            ema.network.compressor.prior.centre()
            row = {"step": step, "minutes": used / 60, "loss": mean_loss}
            log.add(row | dict(validate(ema, held_out.to(where), plain=plain)))
            export(ema.network, weights, step=step, minutes=used / 60)
            last_validation = time.monotonic()
    return weights


def compressor_loss(student: Student, x: Tensor, delta: Tensor, first_price: float) -> Tensor:
    """Rate and squared error behind the plain decoder."""
    y_hat, bpp = compress(student.network, x, delta)
    with _mixed_precision(x):
        x_hat = student.head(student.network.compressor.context(y_hat)[0])
    error = (x_hat.float() - x).square().mean(dim=(1, 2, 3))
    return (importance(delta) * (error + first_price * delta**2 * bpp)).mean()


def decoder_loss(network: CdcNetwork, x: Tensor, delta: Tensor, first_price: float, abar: Tensor) -> Tensor:
    """First half of the batch at the last step, with the rate; second half at random steps, for the decoder only."""
    half = len(x) // 2
    y_hat, bpp = compress(network, x, delta)
    with _mixed_precision(x):
        context = [torch.cat([level[:half], level[half:].detach()]) for level in network.compressor.context(y_hat)]
    steps = len(abar)
    t = torch.full((len(x),), steps - 1, device=x.device)
    drawn = (torch.randperm(len(x) - half) + torch.rand(len(x) - half)) / (len(x) - half)
    t[half:] = (drawn * (steps - 1)).long().to(x.device)
    # gamma = 0 at every other one: the decoder is to be started from zeros as well as from noise.
    noise = torch.randn_like(x)
    noise[:half:2] = 0
    share = abar[t][:, None, None, None]
    noisy = share.sqrt() * x + (1 - share).sqrt() * noise
    noisy[:half] = noise[:half]
    with _mixed_precision(x):
        x_hat = network.unet(noisy, t / steps, context)
    error = (x_hat.float() - x).square().mean(dim=(1, 2, 3))
    weight = (abar[t] / (1 - abar[t])).clamp_max(LARGEST_SNR) / LARGEST_SNR
    weight[:half] = 1
    price = first_price * delta**2
    price[half:] = 0
    return (importance(delta) * (weight * error + price * bpp)).mean()


def denoiser_loss(network: CdcNetwork, x: Tensor, delta: Tensor, abar: Tensor, texture: float) -> Tensor:
    """For the denoiser alone: a quarter of the batch from zeros, a quarter from noise, half at random steps.

    From zeros the decoder learns the mean, for gamma = 0. From noise it learns to draw, by the energy score of two
    draws for each crop: what gamma is for. At random steps it learns to denoise.

    Args:
        network: whose compressor stays as it is.
        x, delta: as for `decoder_loss`; at least four crops.
        abar: of the schedule, [T].
        texture: weight of the energy score; 0 for squared error from noise as well.
    """
    quarter = len(x) // 4
    steps = len(abar)
    with torch.no_grad():
        y_hat, _ = compress(network, x, delta)
        with _mixed_precision(x):
            levels = network.compressor.context(y_hat)
    # Crops that start from noise are decoded twice.
    row = torch.cat([torch.arange(2 * quarter), torch.arange(quarter, len(x))]).to(x.device)
    truth, level_rows = x[row], [level[row] for level in levels]
    t = torch.full((len(row),), steps - 1, device=x.device)
    later = len(row) - 3 * quarter
    drawn = (torch.randperm(later) + torch.rand(later)) / later
    t[3 * quarter :] = (drawn * (steps - 1)).long().to(x.device)
    noisy = torch.randn_like(truth)
    noisy[:quarter] = 0
    share = abar[t[3 * quarter :]][:, None, None, None]
    noisy[3 * quarter :] = share.sqrt() * truth[3 * quarter :] + (1 - share).sqrt() * noisy[3 * quarter :]
    with _mixed_precision(x):
        x_hat = network.unet(noisy, t / steps, level_rows).float()
    error = (x_hat - truth).square().mean(dim=(1, 2, 3))
    weight = (abar[t] / (1 - abar[t])).clamp_max(LARGEST_SNR) / LARGEST_SNR
    weight[: 3 * quarter] = 1
    losses = importance(delta[row]) * weight * error
    if texture > 0:
        first, second = x_hat[quarter : 2 * quarter], x_hat[2 * quarter : 3 * quarter]
        scores = energy_score(first, second, x[quarter : 2 * quarter])
        drawn_losses = texture * importance(delta[quarter : 2 * quarter]).sqrt() * scores
        losses = torch.cat([losses[:quarter], drawn_losses, losses[3 * quarter :]])
    return losses.sum() / len(x)


def importance(delta: Tensor) -> Tensor:
    """Makes a relative gain worth about the same at every rate: what is minimised falls about so with delta."""
    return 1 / delta


def _cosine(passed: float, *, least: float) -> float:
    """From 1 at the beginning to `least` at the end."""
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))


def _mixed_precision(x: Tensor) -> torch.autocast:
    """Convolutions in bfloat16; what becomes a rate or an error stays in float32."""
    return torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=torch.is_grad_enabled())


@torch.no_grad()
def validate(student: Student, crops: Tensor, *, plain: bool) -> Iterator[tuple[str, float]]:
    """Ideal bits per pixel and PSNR in dB on held-out crops: (`bpp@DELTA` or `psnr@DELTA`, value)."""
    network = student.network
    for octave in (0, 1, 2, 3):
        bpps, errors = [], []
        for x in crops.split(1):
            delta = torch.full((1,), 2.0**octave, device=x.device)
            y_hat, bpp = compress(network, x, delta)
            context = network.compressor.context(y_hat)
            if plain:
                x_hat = student.head(context[0])
            else:
                x_hat = network.unet(torch.zeros_like(x), torch.full((1,), 8192 / 8193, device=x.device), context)
            bpps.append(float(bpp))
            errors.append(float((x_hat.clamp(-1, 1) - x).square().mean()))
        yield f"bpp@{2**octave}", sum(bpps) / len(bpps)
        yield f"psnr@{2**octave}", sum(10 * math.log10(4 / e) for e in errors) / len(errors)


def export(network: CdcNetwork, path: Path, *, step: int, minutes: float) -> None:
    """Write half-precision weights with the network's shape in the file's header."""
    tensors = {name: t.detach().cpu().contiguous().half() for name, t in network.state_dict().items()}
    metadata = {"architecture": "CDC", **network.shape.to_metadata(), "steps": str(step), "minutes": f"{minutes:.1f}"}
    partial = path.with_suffix(".tmp")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)
