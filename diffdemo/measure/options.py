"""The command line of an evaluation."""

from __future__ import annotations

import argparse
from pathlib import Path

from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import Decoder
from diffdemo.measure.perceptual_points import RATES

MAX_BPP = 1e6
"""Beyond it sizes in bytes are no numbers that mean anything."""


def parse(argv: list[str], description: str) -> argparse.Namespace:
    """What is asked for.

    Args:
        argv: arguments after the command's name.
        description: of the command, in a sentence.

    Raises:
        SystemExit: if the line makes no sense; argparse has then said why.
    """
    parser = _parser(description)
    args = parser.parse_args(argv)
    if args.output is None and args.accept is None:
        parser.error("the following arguments are required: -o/--output")
    if args.codecs is None:
        args.codecs = [] if args.models else [next(iter(CODECS))]
    if args.looks == []:
        args.looks = list(RATES)
    return args


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=description, allow_abbrev=False)
    parser.add_argument("folder", type=Path, metavar="DIR")
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
        help=f"measure realism and blotches, at these bits per pixel (default: {' '.join(f'{r:g}' for r in RATES)})",
    )
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_BPP:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return number
