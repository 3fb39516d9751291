"""What `diffdemo train ...` does, given its parsed arguments; imports what it needs when it runs."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from diffdemo.cli.options import given
from diffdemo.errors import DiffDemoError


def diffc(args: argparse.Namespace) -> None:
    """Train the denoiser of DiffC on the pictures of `args.data`.

    Raises:
        DiffDemoError: if there is no such folder, archive or device.
        FileNotFoundError: if there are no pictures in it.
        Cancelled: on Ctrl-C or SIGTERM, with a checkpoint written.
    """
    _require_pictures_and_device(args)
    from diffdemo.training.diffc import train
    from diffdemo.training.diffc.recipe import RECIPES

    recipe = replace(
        RECIPES[args.size], **given(args, "minutes", "steps", "batch", "learning_rate", "muon_rate", "varied")
    )
    options = given(args, "start", "compiled")
    print(train.train(args.data, args.output, recipe, exclude=tuple(args.exclude), device=args.device, **options))


def cdc(args: argparse.Namespace) -> None:
    """Train compressor and denoiser of CDC on the pictures of `args.data`; raises what `diffc` does."""
    _require_pictures_and_device(args)
    from diffdemo.training.cdc import train
    from diffdemo.training.cdc.recipe import CONTINUED_RATE, Recipe

    recipe = Recipe(**given(args, "minutes", "batch", "width", "texture", "muon_rate", "varied"))
    if args.start:
        recipe = replace(recipe, learning_rate=CONTINUED_RATE)
    options = given(args, "start")
    print(train.train(args.data, args.output, recipe, exclude=tuple(args.exclude), device=args.device, **options))


def pack(args: argparse.Namespace) -> None:
    """Write the pictures of `args.data` into the archive `args.output`."""
    _require_pictures(args.data)
    if not args.output.parent.is_dir():
        raise DiffDemoError(f"There is no folder '{args.output.parent}' to write the archive to.")
    if args.output.is_dir():
        raise DiffDemoError(f"The output '{args.output}' is a folder; please name a file.")
    from diffdemo.training.archive import pack

    packed = pack(args.data, args.output, exclude=tuple(args.exclude))
    print(f"{packed.num_pictures} pictures, {packed.num_rewritten} of them written anew, {packed.num_bytes:,} bytes")


def plot(args: argparse.Namespace) -> None:
    """Draw the logs of the runs `args.runs` into the page `args.output`, and say what each brought."""
    from diffdemo.training.gain import beside, last_hour
    from diffdemo.training.log import Log
    from diffdemo.training.plot import plot

    plot(args.runs, args.output, over=args.over)
    print(args.output)
    logs = {run: Log(run / "log.csv").rows() for run in args.runs}
    for run, rows in logs.items():
        if gain := last_hour(rows):
            print(f"{run}: the last {gain[0]:.0f} minutes changed the rate at equal PSNR by {100 * gain[1]:+.2f} %")
    first, *others = logs
    for run in others:
        if (change := beside(logs[run], logs[first])) is not None:
            print(f"{run}: {100 * change:+.2f} % against {first}")


def cost(args: argparse.Namespace) -> None:
    """Print what a step of each of DiffC's recipes takes."""
    _require_device(args)
    import torch

    from diffdemo.training.diffc.cost import costs

    for each in costs(torch.device(args.device)):
        print(each, flush=True)


def study(args: argparse.Namespace) -> None:
    """Run the ablations that are not finished yet, and print the table of all that are."""
    _require_pictures_and_device(args)
    from diffdemo.training.diffc.study import study, table

    rows = study(
        args.data, args.output, steps=args.steps, only=args.only, exclude=tuple(args.exclude), device=args.device
    )
    print(table(rows))


def table(args: argparse.Namespace) -> None:
    """Print the table of the ablations below `args.output` that are finished."""
    from diffdemo.training.diffc.study import read_rows, table

    print(table(read_rows(args.output / "study.jsonl")))


def spectrum(args: argparse.Namespace) -> None:
    """Measure what the weights `args.output` miss on held-out pictures of `args.data`, and write it into them."""
    _require_pictures(args.data)
    from diffdemo.training.diffc.spectrum import add_spectrum

    count = add_spectrum(args.data, args.output, exclude=tuple(args.exclude))
    print(f"{args.output}: spectrum of {count} pictures")


def overfitting(args: argparse.Namespace) -> None:
    """Print what `args.after` gained over `args.before` on pictures that it was trained on, and on others."""
    _require_pictures(args.data)
    from diffdemo.training.diffc.overfitting import gains

    for name, count, change in gains(
        args.data, args.before, args.after, most=args.pictures, exclude=tuple(args.exclude)
    ):
        print(f"{count} {name} pictures: {100 * change:+.2f} % of rate at equal PSNR")


def _require_pictures(data: Path) -> None:
    if not data.exists():
        raise DiffDemoError(f"There is no folder or archive '{data}' with pictures.")


def _require_pictures_and_device(args: argparse.Namespace) -> None:
    _require_pictures(args.data)
    _require_device(args)


def _require_device(args: argparse.Namespace) -> None:
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        raise DiffDemoError("There is no CUDA device that PyTorch can use; please take --device cpu.")
