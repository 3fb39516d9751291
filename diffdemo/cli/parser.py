"""The command line: encode, decode and describe files, list and fetch models, measure and train.

Reports go to standard output, progress and errors to standard error. Exit status: 0 done, 1 failed, 2 wrong command
line, 128 + number stopped by a signal: 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from diffdemo import __version__
from diffdemo.cli import batch, commands, streams, train
from diffdemo.cli.options import readers
from diffdemo.cli.terminal import in_one_line
from diffdemo.codecs.rendering import KNOBS, LARGEST_SEED, Decoder, Knob
from diffdemo.errors import Cancelled, DiffDemoError

Command = Callable[[argparse.Namespace], None]

PRESETS = ("fast", "balanced", "best")
DEVICES = ("cpu", "cuda")
SIZES = ("small", "base")
INTERRUPTED = 130
NO_MEMORY = "There is not enough memory for this. Please choose a smaller picture or model, or end other programs."

OWN_PARSERS = {
    "bench": ("diffdemo.measure.bench.main", "Measure speed, memory, and what coding costs over the ideal."),
    "evaluate": ("diffdemo.measure.evaluate", "Measure rate and distortion over a folder of pictures."),
    "space": ("diffdemo.cli.space", "Check that this folder can be a Space of Hugging Face."),
}
"""Commands whose module has its own `main`, by name: module and summary."""


def _number(kind: type[float], least: float, most: float, what: str) -> Callable[[str], float]:
    """A converter for argparse that says what it expected."""

    def convert(text: str) -> float:
        try:
            number = kind(text)
            if least <= number <= most:
                return number
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")

    return convert


_positive = _number(float, 1e-6, 1e6, "a positive number")
_share = _number(float, 0, 1, "a number from 0 to 1")
_width = _number(int, 1, 256, "a whole number from 1 to 256")
_count = _number(int, 1, 1 << 40, "a positive whole number")
_seed = _number(int, 0, (1 << 32) - 1, "a whole number from 0 to 4294967295")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, with these arguments or those of the process.

    Returns:
        The exit status.

    Raises:
        SystemExit: after help, or with a wrong command line.
    """
    with streams.all_open():
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # A file's name may hold bytes that are no text.
        try:
            return _status(sys.argv[1:] if argv is None else list(argv)) or _status_of_report()
        finally:
            streams.silence_if_stuck(sys.stdout)
            streams.silence_if_stuck(sys.stderr)


def _status(argv: list[str]) -> int:
    """Run one command, and say in one line what went wrong."""
    try:
        return _run(argv)
    except SystemExit as end:  # A parser has printed its help, or said what is wrong with the command line.
        lost = 0 if end.code else _status_of_report()
        if lost:
            return lost
        raise
    except BrokenPipeError:
        return 1  # Whoever read the report has seen enough.
    except KeyboardInterrupt as error:
        return _fail("interrupted", status=getattr(error, "status", INTERRUPTED))
    except Cancelled as error:
        return _fail(str(error) or "interrupted", status=INTERRUPTED)
    except DiffDemoError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part) or str(error))
    except MemoryError:
        return _fail(NO_MEMORY)
    except RuntimeError as error:
        if not _is_of_memory(error):
            raise
        return _fail(NO_MEMORY)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "diffdemo":
            raise
        return _fail(f"A package that this needs cannot be loaded: {error}. Please install the requirements anew.")


def _status_of_report() -> int:
    """Whether what was printed has arrived."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _fail(f"Standard output: {error.strerror}")
    return 0


def _is_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch, or Python's threads, say in their way that there is not enough memory."""
    from diffdemo.engine.hardware.device import is_out_of_memory

    return is_out_of_memory(error) or "can't start new thread" in str(error)


def _run(argv: list[str]) -> int:
    if argv and argv[0] in OWN_PARSERS:
        module, _ = OWN_PARSERS[argv[0]]
        status: int = importlib.import_module(module).main(argv[1:])
        return status
    args = build_parser().parse_args(argv)
    command: Command = args.command
    command(args)
    return 0


