"""Rate and distortion over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--bpp 2.0] [--preset balanced] [--decoders mean flow]

One line of JSON per picture and codec, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at its prefixes. The summary compares posterior mean, flow
and the classical codecs by Bjontegaard's delta rate.
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

FLOW_PREFIXES = (0.1, 0.25, 0.5, 1.0)
"""Shares of the file at which the flow is computed; the posterior mean comes for nothing after every step."""
LOWEST_PSNR = 25.0
"""In dB. BD-rates leave out what lies below, where JPEG has fallen to pieces and any comparison is flattering."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}

Curves = dict[str, dict[str, list[CurvePoint]]]


def main(argv: list[str]) -> int:
    """Measure what is missing from the results file, then print the summary; returns the exit status."""
    parser = argparse.ArgumentParser(prog="diffdemo evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="JSON lines; appended to")
    parser.add_argument("--bpp", type=float, default=2.0, help="rate of the files (default: 2.0)")
    parser.add_argument("--preset", choices=("fast", "balanced", "best"), default="balanced")
    parser.add_argument("--decoders", nargs="+", choices=("mean", "flow"), default=["mean", "flow"])
    args = parser.parse_args(argv)
    pictures = sorted(p for p in args.folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not pictures:
        print(f"diffdemo: there are no pictures in {args.folder}", file=sys.stderr)
        return 1
    known = {(row["picture"], row["codec"]) for row in _read(args.output)}
    with args.output.open("a") as file:
        for path in pictures:
            for row in _measure(path, known, bpp=args.bpp, preset=args.preset, decoders=args.decoders):
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(f"{row['picture']}: {row['codec']}, {len(row['points'])} points", file=sys.stderr, flush=True)
    print(summary(_read(args.output)))
    return 0


def _measure(
    path: Path, known: set[tuple[str, str]], *, bpp: float, preset: str, decoders: list[str]
) -> Iterator[dict]:  # type: ignore[type-arg]
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
    wanted = [d for d in decoders if (path.name, f"diffc {d}") not in known]
    if wanted:
        data = list(engine.encode(pixels, bpp=bpp, preset=preset))[-1].data
        for decoder in wanted:
            points = engine.curve(data) if decoder == "mean" else _flow_curve(engine, pixels, data)
            yield row(f"diffc {decoder}", points, bpp=bpp, preset=preset)


def _flow_curve(engine: Engine, pixels: Pixels, data: bytes) -> list[CurvePoint]:
    points = []
    for share in FLOW_PREFIXES:
        num_bytes = max(64, int(share * len(data)))
        picture = list(engine.decode(data, num_bytes=num_bytes, decoder="flow"))[-1].pixels
        bpp = bits_per_pixel(num_bytes, pixels.shape[1], pixels.shape[0])
        points.append(CurvePoint(num_bytes, bpp, psnr_db(pixels, picture), ms_ssim(pixels, picture)))
    return points


def _read(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def summary(rows: list[dict]) -> str:  # type: ignore[type-arg]
    """BD-rate in PSNR of the DiffC decoders against each classical codec, averaged over pictures, as a table."""
    curves: Curves = {}
    for row in rows:
        curves.setdefault(row["codec"], {})[row["picture"]] = [CurvePoint(**p) for p in row["points"]]
    lines = [
        f"{len(curves.get('diffc mean', {}))} pictures; BD-rate (PSNR from 25 dB on, file bytes), mean over pictures"
    ]
    for tested in ("diffc mean", "diffc flow"):
        for anchor in available_codecs():
            rates = [
                bd_rate(curves[anchor][picture], points)
                for picture, points in curves.get(tested, {}).items()
                if picture in curves.get(anchor, {})
            ]
            if rates:
                better = sum(rate < 0 for rate in rates)
                lines.append(
                    f"{tested} against {anchor}: {np.mean(rates):+.1f} % "
                    f"(worst {max(rates):+.1f} %, better on {better} of {len(rates)})"
                )
    return "\n".join(lines)


def bd_rate(anchor: list[CurvePoint], tested: list[CurvePoint]) -> float:
    """Average difference in rate at equal PSNR, in percent; negative where `tested` needs fewer bits.

    Akima interpolation over the range of PSNR that both curves cover from `LOWEST_PSNR` on (package `bjontegaard`).
    """
    import bjontegaard

    def arrays(points: list[CurvePoint]) -> tuple[list[float], list[float]]:
        kept: list[CurvePoint] = []
        for p in sorted(points, key=lambda p: p.bpp):
            if p.psnr_db >= LOWEST_PSNR and (not kept or p.psnr_db > kept[-1].psnr_db):
                kept.append(p)
        return [p.bpp for p in kept], [p.psnr_db for p in kept]

    return float(
        bjontegaard.bd_rate(
            *arrays(anchor), *arrays(tested), method="akima", require_matching_points=False, min_overlap=0
        )
    )
