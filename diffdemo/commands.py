"""What the commands of the command line do, given their parsed arguments.

Each imports what it needs when it runs: PyTorch takes seconds, `--help` must not.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from diffdemo.errors import DiffDemoError
from diffdemo.output import numbered_files, require_empty_folder, require_output, write_file
from diffdemo.terminal import Progress, print_file, print_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from diffdemo.engine import Engine, Frame


def encode(args: argparse.Namespace) -> None:
    """Compress `args.image` into `args.output`.

    Raises:
        DiffDemoError, OSError: with nothing written.
    """
    require_output(args.output, source=args.image)
    from diffdemo.engine import Engine
    from diffdemo.pictures import load_picture

    began = time.monotonic()
    picture = load_picture(args.image)
    engine = Engine()
    _require_codec(engine, args.codec, args.model)
    moments = engine.encode(
        picture.pixels,
        **_given(args, "codec"),
        model=args.model,
        preset=args.preset,
        num_bytes=args.bytes,
        bpp=args.bpp,
        psnr_db=args.psnr,
        seed=args.seed,
        prompt=args.prompt,
    )
    with Progress() as progress:
        for moment in moments:
            progress.show(moment.frame)
    write_file(args.output, moment.data)
    info = engine.describe(moment.data)
    fitted = engine.fit(picture.pixels, info.model) if info.model else None
    notes = (*picture.notes, *([fitted.note] if fitted and fitted.note else []))
    if args.psnr is not None and moment.frame.psnr_db is not None and moment.frame.psnr_db < args.psnr:
        notes += (f"The model does not reach {args.psnr:g} dB on this picture.",)
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
        "decoder": moment.frame.decoder,
        "preset": info.preset,
        "seed": info.seed,
        "prompt": info.prompt or None,
        "delta": info.delta,
        "steps": moment.frame.step,
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
    engine = Engine()
    if args.bytes is not None:
        _require_embedded(engine, data)
    frames = engine.decode(
        data,
        num_bytes=args.bytes,
        decoder=_decoder_asked_for(args),
        **_given(args, "realism", "gamma", "eta"),
        steps=args.steps,
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


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the options that were given; the others have their defaults where they are used."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _decoder_asked_for(args: argparse.Namespace) -> str | None:
    """The decoder as named, or the one that alone reads a number that was given; None for what suits the file."""
    if args.decoder is None and (args.gamma is not None or args.eta is not None):
        return "stochastic"
    decoder: str | None = args.decoder
    return decoder


def _require_codec(engine: Engine, codec: str | None, model: str | None) -> None:
    """Check that there is such a codec, and that a model that is named beside it is one of its own."""
    if codec is None:
        return
    codecs = [c.name for c in engine.codecs()]
    if codec not in codecs:
        raise DiffDemoError(f"There is no codec '{codec}'; choose one of: {', '.join(codecs)}.")
    if model is None:
        return
    names = [m.name for m in engine.models() if m.codec == codec]
    if model not in names:
        raise DiffDemoError(f"There is no model '{model}' for {codec}; choose one of: {', '.join(names)}.")


def _require_embedded(engine: Engine, data: bytes) -> None:
    """Check that a part of the file can be decoded."""
    info = engine.describe(data)
    if not info.is_embedded:
        raise DiffDemoError(f"The first bytes of a file of {info.codec} are no picture; please leave out --bytes.")


def _watch(frames: Iterator[Frame], look: Callable[[Frame], None]) -> tuple[int, Frame]:
    """Follow a decode to its end; the number of frames and the last one."""
    count = 0
    with Progress() as progress:
        for frame in frames:
            progress.show(frame)
            look(frame)
            count += 1
    return count, frame
