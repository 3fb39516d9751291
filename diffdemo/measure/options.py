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
    args = _parser(description).parse_args(argv)
    if args.looks == []:
        args.looks = list(RATES)
    return args


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=description, allow_abbrev=False)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="JSON lines; appended to")
    first = next(iter(CODECS))
    parser.add_argument("--codecs", nargs="+", choices=tuple(CODECS), default=[first], help=f"(default: {first})")
    parser.add_argument(
        "--bpp",
        type=_positive,
        nargs="+",
        metavar="X",
        help="rates: diffc writes one file at the largest, measured at its prefixes (default: 2.0); "
        "cdc a file for each (default: for each of the quantisation steps 16, 11.3 ... 1 instead)",
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
