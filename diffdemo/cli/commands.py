"""What the commands of the command line do, given their parsed arguments.

Each imports what it needs when it runs: PyTorch takes seconds, `--help` must not.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffdemo.cli import signals, streams
from diffdemo.cli.options import (
    decoder_asked_for,
    given,
    require_of_use,
    require_of_use_for_decoding,
    require_of_use_for_format,
)
from diffdemo.cli.output import numbered_files, require_empty_folder, require_output, write_file
from diffdemo.cli.streams import STANDARD
from diffdemo.cli.terminal import Progress, print_cache, print_file, print_models, print_report
from diffdemo.codecs.rendering import KNOBS
from diffdemo.errors import DiffDemoError
from diffdemo.inputs import MAX_FILE_BYTES, read_file
from diffdemo.plain_text import size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from diffdemo.engine import Engine, Frame, Running
    from diffdemo.pictures import Picture

KEPT = "what has arrived is kept, and the same command goes on from there"


def encode(args: argparse.Namespace) -> None:
    """Compress `args.image` into `args.output`.

    Raises:
        DiffDemoError, OSError: with nothing written.
    """
    _require_output(args.output, source=args.image)
    from diffdemo.engine import Engine

    began = time.monotonic()
    picture = _read_picture(args.image)
    engine = Engine()
    require_codec(engine, args.codec, args.model)
    if args.format is not None:
        _encode_foreign(engine, picture, args, began)
        return
    require_of_use(args, codec=engine.model(model_of(engine, args)).codec, codecs=engine.codecs())
    moments = engine.encode(
        picture.pixels,
        **given(args, "codec", "preset", "seed", "prompt"),
        model=args.model,
        num_bytes=args.bytes,
        bpp=args.bpp,
        psnr_db=args.psnr,
    )
    with Progress() as progress:
        progress.follow(moments)
        for moment in moments:
            progress.show(moment.frame)
    info = engine.describe(moment.data)
    fitted = engine.fit(picture.pixels, info.model) if info.model else None
    notes = (*picture.notes, *([fitted.note] if fitted and fitted.note else []))
    if args.psnr is not None and moment.frame.psnr_db is not None and moment.frame.psnr_db < args.psnr:
        notes += (f"The model does not reach {args.psnr:g} dB on this picture.",)
    if args.bpp is not None and info.bpp > args.bpp:
        notes += (f"A file has its header, and a first step or all codes: {args.bpp:g} bpp are not reached.",)
    _write(args.output, moment.data)
    report = {
        "output": str(args.output),
        "codec": info.codec,
        "model": info.model,
        "width": info.width,
        "height": info.height,
        "num_bytes": info.num_bytes,
        "bpp": info.bpp,
        **moment.frame.values,
        "decoder": moment.frame.decoder,
        **info.facts,
        "steps": moment.frame.step,
        "seconds": time.monotonic() - began,
        "notes": notes,
    }
    _report(args, report)


def decode(args: argparse.Namespace) -> None:
    """Turn `args.file` into the picture `args.output`, and what was seen on the way into `args.frames`.

    Raises:
        DiffDemoError, OSError: with nothing written.
    """
    if args.output != STANDARD and args.output.suffix.lower() != ".png":
        raise DiffDemoError(f"The output is a PNG picture; please let the name '{args.output}' end in .png.")
    _require_output(args.output, source=args.file)
    if args.frames is not None:
        require_empty_folder(args.frames)
    data = _read_data(args.file)
    from diffdemo.engine import Engine
    from diffdemo.images import to_png

    began = time.monotonic()
    frames = (_frames if args.format is None else _frames_of_foreign)(Engine(), data, args)
    if args.frames is None:
        count, last = _watch(frames, lambda frame: None)
        _write(args.output, to_png(last.pixels))
    else:
        with numbered_files(args.frames, "frame", ".png") as files:
            count, last = _watch(frames, lambda frame: files.add(to_png(frame.pixels)))
            files.publish()
            _write(args.output, to_png(last.pixels))
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
    _report(args, report)


def info(args: argparse.Namespace) -> None:
    """Describe `args.file` from its own bytes."""
    data = _read_data(args.file)
    from diffdemo.engine import Engine

    described = Engine().describe(data)
    if args.json:
        print_report(described.to_json(), as_json=True)
    else:
        print_file(described)


def _encode_foreign(engine: Engine, picture: Picture, args: argparse.Namespace, began: float) -> None:
    """Write `args.output` in `args.format`."""
    require_of_use_for_format(args, "bpp", "bytes", "psnr", "preset", "seed", "prompt")
    model = model_of(engine, args)
    file = engine.encode_foreign(picture.pixels, file_format=args.format, model=model)
    _write(args.output, file.data)
    report = {
        "output": str(args.output),
        "codec": engine.model(model).codec,
        "format": args.format,
        "model": model,
        "width": file.width,
        "height": file.height,
        "num_bytes": len(file.data),
        "bpp": 8 * len(file.data) / (file.width * file.height),
        "seconds": time.monotonic() - began,
        "notes": (*picture.notes, *([file.note] if file.note else [])),
    }
    _report(args, report)


def _frames(engine: Engine, data: bytes, args: argparse.Namespace) -> Running[Frame]:
    """Reconstructions from a file of ours."""
    if args.model is not None:
        raise DiffDemoError("The file itself names its model; please leave out --model, which goes with --format.")
    info = engine.describe(data)
    if args.bytes is not None and not info.is_embedded:
        raise DiffDemoError(f"The first bytes of a file of {info.codec} are no picture; please leave out --bytes.")
    require_of_use_for_decoding(args, codec=info.codec, codecs=engine.codecs())
    return engine.decode(data, num_bytes=args.bytes, **_decoding(args))


def _frames_of_foreign(engine: Engine, data: bytes, args: argparse.Namespace) -> Running[Frame]:
    """Reconstructions from a file of another program, `args.format`."""
    require_of_use_for_format(args, "bytes")
    if args.model is None:
        raise DiffDemoError(
            f"A file of the format '{args.format}' does not say which model wrote it; please name it with --model."
        )
    require_of_use_for_decoding(args, codec=engine.model(args.model).codec, codecs=engine.codecs())
    return engine.decode_foreign(data, file_format=args.format, model=args.model, **_decoding(args))


def _decoding(args: argparse.Namespace) -> dict[str, Any]:
    """How to decode, as far as the command line says."""
    return {"decoder": decoder_asked_for(args), "every_step": args.frames is not None, **given(args, *KNOBS)}


def _read_data(path: Path) -> bytes:
    """A compressed file, from wherever it comes."""
    return streams.read_input(MAX_FILE_BYTES) if path == STANDARD else read_file(path)


def _read_picture(path: Path) -> Picture:
    from diffdemo.pictures import load_picture
    from diffdemo.pictures.source import MAX_FILE_BYTES as MAX_PICTURE_BYTES

    return load_picture(streams.read_input(MAX_PICTURE_BYTES) if path == STANDARD else path)


def _require_output(path: Path, *, source: Path) -> None:
    """Find out before the work begins whether its result can be written."""
    if path == STANDARD:
        streams.require_binary_output()
    else:
        require_output(path, source=source)


def _write(path: Path, data: bytes) -> None:
    if path == STANDARD:
        streams.write_output(data)
    else:
        write_file(path, data)


def _report(args: argparse.Namespace, report: Mapping[str, object]) -> None:
    """Say what was done, where the result itself does not go."""
    print_report(report, as_json=args.json, to=sys.stderr if args.output == STANDARD else None)


def model_of(engine: Engine, args: argparse.Namespace) -> str:
    """Name of the model that will encode."""
    if args.model is not None or args.codec is None:
        return args.model or engine.default_model
    return next(codec.default_model for codec in engine.codecs() if codec.name == args.codec)


def require_codec(engine: Engine, codec: str | None, model: str | None) -> None:
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


def _watch(frames: Running[Frame], look: Callable[[Frame], None]) -> tuple[int, Frame]:
    """Follow a decode to its end; the number of frames and the last one."""
    count = 0
    with Progress() as progress:
        progress.follow(frames)
        for frame in frames:
            progress.show(frame)
            look(frame)
            count += 1
    return count, frame


def models(args: argparse.Namespace) -> None:
    """List what `--model` may be, and what those models take on the disk.

    Raises:
        DownloadError: if the Hub is to be asked and does not answer.
    """
    from diffdemo.engine import Engine

    engine = Engine()
    known = engine.models(refresh=args.refresh)
    cache = engine.cache()
    if args.json:
        where = asdict(cache) | {"folder": str(cache.folder)}
        print_report({"models": [asdict(model) for model in known], "cache": where}, as_json=True)
    else:
        print_models(known)
        print_cache(cache)


def download(args: argparse.Namespace) -> None:
    """Fetch the model `args.name`.

    Raises:
        WeightsError: there is no such model, or it cannot be had.
    """
    from diffdemo.engine import Engine

    began = time.monotonic()
    moments = Engine().download(args.name)
    with Progress() as progress, signals.last_words(KEPT):
        first = moment = next(moments)
        for moment in moments:
            progress.show_download(moment)
    if first.done:
        print(f"'{args.name}' is here already.")
    else:
        seconds = time.monotonic() - began
        print_report({"model": args.name, "num_bytes": moment.total_bytes, "seconds": seconds}, as_json=False)


def remove(args: argparse.Namespace) -> None:
    """Delete the model `args.name` from this computer.

    Raises:
        WeightsError: there is no such model, or it comes with diffdemo.
    """
    from diffdemo.engine import Engine

    freed = Engine().remove(args.name)
    print(f"'{args.name}' was removed: {size(freed)}." if freed else f"There is nothing of '{args.name}' to remove.")
