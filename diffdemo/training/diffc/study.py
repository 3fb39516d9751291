"""What is worth bits in training the denoiser: one change at a time, everything else equal.

    python -m diffdemo train study DATA -o OUT --steps 500 [--only NAME ...]

Each run has its own line in `OUT/study.jsonl` as soon as it is finished; runs that have one are not repeated, so the
command can be stopped and given again. The network is a narrow one of the shipped kind: what is told apart here is
relative, after few steps, and need not hold at the end of a long training.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from diffdemo.errors import DiffDemoError
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.training.diffc.criterion import validate
from diffdemo.training.diffc.recipe import Recipe
from diffdemo.training.diffc.train import Training
from diffdemo.training.gain import rate_change
from diffdemo.training.loop import follow
from diffdemo.training.pictures import PictureFolder

Row = dict[str, Any]

BASELINE = "baseline"
NARROW = PhotoUNetShape((16, 32, 48, 64, 80), (2, 2, 2, 2, 2), embedding=64)
SMALLEST_SIDE = 128
AVERAGES = (0.0, 0.9, 0.95, 0.99, 0.999, 0.9995)
"""Decays followed beside the baseline's own; 0 is the network itself."""
JUDGED = ("0.5", "0.25", "0.125", "0.0625")
"""Noise levels whose stretch of the baseline's curve is compared: about 0.2 to 2 bits per pixel."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """One run: what it changes, in words and in the recipe; `halvings` of the pictures, see `PictureFolder`."""

    name: str
    differs: str
    changes: dict[str, Any] = field(default_factory=dict)
    halvings: int = 1


def _shape(channels: tuple[int, ...], blocks: int) -> dict[str, Any]:
    return {"shape": replace(NARROW, channels=channels, blocks=(blocks,) * len(channels))}


ABLATIONS = (
    Ablation(BASELINE, "crops of 128, five levels of two blocks, loss relative to each level's mean"),
    Ablation("seed", "another seed: what chance makes of it", {"seed": 1}),
    Ablation("weight-edm", "loss with the weight of EDM, not divided by its mean", {"weighting": "edm"}),
    Ablation("levels-uniform", "noise levels uniform in ln sigma", {"levels": "uniform"}),
    Ablation(
        "weight-bits",
        "the integrand of the rate itself as loss, levels uniform in ln sigma",
        {"levels": "uniform", "weighting": "bits"},
    ),
    Ablation("crop-64", "crops of 64, four times as many", {"crop": 64, "batch": 32}),
    Ablation("crop-256", "crops of 256, a quarter as many", {"crop": 256, "batch": 2}),
    Ablation("wide", "one block a level, wider", _shape((22, 44, 66, 88, 110), 1)),
    Ablation("deep", "four blocks a level, narrower", _shape((12, 23, 34, 44, 54), 4)),
    Ablation("three-levels", "three levels, wider: smaller receptive field", _shape((34, 68, 104), 2)),
    Ablation("four-levels", "four levels, wider", _shape((22, 44, 66, 88), 2)),
    Ablation("one-scale", "pictures at full size only", halvings=0),
    Ablation("three-scales", "pictures at full, half and quarter size", halvings=2),
    Ablation("dequantise", "uniform noise of +-1/255 added to the pictures", {"dequantise": True}),
    Ablation("muon", "Muon at 0.02 for all but the outer layers", {"muon_rate": 0.02}),
    Ablation("rate-half", "learning rate 0.75e-3", {"learning_rate": 0.75e-3}),
    Ablation("rate-double", "learning rate 3e-3", {"learning_rate": 3e-3}),
)


def base_recipe(steps: int) -> Recipe:
    """The baseline's recipe: the shipped one, on a narrow network and on crops of one size."""
    return Recipe(shape=NARROW, steps=steps, large_share=0.0, warmup_steps=max(1, min(300, steps // 5)))


def study(
    data: Path, out: Path, *, steps: int, only: Sequence[str] = (), exclude: tuple[str, ...] = (), device: str = "cpu"
) -> list[Row]:
    """Run what has not been run yet; returns all finished rows, baseline first.

    Args:
        data: folder or archive of pictures.
        out: folder, receives `study.jsonl`.
        steps: of each run; a folder holds runs of one length.
        only: names of ablations, beside the baseline; all of them if empty.
        exclude: names of sub-folders of `data` to leave out.
        device: "cpu" or "cuda".

    Raises:
        DiffDemoError: if a name is unknown, or the folder holds runs of another length.
    """
    known = [ablation.name for ablation in ABLATIONS]
    if unknown := [name for name in only if name not in known]:
        raise DiffDemoError(f"There is no ablation '{unknown[0]}'; choose from {', '.join(known)}.")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "study.jsonl"
    rows = read_rows(path)
    if other := [row["steps"] for row in rows if row["steps"] != steps]:
        raise DiffDemoError(f"'{out}' holds runs of {other[0]} steps, not {steps}. Please choose another folder.")
    wanted = [a for a in ABLATIONS if a.name == BASELINE or not only or a.name in only]
    folders: dict[int, PictureFolder] = {}
    for ablation in wanted:
        if any(row["run"] == ablation.name for row in rows):
            continue
        if ablation.halvings not in folders:
            folders = {
                ablation.halvings: PictureFolder(
                    data, exclude=exclude, smallest_side=SMALLEST_SIDE, halvings=ablation.halvings
                ).to(torch.device(device))
            }
        print(f"{ablation.name}: {ablation.differs}", flush=True)
        fresh = list(_run(ablation, folders[ablation.halvings], steps, torch.device(device)))
        with path.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in fresh)
        rows += fresh
    return rows


def read_rows(path: Path) -> list[Row]:
    """What is finished."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _run(ablation: Ablation, pictures: PictureFolder, steps: int, device: torch.device) -> Iterator[Row]:
    """Train once; a row for the run, and for the baseline one for each other running average."""
    recipe = replace(base_recipe(steps), **ablation.changes)
    training = Training(recipe, device)
    others: dict[float, PhotoUNet] = {}
    if ablation.name == BASELINE:
        # A decay that the warm-up of the average never reaches gives the baseline's own.
        reached = [decay for decay in AVERAGES if decay < (1 + steps) / (10 + steps) and decay != recipe.ema_decay]
        others = {decay: copy.deepcopy(training.net) for decay in reached}
    clock, busy = _clock(device), 0.0
    while training.elapsed < 1:
        began = clock()
        training.advance(pictures)
        busy += clock() - began
        for decay, average in others.items():
            follow(average, training.net, training.step - 1, decay)
        if training.step % 100 == 0:
            print(f"  step {training.step}  loss {float(training.loss):.4f}", flush=True)
    crops = pictures.validation_crops(12, 256)
    shared = {"steps": steps, "parameters": sum(p.numel() for p in training.net.parameters()), "step_s": busy / steps}
    forward = {"forward_s": _forward_seconds(training.ema, device)}
    differs = ablation.differs
    yield (
        {"run": ablation.name, "name": ablation.name, "differs": differs}
        | shared
        | forward
        | validate(training.ema, crops, device)
    )
    for decay, average in others.items():
        words = "the network itself, no running average" if decay == 0 else f"running average of decay {decay:g}"
        named = {"run": BASELINE, "name": f"ema-{decay:g}", "differs": words}
        yield named | shared | forward | validate(average, crops, device)


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds of the processor: the machine may have other work. On a GPU those of the clock."""
    return time.process_time if device.type == "cpu" else time.monotonic


@torch.no_grad()
def _forward_seconds(net: PhotoUNet, device: torch.device) -> float:
    """Quickest of a few forward passes at 256x256 in float32."""
    z, sigma = torch.zeros(1, 3, 256, 256, device=device), torch.ones(1, device=device)
    clock, seconds = _clock(device), []
    for _ in range(6):
        began = clock()
        float(net(z, sigma).sum())
        seconds.append(clock() - began)
    return min(seconds)


def table(rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown, in the order of `ABLATIONS`."""
    baseline = next((row for row in rows if row["name"] == BASELINE), None)
    if baseline is None:
        raise DiffDemoError("The baseline is not finished yet.")
    order = [ablation.name for ablation in ABLATIONS]
    lines = [
        f"| run of {baseline['steps']} steps | what differs | parameters | forward ms | step s "
        "| bpp / dB at sigma 0.5 | at 0.25 | at 0.125 | rate at equal PSNR |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: order.index(row["run"])):
        points = " | ".join(f"{row[f'bpp@{s}']:.3f} / {row[f'psnr@{s}']:.2f}" for s in JUDGED[:3])
        change = "-" if row is baseline else f"{100 * rate_change(row, baseline, JUDGED):+.1f} %"
        lines.append(
            f"| {row['name']} | {row['differs']} | {row['parameters']:,} | {1000 * row['forward_s']:.0f} "
            f"| {row['step_s']:.2f} | {points} | {change} |"
        )
    return "\n".join(lines)
