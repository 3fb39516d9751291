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
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.diffusion.schedule import cosine_schedule
from diffdemo.errors import Cancelled, WeightsError
from diffdemo.models.cdc import CdcNetwork, CdcShape, Family, read_cdc
from diffdemo.training.cdc_losses import Student, compress, compressor_loss, joint_loss, synthesis_loss
from diffdemo.training.cdc_start import start_compressor, start_denoiser
from diffdemo.training.cdc_wider import fit_head, widened
from diffdemo.training.log import Log
from diffdemo.training.pictures import PictureFolder
from diffdemo.training.stopping import Stopping

OCTAVES = range(-1, 5)
"""Training covers delta = 2^-1 ... 2^4: from more than 1.5 down to 0.1 bits per pixel on photographs."""
STAGES = (1, 3, 8, 16)
RISING = (14, 7, 2.5, 1)
"""Wide where resolution is low and channels are cheap: a block of 16x16 pixels is 256 latents, and on its way back
passes through at least 224 numbers; see `CdcShape`."""
HYPER = 10
CONTINUED_RATE = 3.0e-4
"""Of a compressor that has been trained before: rate does not survive more."""
SETTLING_STEPS = 500
"""In which a widened model's encoder stands still: or new latents would shrink before anybody knows what they say."""
SAVE_SECONDS = 60
CENTRE_EVERY = 50
"""Steps after which the medians of the prior, which have no gradient, follow it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome besides pictures and hardware.

    Attributes:
        minutes: training time over all resumed runs; stages and learning rate follow the elapsed fraction of it.
        width: base channels, at least 12; the encoder's stages have `STAGES` times as many, the context decoder's
            blocks `RISING` times, the hyperprior `HYPER` times.
        batch, crop: crops a step and their side, a multiple of 64; validation crops have twice that side.
        large: side of the crops of every other step of the first stage, fewer of them a step. The hyperprior has one
            value for 64 pixels: on small crops it meets hardly anything but borders.
        learning_rate, synthesis_learning_rate: at the beginning of the first and of the third stage.
        texture: weight of the energy score of draws from noise in the third stage, see `synthesis_loss`.
        first_price: lambda at delta = 1: squared error on [-1, 1] that a bit per pixel has to save.
        compressor_until, both_until: elapsed fractions at which the second and the third stage begin.
    """

    minutes: float = 50.0
    width: int = 16
    batch: int = 8
    crop: int = 128
    large: int = 256
    first_price: float = 1.5e-3
    compressor_until: float = 0.5
    both_until: float = 0.6
    learning_rate: float = 7.0e-4
    synthesis_learning_rate: float = 6.0e-4
    texture: float = 0.0
    warmup_steps: int = 200
    ema_decay: float = 0.998
    seed: int = 0

    @property
    def shape(self) -> CdcShape:
        """Of the model."""
        return CdcShape(
            Family.X,
            self.width,
            tuple(self.width * factor for factor in STAGES),
            tuple(int(self.width * factor) for factor in RISING),
            self.width * HYPER,
        )

    def rate(self, fraction: float) -> float:
        """Learning rate at an elapsed fraction.

        It falls as long as latents and scales are learned, which do not survive a rise; what comes behind them gets a
        cosine of its own.
        """
        if fraction < self.both_until:
            return self.learning_rate * _cosine(fraction / self.both_until, least=0.2)
        return self.synthesis_learning_rate * _cosine((fraction - self.both_until) / (1 - self.both_until), least=0.02)

    def crops(self, stage: str, step: int) -> tuple[int, int]:
        """How many crops a step takes, and their side."""
        if stage == "compressor" and step % 2:
            return max(1, self.batch * self.crop**2 // self.large**2), self.large
        return self.batch, self.crop

    def stage(self, fraction: float) -> str:
        """What is trained at an elapsed fraction: "compressor", "both" or "synthesis"."""
        if fraction < self.compressor_until:
            return "compressor"
        return "both" if fraction < self.both_until else "synthesis"


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
    held_out = pictures.validation_crops(8, 2 * recipe.crop)
    print(f"{pictures.num_files} pictures, {len(held_out)} held-out crops", flush=True)

    torch.manual_seed(recipe.seed)
    checkpoint = out / "checkpoint.pt"
    student, settling, is_new = Student(recipe.shape), 0, start is None
    crops = pictures.crops(256, recipe.crop, torch.Generator().manual_seed(1))
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=where, weights_only=True)
        if saved["shape"] != recipe.shape.to_metadata():
            raise WeightsError(
                f"{out}/ holds the training of another model (width {saved['shape']['width']}, latents "
                f"{saved['shape']['widths']}). Please choose another folder."
            )
        settling, is_new = saved["settling"], saved["is_new"]
    elif start is None:
        start_compressor(student.network, student.head, crops)
    else:
        student, settling = _started(start, recipe.shape, crops)
    student = student.to(where).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(student)
    optimizer = torch.optim.Adam(student.parameters(), recipe.learning_rate, betas=(0.9, 0.99))
    step, used, stage, stage_step = 0, 0.0, "compressor", 0
    if checkpoint.exists():
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
    with Stopping() as stop:
        while used < recipe.minutes * 60:
            began = time.monotonic()
            fraction = used / (recipe.minutes * 60)
            if recipe.stage(fraction) != stage:
                if stage == "compressor" and is_new:
                    for each in (student, ema):
                        start_denoiser(each.network, each.head)
                stage, stage_step = recipe.stage(fraction), 0
            settles = stage == "compressor" and stage_step < settling
            student.network.compressor.requires_grad_(stage != "synthesis")
            student.network.compressor.encoder.requires_grad_(stage != "synthesis" and not settles)
            student.network.compressor.context_decoder.requires_grad_(True)
            warm = min(1.0, (stage_step + 1) / recipe.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = warm * recipe.rate(fraction)
            if step % CENTRE_EVERY == 0:
                student.network.compressor.prior.centre()
            count, side = recipe.crops(stage, step)
            x = pictures.crops(count, side, generator).to(where, memory_format=torch.channels_last)
            passed = (torch.randperm(len(x)) + torch.rand(len(x))) / len(x)
            delta = (2 ** (OCTAVES[0] + (OCTAVES[-1] - OCTAVES[0]) * passed)).to(where)
            if stage == "compressor":
                loss = compressor_loss(student, x, delta, recipe.first_price)
            elif stage == "both":
                loss = joint_loss(student.network, x, delta, recipe.first_price, abar)
            else:
                loss = synthesis_loss(student.network, x, delta, abar, recipe.texture)
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
            if now - last_save > SAVE_SECONDS or done or stop.requested:
                state = {
                    "shape": recipe.shape.to_metadata(),
                    "settling": settling,
                    "is_new": is_new,
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
            if stop.requested:
                raise Cancelled(f"stopped at step {step}; the same command goes on from there")
            if now - last_validation > 300 or done:
                plain = stage == "compressor"
                ema.network.compressor.prior.centre()
                row = {"step": step, "minutes": used / 60, "loss": mean_loss}
                log.add(row | dict(validate(ema, held_out.to(where), plain=plain)))
                export(ema.network, weights, step=step, minutes=used / 60)
                last_validation = time.monotonic()
    return weights


def _started(path: Path, shape: CdcShape, crops: Tensor) -> tuple[Student, int]:
    """A student with the weights of a file, and the steps that it needs to settle if it had to be widened."""
    network = read_cdc(path)[0]
    student = Student(network.shape)
    student.network.load_state_dict(network.state_dict())
    fit_head(student, crops)
    if network.shape == shape:
        return student, 0
    return widened(student, shape, crops), SETTLING_STEPS


def _cosine(passed: float, *, least: float) -> float:
    """From 1 at the beginning to `least` at the end."""
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))


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
