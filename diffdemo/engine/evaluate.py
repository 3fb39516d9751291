"""Rate and distortion over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--codecs diffc cdc] [--bpp 2.0]
                       [--preset balanced] [--decoders mean flow] [--steps 1 17] [--gamma 0]

One line of JSON per picture and curve, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at its prefixes; CDC analyses a picture once and writes a file
for each rate. The summary compares all of them with the classical codecs by Bjontegaard's delta rate, and CDC with JPEG
at equal bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import PIL
import torch

from diffdemo import __version__
from diffdemo.codecs.base import Rendering
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.engine.cdc_rates import curve_name, files_of, installed_cdc, measure, rendering_of
from diffdemo.engine.classical import Ladder, available_codecs
from diffdemo.engine.engine import Engine
from diffdemo.engine.records import CurvePoint
from diffdemo.engine.summary import Row, summary
from diffdemo.images import Pixels, load_picture
from diffdemo.metrics import bits_per_pixel, ms_ssim, psnr_db
from diffdemo.models.registry import default_model

DEFAULT_BPP = 2.0
"""Of DiffC files, whose prefixes are all that lies below."""
FLOW_PREFIXES = (0.1, 0.25, 0.5, 1.0)
"""Shares of the file at which the flow is computed; the posterior mean comes for nothing after every step."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}
VERSIONS = {
    "diffdemo": __version__,
    "numpy": np.__version__,
    "pillow": PIL.__version__,
    "torch": torch.__version__,
    "python": platform.python_version(),
}


def main(argv: list[str]) -> int:
    """Measure what is missing from the results file, then print the summary; returns the exit status."""
    args = _parser().parse_args(argv)
    pictures = sorted(p for p in args.folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not pictures:
        print(f"diffdemo: there are no pictures in {args.folder}", file=sys.stderr)
        return 1
    renderings = [rendering_of(gamma, steps) for gamma, steps in dict.fromkeys(product(args.gamma, args.steps))]
    cdc = installed_cdc() if Cdc.name in args.codecs else None
    known = _read(args.output)
    with args.output.open("a") as file:
        for path in pictures:
            sheet = _Sheet(path, known)
            for row in _measure(sheet, args, cdc, renderings):
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(f"{row['picture']}: {row['codec']}, {len(row['points'])} points", file=sys.stderr, flush=True)
    print(summary(_read(args.output)))
    return 0


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
        "cdc a file for each (default: for each of the quantisation steps 8, 5.66 ... 1 instead)",
    )
    parser.add_argument("--preset", choices=("fast", "balanced", "best"), default="balanced", help="of diffc")
    parser.add_argument(
        "--decoders", nargs="+", choices=("mean", "flow"), default=["mean", "flow"], help="of diffc (default: both)"
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
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return number


class _Sheet:
    """One picture and its lines in the results file."""

    def __init__(self, path: Path, known: Sequence[Row]) -> None:
        self.name = path.name
        self.pixels = load_picture(path).pixels
        self._lines = [row for row in known if row["picture"] == path.name]

    def lacks(self, codec: str, settings: Row | None = None) -> bool:
        """Whether there is no line yet for a curve, with these settings if any are given."""
        return not any(row["codec"] == codec and settings in (None, row["settings"]) for row in self._lines)

    def line(self, codec: str, points: list[Row], settings: Row) -> Row:
        """What to write about a curve."""
        height, width = self.pixels.shape[:2]
        return {
            "picture": self.name,
            "codec": codec,
            "width": width,
            "height": height,
            "settings": settings,
            "points": points,
            "versions": VERSIONS,
        }


def _measure(sheet: _Sheet, args: argparse.Namespace, cdc: Cdc | None, renderings: list[Rendering]) -> Iterator[Row]:
    engine = Engine()
    for codec in available_codecs():
        if sheet.lacks(codec):
            yield sheet.line(codec, _json(engine.classical_curve(sheet.pixels, codec)), {})
    if DiffC.name in args.codecs:
        bpp = max(args.bpp) if args.bpp else DEFAULT_BPP
        yield from _measure_diffc(sheet, engine, bpp, args.preset, args.decoders)
    if cdc is not None:
        yield from _measure_cdc(sheet, cdc, args.bpp, renderings)


def _measure_diffc(sheet: _Sheet, engine: Engine, bpp: float, preset: str, decoders: list[str]) -> Iterator[Row]:
    wanted = [decoder for decoder in decoders if sheet.lacks(f"{DiffC.name} {decoder}")]
    if not wanted:
        return
    data = list(engine.encode(sheet.pixels, bpp=bpp, preset=preset))[-1].data
    for decoder in wanted:
        points = engine.curve(data) if decoder == "mean" else _flow_curve(engine, sheet.pixels, data)
        yield sheet.line(f"{DiffC.name} {decoder}", _json(points), {"bpp": bpp, "preset": preset})


def _flow_curve(engine: Engine, pixels: Pixels, data: bytes) -> list[CurvePoint]:
    points = []
    for share in FLOW_PREFIXES:
        num_bytes = max(64, int(share * len(data)))
        picture = list(engine.decode(data, num_bytes=num_bytes, decoder="flow"))[-1].pixels
        bpp = bits_per_pixel(num_bytes, pixels.shape[1], pixels.shape[0])
        points.append(CurvePoint(num_bytes, bpp, psnr_db(pixels, picture), ms_ssim(pixels, picture)))
    return points


def _measure_cdc(sheet: _Sheet, codec: Cdc, bpp: list[float] | None, renderings: list[Rendering]) -> Iterator[Row]:
    """A line for each rendering. Lines of other weights, which are among the settings, do not count as measured."""
    wanted = [r for r in renderings if sheet.lacks(curve_name(r), _cdc_settings(codec, r, bpp))]
    if not wanted:
        return
    files = list(files_of(codec, codec.analyse(sheet.pixels), bpp))
    jpeg = Ladder(sheet.pixels, "jpeg")
    for rendering in wanted:
        points = [point.to_json() for point in measure(codec, sheet.pixels, files, rendering, jpeg)]
        yield sheet.line(curve_name(rendering), points, _cdc_settings(codec, rendering, bpp))


def _cdc_settings(codec: Cdc, rendering: Rendering, bpp: list[float] | None) -> Row:
    return {
        "model": default_model(codec.name),
        "fingerprint": codec.fingerprint.hex(),
        "gamma": rendering.gamma,
        "steps": rendering.steps,
        "bpp": bpp,
    }


def _json(points: list[CurvePoint]) -> list[Row]:
    return [asdict(point) for point in points]


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
