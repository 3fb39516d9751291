"""Rate and distortion over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--bpp 2.0] [--preset balanced]

One line of JSON per picture and codec, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at prefixes. The summary compares posterior mean, flow and the
classical codecs by Bjontegaard's delta rate.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import PIL
import torch

from diffdemo import __version__
from diffdemo.engine.classical import available_codecs
from diffdemo.engine.engine import Engine
from diffdemo.engine.records import CurvePoint
from diffdemo.images import Pixels, load_picture
from diffdemo.metrics import bits_per_pixel, ms_ssim, psnr_db

PREFIXES = (0.04, 0.07, 0.12, 0.2, 0.32, 0.5, 0.75, 1.0)
"""Shares of the file at which it is decoded, evenly spaced in rate on the scale that BD-rate uses."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}

Curves = dict[str, dict[str, list[CurvePoint]]]


def main(argv: list[str]) -> int:
    """Measure what is missing from the results file, then print the summary; returns the exit status."""
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="JSON lines; appended to")
    parser.add_argument("--bpp", type=float, default=2.0, help="rate of the files that are cut (default: 2.0)")
    parser.add_argument("--preset", choices=("fast", "balanced", "best"), default="balanced")
    args = parser.parse_args(argv)
    pictures = sorted(p for p in args.folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not pictures:
        print(f"diffdemo: there are no pictures in {args.folder}", file=sys.stderr)
        return 1
    known = {(row["picture"], row["codec"]) for row in _read(args.output)}
    with args.output.open("a") as file:
        for path in pictures:
            for row in _measure(path, known, bpp=args.bpp, preset=args.preset):
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(f"{row['picture']}: {row['codec']}, {len(row['points'])} points", file=sys.stderr, flush=True)
    print(summary(_read(args.output)))
    return 0


def _measure(path: Path, known: set[tuple[str, str]], *, bpp: float, preset: str) -> Iterator[dict]:  # type: ignore[type-arg]
    versions = {
        "diffdemo": __version__,
        "pillow": PIL.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    pixels = load_picture(path).pixels
    engine = Engine()
    height, width = pixels.shape[:2]

    def row(codec: str, points: list[CurvePoint], **settings: object) -> dict:  # type: ignore[type-arg]
        return {
            "picture": path.name,
            "codec": codec,
            "width": width,
            "height": height,
            "settings": settings,
            "points": [asdict(p) for p in points],
            "versions": versions,
        }

    for codec in available_codecs():
        if (path.name, codec) not in known:
            yield row(codec, engine.classical_curve(pixels, codec))
    if (path.name, "diffc mean") not in known or (path.name, "diffc flow") not in known:
        mean, flow = _diffc_curves(engine, pixels, bpp=bpp, preset=preset)
        yield row("diffc mean", mean, bpp=bpp, preset=preset)
        yield row("diffc flow", flow, bpp=bpp, preset=preset)


def _diffc_curves(
    engine: Engine, pixels: Pixels, *, bpp: float, preset: str
) -> tuple[list[CurvePoint], list[CurvePoint]]:
    for encoding in engine.encode(pixels, bpp=bpp, preset=preset):
        data = encoding.data

    def measured(decoder: str, share: float) -> CurvePoint:
        num_bytes = max(64, int(share * len(data)))
        picture = list(engine.decode(data, num_bytes=num_bytes, decoder=decoder))[-1].pixels
        bpp_here = bits_per_pixel(num_bytes, pixels.shape[1], pixels.shape[0])
        return CurvePoint(num_bytes, bpp_here, psnr_db(pixels, picture), ms_ssim(pixels, picture))

    mean = [measured("mean", share) for share in PREFIXES]
    # A dozen network evaluations a point: every other one has to do.
    return mean, [measured("flow", share) for share in PREFIXES[1::2]]


def _read(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def summary(rows: list[dict]) -> str:  # type: ignore[type-arg]
    """BD-rate in PSNR of the DiffC decoders against each classical codec, averaged over pictures, as a table."""
    curves: Curves = {}
    for row in rows:
        curves.setdefault(row["codec"], {})[row["picture"]] = [CurvePoint(**p) for p in row["points"]]
    lines = [f"{len(curves.get('diffc mean', {}))} pictures; BD-rate (PSNR, file bytes), mean over pictures"]
    for tested in ("diffc mean", "diffc flow"):
        for anchor in available_codecs():
            rates = [
                bd_rate(curves[anchor][picture], points)
                for picture, points in curves.get(tested, {}).items()
                if picture in curves.get(anchor, {})
            ]
            if rates:
                lines.append(f"{tested} against {anchor}: {np.mean(rates):+.1f} % (worst {max(rates):+.1f} %)")
    return "\n".join(lines)


def bd_rate(anchor: list[CurvePoint], tested: list[CurvePoint]) -> float:
    """Average difference in rate at equal PSNR, in percent; negative where `tested` needs fewer bits.

    Akima interpolation over the range of PSNR that both curves cover (package `bjontegaard`).
    """
    import bjontegaard

    def arrays(points: list[CurvePoint]) -> tuple[list[float], list[float]]:
        kept: list[CurvePoint] = []
        for p in sorted(points, key=lambda p: p.bpp):
            if not kept or p.psnr_db > kept[-1].psnr_db:
                kept.append(p)
        return [p.bpp for p in kept], [p.psnr_db for p in kept]

    return float(
        bjontegaard.bd_rate(
            *arrays(anchor), *arrays(tested), method="akima", require_matching_points=False, min_overlap=0
        )
    )
