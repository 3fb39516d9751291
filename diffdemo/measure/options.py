"""The command line of an evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from diffdemo.codecs.base import Codec
from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.records import ModelInfo
from diffdemo.errors import WeightsError
from diffdemo.measure.datasets.archives import ARCHIVES
from diffdemo.measure.datasets.fetch import SETS
from diffdemo.measure.looks.points import RATES
from diffdemo.plain_text import size

MAX_BPP = 1e6
"""Beyond it sizes in bytes are no numbers that mean anything."""
MAX_DIGITS = 6
"""Of a number of pictures."""


def parse(argv: list[str], description: str) -> argparse.Namespace:
    """What is asked for.

    Raises:
        SystemExit: if the line makes no sense; argparse has then said why.
    """
    parser = _parser(description)
    args = parser.parse_args(argv)
    args.argv = argv
    if args.answers is not None:
        if len(args.answers) < 2:
            parser.error("--answers takes the key of the study and at least one file of answers")
        return args
    if args.folder is None:
        parser.error("the following arguments are required: DIR")
    if args.output is None and args.accept is None:
        parser.error("the following arguments are required: -o/--output")
    if args.codecs is None:
        args.codecs = [] if args.models else [next(iter(CODECS))]
    if args.looks == []:
        args.looks = list(RATES)
    return args


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=description, allow_abbrev=False)
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        nargs="?",
        help="with pictures; or an array file of them, such as ImageNet-64's",
    )
    parser.add_argument(
        "--first", type=_count, metavar="N", help="take so many pictures of DIR or of an array file (default: all)"
    )
    parser.add_argument(
        "--fetch",
        choices=SETS,
        help="put the pictures of this set into DIR first, from where they are handed out, some as one archive: "
        + ", ".join(f"{name} {size(each.num_bytes)}" for name, each in ARCHIVES.items()),
    )
    parser.add_argument("-o", "--output", type=Path, metavar="RESULTS", help="JSON lines; appended to")
    parser.add_argument(
        "--codecs",
        nargs="+",
        choices=tuple(CODECS),
        help=f"each with its shipped model, or all of its models that are here (default: {next(iter(CODECS))})",
    )
    parser.add_argument(
        "--models", nargs="+", default=[], metavar="NAME", help="measure these instead of those of their codecs"
    )
    parser.add_argument(
        "--accept",
        choices=tuple(CODECS),
        metavar="CODEC",
        help="check this codec's models that are here against what was published about them; needs no RESULTS",
    )
    parser.add_argument(
        "--bpp",
        type=_positive,
        nargs="+",
        metavar="X",
        help="rates: diffc writes one file at the largest, measured at its prefixes (default: 2.0); "
        "cdc a file for each (default: for each of the quantisation steps 16, 11.3 ... 1 instead); models of one rate "
        "have no others",
    )
    parser.add_argument("--preset", choices=("fast", "balanced", "best"), default="balanced", help="of diffc")
    parser.add_argument(
        "--decoders",
        nargs="+",
        choices=[str(decoder) for decoder in Decoder],
        default=["mean", "flow"],
        help="a curve for each (default: mean flow of a codec that has one of them, else all)",
    )
    parser.add_argument(
        "--realism",
        nargs="+",
        type=float,
        default=[1.0],
        metavar="R",
        help="of diffc's flow, 0 to 1, 0 for the posterior mean; a curve for each (default: 1)",
    )
    parser.add_argument(
        "--steps", nargs="+", type=int, default=[1, 17], metavar="N", help="of cdc: a curve for each (default: 1 17)"
    )
    parser.add_argument(
        "--gamma",
        nargs="+",
        type=float,
        default=[0.0],
        metavar="G",
        help="of cdc: noise to start from, 0 to 2, 0 for the deterministic decoder; a curve for each (default: 0)",
    )
    parser.add_argument(
        "--looks",
        nargs="*",
        type=_positive,
        metavar="X",
        help=f"measure realism, FID, KID and blotches, at these rates (default: {' '.join(f'{r:g}' for r in RATES)})",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="measure on a cluster of Ray: HOST:PORT of its head, `auto` for one that runs here, `local` to start one",
    )
    outputs = parser.add_argument_group("what to make of the results")
    outputs.add_argument(
        "--no-measure", action="store_true", help="measure nothing, only say what RESULTS holds about these pictures"
    )
    outputs.add_argument(
        "--export", type=Path, metavar="FOLDER", help="CSV, CompressAI's results, codec-compare's batches"
    )
    outputs.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="results of others about the same pictures, in CompressAI's format, for the tables",
    )
    outputs.add_argument("--report", type=Path, metavar="HTML", help="one page with curves, tables and pictures")
    outputs.add_argument(
        "--study",
        type=Path,
        metavar="HTML",
        help="a blind page that asks which of two pictures is nearer to the original, and its key beside it",
    )
    outputs.add_argument(
        "--answers",
        type=Path,
        nargs="+",
        metavar=("KEY", "FILE"),
        help="read the answers of a study's viewers with its key, and do nothing else; needs neither DIR nor RESULTS",
    )
    outputs.add_argument(
        "--at", type=_positive, default=0.3, metavar="X", help="bits per pixel of the pictures shown (default: 0.3)"
    )
    outputs.add_argument(
        "--shown", type=_count, default=3, metavar="N", help="how many pictures are shown, 0 for none (default: 3)"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of pictures")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_BPP:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return number


def chosen_models(catalogue: Catalogue, codecs: Sequence[str], names: Sequence[str]) -> list[ModelInfo]:
    """Models that are on this computer.

    Args:
        codecs: whose models are wanted: the shipped one of each, or all that are here of a codec without one, or whose
            models have one rate each.
        names: of models that are wanted instead of those of their codecs.

    Raises:
        WeightsError: one of them is not here, or no model of a codec is.
    """
    named = [_here(catalogue.model(name)) for name in dict.fromkeys(names)]
    asked = {info.codec for info in named}
    return [*named, *(info for codec in dict.fromkeys(codecs) if codec not in asked for info in _of(catalogue, codec))]


def is_usual(info: ModelInfo) -> bool:
    """Whether results need not say that they are of this model: their codec would be evaluated with it anyway."""
    return (info.is_shipped and info.is_default) or CODECS[info.codec].is_one_rate


def _of(catalogue: Catalogue, codec: str) -> list[ModelInfo]:
    models = [info for info in catalogue.models() if info.codec == codec]
    shipped = [info for info in models if info.is_shipped and info.is_default and info.rate is None]
    here = shipped or [info for info in models if info.is_here]
    if not here:
        raise WeightsError(
            f"No model of {CODECS[codec].label} is on this computer; please fetch those to be measured first, by "
            f"python -m diffdemo download NAME, NAME being one of: {', '.join(info.name for info in models)}."
        )
    return here


def _here(info: ModelInfo) -> ModelInfo:
    if not info.is_here:
        raise WeightsError(
            f"The model '{info.name}' is not on this computer; please fetch it first: "
            f"python -m diffdemo download {info.name}"
        )
    return info


def renderings_of(codec: type[Codec], args: argparse.Namespace) -> list[Rendering]:
    """A rendering for each decoder and each combination of the numbers that it reads.

    Args:
        codec: whose decoders; those of `args.decoders` that it has, or all of them if it has none of these.
        args: with lists `decoders`, `realism`, `steps` and `gamma`. Gamma 0 stands for the decoder that starts without
            noise.

    Raises:
        RateError: if a number is out of its range.
    """
    values = {"realism": args.realism, "gamma": [gamma for gamma in args.gamma if gamma != 0], "steps": args.steps}
    takes_noise = reads(codec, "gamma")
    found: dict[Rendering, None] = {}
    named = [decoder for decoder in dict.fromkeys(map(Decoder, args.decoders)) if decoder in codec.decoders]
    for decoder in named or codec.decoders:
        knobs = codec.knobs_of(decoder)
        if takes_noise and "gamma" not in knobs and 0 not in args.gamma:
            continue
        without_noise = {"gamma": 0.0} if takes_noise else {}
        names = [name for name in values if name in knobs]
        for numbers in product(*(values[name] for name in names)):
            found[Rendering(decoder, **(without_noise | dict(zip(names, numbers, strict=True))))] = None
    return list(found)


def named_renderings(codec: Codec, info: ModelInfo, args: argparse.Namespace) -> dict[str, Rendering]:
    """The renderings of a model that are asked for, by what results call their curves; see `renderings_of`."""
    of = "" if is_usual(info) else f" of {info.name}"
    return {f"{codec.curve_name(each)}{of}": each for each in renderings_of(type(codec), args)}


def reads(codec: type[Codec], knob: str) -> bool:
    """Whether any decoder of a codec reads a field of `Rendering`."""
    return any(knob in codec.knobs_of(decoder) for decoder in codec.decoders)
