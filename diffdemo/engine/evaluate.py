"""Rate, distortion and looks over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--codecs diffc cdc] [--bpp 2.0] [--preset balanced]
                       [--decoders mean flow ancestral] [--realism 0.5 1] [--steps 1 17] [--gamma 0 0.8]
                       [--looks 0.15 0.3 0.6 1.0]

One line of JSON per picture and curve, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at its prefixes; CDC analyses a picture once and writes a file
for each rate. With `--looks` there is another line for what realism and blotches are computed from, at fixed rates. The
summary is printed from the file alone; docs/evaluation.md says what its tables mean.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

from diffdemo.codecs.base import Preset, Rendering
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.engine import cdc_rates, diffc_rates
from diffdemo.engine.classical import Ladder, available_codecs, classical_at, classical_curve
from diffdemo.engine.looks import ORIGINAL, RATES, bytes_at, look_at, look_of
from diffdemo.engine.realism import REVISION
from diffdemo.engine.sheet import Row, Sheet, read_lines
from diffdemo.engine.summary import summary
from diffdemo.models.registry import default_model

DEFAULT_BPP = 2.0
"""Of DiffC files, whose prefixes are all that lies below."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}


def main(argv: list[str]) -> int:
    """Measure what is missing from the results file, then print the summary; returns the exit status."""
    args = _parser().parse_args(argv)
    if args.looks == []:
        args.looks = list(RATES)
    pictures = sorted(p for p in args.folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not pictures:
        print(f"diffdemo: there are no pictures in {args.folder}", file=sys.stderr)
        return 1
    diffc = _DiffCRun(args) if DiffC.name in args.codecs else None
    cdc = _CdcRun(args) if Cdc.name in args.codecs else None
    known = read_lines(args.output)
    with args.output.open("a") as file:
        for path in pictures:
            sheet = Sheet(path, known)
            for run in (_classical, diffc, cdc):
                for row in run(sheet, args.looks) if run else ():
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    print(f"{row['picture']}: {row['codec']}, {_amount(row)}", file=sys.stderr, flush=True)
    print(summary(read_lines(args.output)))
    return 0


def _amount(row: Row) -> str:
    return f"{len(row['points'])} points" if "points" in row else f"{len(row['looks'])} looks"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="JSON lines; appended to")
    parser.add_argument(
        "--codecs", nargs="+", choices=(DiffC.name, Cdc.name), default=[DiffC.name], help="(default: diffc)"
    )
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
        choices=[str(decoder) for decoder in DiffC.decoders],
        default=["mean", "flow"],
        help="of diffc: a curve for each (default: mean flow)",
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
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return number


def _classical(sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
    """Quality sweeps, and the largest file within each rate, where the codec has one that is small enough."""
    for codec in available_codecs():
        if sheet.lacks(codec):
            yield sheet.line(codec, [asdict(point) for point in classical_curve(sheet.pixels, codec)], {})
    if rates is None:
        return
    settings = _looks_settings(rates, {})
    if sheet.lacks(ORIGINAL, {"features": REVISION}, "looks"):
        yield sheet.line(ORIGINAL, [look_of(sheet.pixels)], {"features": REVISION}, "looks")
    for codec in available_codecs():
        if sheet.lacks(codec, settings, "looks"):
            files = [
                (rate, classical_at(sheet.pixels, codec, num_bytes=bytes_at(rate, sheet.pixels))) for rate in rates
            ]
            looks = [
                look_at(sheet.pixels, file.pixels, rate, len(file.data))
                for rate, file in files
                if len(file.data) <= bytes_at(rate, sheet.pixels)
            ]
            yield sheet.line(codec, looks, settings, "looks")


class _DiffCRun:
    """DiffC with its default model, as the arguments ask for it."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._codec = diffc_rates.installed_diffc()
        self._bpp = max(args.bpp) if args.bpp else DEFAULT_BPP
        self._preset = Preset(args.preset)
        self._renderings = diffc_rates.renderings_of(args.decoders, args.realism)
        self._settings = {**_model(self._codec), "bpp": self._bpp, "preset": args.preset}

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        names = {diffc_rates.curve_name(rendering): rendering for rendering in self._renderings}
        curves = [name for name in names if sheet.lacks(name, self._settings)]
        looks_settings = _looks_settings(rates or [], self._settings)
        looks = [name for name in names if rates and sheet.lacks(name, looks_settings, "looks")]
        if not curves and not looks:
            return
        pixels = sheet.pixels
        sizes = {rate: bytes_at(rate, pixels) for rate in rates or RATES if rate <= self._bpp}
        sweep = diffc_rates.sweep(self._codec, pixels, self._bpp, self._preset, list(sizes.values()))
        # Where the whole file was meant, it is a few bytes shorter.
        sizes = {rate: min(size, len(sweep.data)) for rate, size in sizes.items()}
        for name, rendering in names.items():
            if name in curves:
                yield sheet.line(name, [asdict(point) for point in sweep.points(rendering)], self._settings)
            if name in looks:
                found = [
                    look_at(pixels, sweep.picture(size, rendering), rate, size)
                    for rate, size in sizes.items()
                    if size in sweep.states
                ]
                yield sheet.line(name, found, looks_settings, "looks")


class _CdcRun:
    """CDC with its default model, as the arguments ask for it. Lines of other weights do not count as measured."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._codec = cdc_rates.installed_cdc()
        self._bpp: list[float] | None = args.bpp
        pairs = dict.fromkeys(product(args.gamma, args.steps))
        self._renderings = [cdc_rates.rendering_of(gamma, steps) for gamma, steps in pairs]

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        curves = [r for r in self._renderings if sheet.lacks(cdc_rates.curve_name(r), self._settings(r, self._bpp))]
        looks = [
            r
            for r in self._renderings
            if rates and sheet.lacks(cdc_rates.curve_name(r), self._looks_settings(r, rates), "looks")
        ]
        if not curves and not looks:
            return
        codec, pixels = self._codec, sheet.pixels
        content = codec.analyse(pixels)
        if curves:
            files, jpeg = list(cdc_rates.files_of(codec, content, self._bpp)), Ladder(pixels, "jpeg")
            for r in curves:
                points = [point.to_json() for point in cdc_rates.measure(codec, pixels, files, r, jpeg)]
                yield sheet.line(cdc_rates.curve_name(r), points, self._settings(r, self._bpp))
        if looks and rates:
            files = list(cdc_rates.files_of(codec, content, rates))
            for r in looks:
                found = [
                    look_at(pixels, cdc_rates.decoded(codec, file, r), file.target_bpp, len(file.data))
                    for file in files
                    if file.target_bpp is not None
                ]
                yield sheet.line(cdc_rates.curve_name(r), found, self._looks_settings(r, rates), "looks")

    def _settings(self, rendering: Rendering, bpp: Sequence[float] | None) -> Row:
        return {**_model(self._codec), "gamma": rendering.gamma, "steps": rendering.steps, "bpp": bpp}

    def _looks_settings(self, rendering: Rendering, rates: list[float]) -> Row:
        return _looks_settings(rates, self._settings(rendering, None))


def _model(codec: DiffC | Cdc) -> Row:
    return {"model": default_model(codec.name), "fingerprint": codec.fingerprint.hex()}


def _looks_settings(rates: list[float], settings: Row) -> Row:
    return {**settings, "rates": rates, "features": REVISION}