def _fail(message: str, *, status: int = 1) -> int:
    with contextlib.suppress(OSError):
        print("diffdemo:", in_one_line(" ".join(message.split())), file=sys.stderr, flush=True)
    return status


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; `command` of the result is the function to call with it."""
    parser = argparse.ArgumentParser(
        prog="diffdemo", description="Image compression with diffusion models.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"diffdemo {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command | None, summary: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        added.set_defaults(command=command)
        return added

    _add_encode(add("encode", commands.encode, "Compress a picture."))
    _add_decode(add("decode", commands.decode, "Turn a file, or the beginning of one, into a picture."))
    _add_batch(add("batch", batch.batch, "Compress all pictures of a folder."))
    info = add("info", commands.info, "Describe a file; needs no model.")
    info.add_argument("file", type=streams.place, metavar="FILE", help="- for standard input")
    _add_json(info)
    models = add("models", commands.models, "List the models that can be chosen, and what they take.")
    models.add_argument("--refresh", action="store_true", help="ask the Hub which checkpoints of CDC there are")
    _add_json(models)
    _add_name(add("download", commands.download, "Fetch a model from the Hugging Face Hub."))
    _add_name(add("remove", commands.remove, "Delete a model that was fetched from the Hub."))
    for name, (_, summary) in OWN_PARSERS.items():
        add(name, None, summary)
    _add_train(add("train", None, "Train a model on a folder of pictures."))
    return parser


def _add_encode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=streams.place, metavar="IMAGE", help="- for standard input")
    parser.add_argument(
        "-o",
        "--output",
        type=streams.place,
        required=True,
        metavar="FILE",
        help="customary suffix: .difd; - for standard output, with the report on standard error",
    )
    target = _add_coding(parser)
    target.add_argument("--psnr", type=_positive, metavar="Q", help="end at this quality in dB")
    _add_format(parser, "write a file of another program instead")
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="for models that take one: what the picture shows; kept in the file",
    )
    parser.add_argument("--seed", type=_seed, metavar="N", help="for diffc: of the random numbers (default: 0)")
    _add_json(parser)


def _add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="of pictures")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="folder, new or that of a batch, which goes on"
    )
    _add_coding(parser)
    parser.add_argument("--pictures", action="store_true", help="write what each file decodes to, too, as PNG")
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="on a cluster of Ray: HOST:PORT of its head, `auto` for one that runs here, `local` to start one",
    )
    parser.set_defaults(seed=None)
    _add_json(parser)


def _add_coding(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """How a picture is compressed; returned is what says how far."""
    parser.add_argument(
        "--codec", metavar="NAME", help="see `diffdemo models` (default: that of the model, or else diffc)"
    )
    parser.add_argument("--model", metavar="NAME", help="see `diffdemo models` (default: the codec's own choice)")
    parser.add_argument("--preset", choices=PRESETS, help="for diffc: time spent on saving bits (default: balanced)")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--bpp", type=_positive, metavar="X", help="most bits per pixel, up to 24 (default: 1.0)")
    target.add_argument("--bytes", type=_count, metavar="N", help="most bytes")
    return target


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=streams.place, metavar="FILE", help="- for standard input")
    parser.add_argument(
        "-o",
        "--output",
        type=streams.place,
        required=True,
        metavar="OUT.png",
        help="- for standard output, with the report on standard error",
    )
    parser.add_argument(
        "--decoder",
        choices=[decoder.value for decoder in Decoder],
        help="what to do about bits that were not sent (default: the first that the file's codec has)",
    )
    for name, knob in KNOBS.items():
        parser.add_argument(f"--{name}", type=_within(knob), metavar=name[0].upper(), help=_knob_help(name, knob))
    _add_format(parser, "the file is one of another program")
    parser.add_argument("--model", metavar="NAME", help="with --format, which says no model: that it was written with")
    parser.add_argument("--bytes", type=_count, metavar="N", help="of embedded files: use only the first N bytes")
    parser.add_argument("--frames", type=Path, metavar="DIR", help="also write every reconstruction on the way")
    _add_json(parser)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="see `diffdemo models`")


def _add_train(parser: argparse.ArgumentParser) -> None:
    """A parser for each codec, so that none offers what another one's recipe has, and for what goes with training."""
    subparsers = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, command: Command, summary: str, output: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        added.set_defaults(command=command)
        added.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=output)
        return added

    diffc = add("diffc", train.diffc, "the denoiser of DiffC", "folder; resumed if it exists")
    cdc = add("cdc", train.cdc, "compressor and denoiser of CDC", "folder; resumed if it exists")
    pack = add("pack", train.pack, "one archive of all usable pictures", "archive, customary suffix: .tar")
    study = add("study", train.study, "what is worth bits in training DiffC", "folder; resumed if it exists")
    plot = add("plot", train.plot, "the logs of one or several runs", "page, customary suffix: .html")
    add("table", train.table, "the finished part of a study", "folder of the study")
    spectrum = add("spectrum", train.spectrum, "what weights of DiffC miss, as files need it", "weights, written anew")
    told = "what longer training gained on the pictures it saw, and on others"
    overfitting = subparsers.add_parser("overfitting", help=told, description=told, allow_abbrev=False)
    overfitting.set_defaults(command=train.overfitting)
    for added in (diffc, cdc, pack, study, spectrum, overfitting):
        added.add_argument("data", type=Path, metavar="DATA", help="folder of pictures, or an archive of `train pack`")
        added.add_argument("--exclude", nargs="+", default=[], metavar="NAME", help="folders in DATA to leave out")
    cost = subparsers.add_parser("cost", help="operations and time of a step of DiffC's training", allow_abbrev=False)
    cost.set_defaults(command=train.cost)
    for added in (diffc, cdc, study, cost):
        added.add_argument("--device", choices=DEVICES, default="cpu")
    for added in (diffc, cdc):
        added.add_argument("--start", type=Path, metavar="WEIGHTS", help="begin with these instead of at random")
        added.add_argument("--minutes", type=_positive, help="in all, over resumed runs (default: that of the recipe)")
    cdc.add_argument("--width", type=_width, help="base channels of the denoiser (default: those of the shipped model)")
    cdc.add_argument(
        "--texture",
        type=_share,
        metavar="W",
        help="weight of a score that asks draws from noise for texture (default: 0)",
    )
    diffc.add_argument("--size", choices=SIZES, default="small", help="of the network (default: small)")
    diffc.add_argument("--steps", type=_count, metavar="N", help="in all, instead of --minutes")
    told = "highest learning rate of {} (default: that of the recipe)"
    for added in (diffc, cdc):
        added.add_argument("--batch", type=_count, metavar="N", help="crops a step (default: that of the recipe)")
        added.add_argument("--muon", dest="muon_rate", type=_share, metavar="RATE", help=told.format("Muon; 0: none"))
        told_varied = "share of crops seen from farther away, and of those exposed otherwise (default: 0)"
        added.add_argument("--varied", type=_share, metavar="SHARE", help=told_varied)
    diffc.add_argument("--rate", dest="learning_rate", type=_positive, metavar="RATE", help=told.format("AdamW"))
    diffc.add_argument(
        "--compile", dest="compiled", action="store_true", default=None, help="run steps through torch.compile"
    )
    for name in ("before", "after"):
        overfitting.add_argument(name, type=Path, metavar=name.upper(), help=f"weights {name} it")
    overfitting.add_argument(
        "--pictures", type=_count, default=26, metavar="N", help="most of either kind (default: 26)"
    )
    study.add_argument("--steps", type=_count, default=500, metavar="N", help="of each run (default: 500)")
    study.add_argument("--only", nargs="+", default=[], metavar="NAME", help="beside the baseline (default: all)")
    plot.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder that `train diffc|cdc` wrote")
    plot.add_argument("--over", choices=("minutes", "step"), default="minutes", help="(default: minutes)")


def _within(knob: Knob) -> Callable[[str], float]:
    """Reads a number that a decoder takes."""
    kind, most = (int, min(knob.high, LARGEST_SEED)) if knob.is_whole else (float, knob.high)
    return _number(kind, knob.low, most, f"a {'whole ' if knob.is_whole else ''}number from {knob.low} to {most}")


def _knob_help(name: str, knob: Knob) -> str:
    """What an option of `decode` does, and which decoders read it; one that a single decoder reads asks for it."""
    decoders = readers(name)
    alone = ", and asking for it" if len(decoders) == 1 else ""
    default = "what suits the model" if name == "steps" else f"{knob.default:g}"
    return f"for --decoder {' and '.join(decoders)}{alone}: {knob.about} (default: {default})"


def _add_format(parser: argparse.ArgumentParser, summary: str) -> None:
    parser.add_argument("--format", metavar="NAME", help=f"{summary}, in a format that the model's codec has")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
