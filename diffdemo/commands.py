"""What the commands of the command line do, given their parsed arguments.

Each imports what it needs when it runs: PyTorch takes seconds, `--help` must not.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from diffdemo.errors import DiffDemoError
from diffdemo.output import numbered_files, require_empty_folder, require_output, write_file
from diffdemo.terminal import Progress, print_file, print_models, print_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from diffdemo.engine import Engine, Frame


def encode(args: argparse.Namespace) -> None:
    """Compress `args.image` into `args.output`.

    Raises:
        DiffDemoError, OSError: with nothing written.
    """
    require_output(args.output, source=args.image)
    from diffdemo.engine import Engine
    from diffdemo.images import load_picture

    began = time.monotonic()
    picture = load_picture(args.image)
    engine = Engine()
    moments = engine.encode(
        picture.pixels,
        model=_model_of(engine, args.codec, args.model),
        preset=args.preset,
        num_bytes=args.bytes,
        bpp=args.bpp,
        psnr_db=args.psnr,
        seed=args.seed,
    )
    with Progress() as progress:
        for moment in moments:
            progress.show(moment.frame)
    write_file(args.output, moment.data)
    notes = picture.notes
    if args.psnr is not None and moment.frame.psnr_db is not None and moment.frame.psnr_db < args.psnr:
        notes += (f"The model does not reach {args.psnr:g} dB on this picture.",)
    info = engine.describe(moment.data)
    report = {
        "output": str(args.output),
        "codec": info.codec,
        "model": info.model,
        "width": info.width,
        "height": info.height,
        "num_bytes": info.num_bytes,
        "bpp": info.bpp,
        "psnr_db": moment.frame.psnr_db,
        "ms_ssim": moment.frame.ms_ssim,
        "preset": args.preset,
        "seed": args.seed,
        "steps": len(info.steps),
        "seconds": time.monotonic() - began,
        "notes": notes,
    }
    print_report(report, as_json=args.json)


def decode(args: argparse.Namespace) -> None:
    """Turn `args.file` into the picture `args.output`, and what was seen on the way into `args.frames`.

    Raises:
        DiffDemoError, OSError: with nothing written.
    """
    if args.output.suffix.lower() != ".png":
        raise DiffDemoError(f"The output is a PNG picture; please let the name '{args.output}' end in .png.")
    require_output(args.output, source=args.file)
    data = args.file.read_bytes()
    if args.frames is not None:
        require_empty_folder(args.frames)
    from diffdemo.engine import Engine
    from diffdemo.images import to_png

    began = time.monotonic()
    frames = Engine().decode(
        data,
        num_bytes=args.bytes,
        decoder=args.decoder,
        realism=args.realism,
        seed=args.seed,
        every_step=args.frames is not None,
    )
    if args.frames is None:
        count, last = _watch(frames, lambda frame: None)
    else:
        with numbered_files(args.frames, "frame", ".png") as add:
            count, last = _watch(frames, lambda frame: add(to_png(frame.pixels)))
    write_file(args.output, to_png(last.pixels))
    height, width = last.pixels.shape[:2]
    report = {
        "output": str(args.output),
        "frames": None if args.frames is None else str(args.frames),
        "num_frames": count,
        "width": width,
        "height": height,
        "num_bytes": last.num_bytes,
        "bpp": last.bpp,
        "decoder": last.decoder,
        "steps": last.step,
        "seconds": time.monotonic() - began,
    }
    print_report(report, as_json=args.json)


def info(args: argparse.Namespace) -> None:
    """Describe `args.file` from its own bytes."""
    data = args.file.read_bytes()
    from diffdemo.engine import Engine

    described = Engine().describe(data)
    if args.json:
        print_report(asdict(described), as_json=True)
    else:
        print_file(described)


def models(args: argparse.Namespace) -> None:
    """List what `--model` may be."""
    from diffdemo.engine import Engine

    known = Engine().models()
    if args.json:
        print_report({"models": [asdict(model) for model in known]}, as_json=True)
    else:
        print_models(known)


def train(args: argparse.Namespace) -> None:
    """Train the denoiser of `args.codec` on the pictures below `args.data`.

    Raises:
        DiffDemoError: if there is no such folder or device.
        FileNotFoundError: if there are no pictures in it.
    """
    _require_data(args.data)
    import torch

    from diffdemo.training.diffc import Recipe
    from diffdemo.training.diffc import train as train_diffc

    if args.device == "cuda" and not torch.cuda.is_available():
        raise DiffDemoError("There is no CUDA device that PyTorch can use; please take --device cpu.")
    weights = train_diffc(
        args.data, args.output, Recipe(minutes=args.minutes), exclude=tuple(args.exclude), device=args.device
    )
    print(weights)


def _model_of(engine: Engine, codec: str | None, model: str | None) -> str | None:
    """The model to ask for: as named, or the first one of the codec, its default before others."""
    if codec is None:
        return model
    known = sorted(engine.models(), key=lambda m: not m.is_default)
    names = [m.name for m in known if m.codec == codec]
    if not names:
        codecs = ", ".join(sorted({m.codec for m in known}))
        raise DiffDemoError(f"There is no codec '{codec}'; there is {codecs}.")
    if model is not None and model not in names:
        raise DiffDemoError(f"There is no model '{model}' for {codec}; there is {', '.join(names)}.")
    return model or names[0]


def _watch(frames: Iterator[Frame], look: Callable[[Frame], None]) -> tuple[int, Frame]:
    """Follow a decode to its end; the number of frames and the last one."""
    count = 0
    with Progress() as progress:
        for frame in frames:
            progress.show(frame)
            look(frame)
            count += 1
    return count, frame


def _require_data(folder: Path) -> None:
    if not folder.is_dir():
        raise DiffDemoError(f"There is no folder '{folder}' with pictures.")
