"""This tree against an earlier one, by their command lines: time, memory, and bits at equal quality.

    git worktree add ../earlier v0.6
    python -m diffdemo bench against ../earlier [PICTURE ...] [--bpp 0.05 0.5] [--preset fast ...] [--model NAME]

Both trees code the same pictures in turn, so that whatever else the machine does slows both. Without pictures, the
shipped photograph of a coffee cup at 768x512 and 0.5 bits per pixel.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diffdemo.codecs.records import Preset
from diffdemo.codecs.rendering import Decoder
from diffdemo.engine.examples import example_pixels
from diffdemo.errors import DiffDemoError
from diffdemo.measure.bench.cdc import Row

SIZE = (768, 512)
BPP = 0.5
HERE = Path(__file__).resolve().parents[3]


def bench_against(
    earlier: Path, pictures: Sequence[str], rates: Sequence[float], presets: Sequence[Preset], model: str | None = None
) -> Iterator[Row]:
    """Rows of both trees side by side.

    Args:
        earlier: root of the other tree, whose command line is `python -m diffdemo` as ours is.
        pictures: to code at each of the rates with each preset; with none, times of one photograph.
        rates: in bits per pixel.
        presets: of `pictures`.
        model: of `pictures`, which both trees have; None for the default of each.

    Raises:
        DiffDemoError: there is no such tree, or one of its commands fails.
    """
    if not (earlier / "diffdemo" / "__main__.py").is_file():
        raise DiffDemoError(f"There is no diffdemo in '{earlier}'; please name the root of another checkout.")
    with_model = ("--model", model) if model else ()
    with tempfile.TemporaryDirectory() as folder:
        if not pictures:
            yield from _times(earlier, Path(folder))
        for preset in presets if pictures else ():
            yield from _rates(earlier, pictures, rates, preset, with_model, Path(folder))


def _times(earlier: Path, folder: Path) -> Iterator[Row]:
    """Encode and decode of one photograph, ours over theirs."""
    picture, file, decoded = folder / "picture.png", folder / "file.difd", folder / "decoded.png"
    Image.fromarray(np.asarray(Image.fromarray(example_pixels("coffee")).resize(SIZE))).save(picture)
    for preset in (Preset.FAST, Preset.BALANCED):
        encode = ("encode", str(picture), "-o", str(file), "--bpp", str(BPP), "--preset", preset.value)
        yield {"what": f"encode, {preset.value}", **_both(earlier, [encode], encode)}
        for decoder in (Decoder.MEAN, Decoder.FLOW):
            decode = ("decode", str(file), "-o", str(decoded), "--decoder", decoder.value)
            yield {"what": f"decode to {decoder.value}, {preset.value}", **_both(earlier, [encode], decode)}


def _both(earlier: Path, before: Sequence[Sequence[str]], command: Sequence[str]) -> Row:
    """Seconds and memory of a command in both trees; `before` makes what it reads."""
    found = {}
    for name, tree in (("earlier", earlier), ("now", HERE)):
        for each in before:
            _run(tree, each)
        report, peak = _run(tree, command)
        found[name] = (float(report["seconds"]), peak)
    (theirs, their_peak), (ours, our_peak) = found["earlier"], found["now"]
    return {
        "earlier s": theirs,
        "now s": ours,
        "now / earlier": ours / theirs,
        "earlier MiB": their_peak,
        "now MiB": our_peak,
    }


def _rates(
    earlier: Path, pictures: Sequence[str], rates: Sequence[float], preset: Preset, more: Sequence[str], folder: Path
) -> Iterator[Row]:
    """Quality of every file, and how many bytes ours take for the quality of theirs: the mean over the pictures."""
    file = folder / "file.difd"
    curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
    seconds: dict[tuple[str, float], float] = {}
    for picture in pictures:
        for bpp in rates:
            for name, tree in (("earlier", earlier), ("now", HERE)):
                command = ("encode", picture, "-o", str(file), "--bpp", str(bpp), "--preset", preset.value)
                report, _ = _run(tree, (*command, *more))
                curves.setdefault((name, picture), []).append((report["num_bytes"], report["psnr_db"]))
                seconds[name, bpp] = seconds.get((name, bpp), 0.0) + report["seconds"]
    for number, bpp in enumerate(rates):
        ratios = [_bytes_ratio(curves["earlier", each], curves["now", each], number) for each in pictures]
        known = [ratio for ratio in ratios if ratio is not None]
        yield {
            "preset": preset.value,
            "bpp": bpp,
            "pictures": len(known),
            "earlier dB": float(np.mean([curves["earlier", each][number][1] for each in pictures])),
            "now dB": float(np.mean([curves["now", each][number][1] for each in pictures])),
            "bytes for the earlier dB": float(np.exp(np.mean(np.log(known)))) if known else math.nan,
            "time": seconds["now", bpp] / seconds["earlier", bpp],
        }


def _bytes_ratio(theirs: list[tuple[float, float]], ours: list[tuple[float, float]], number: int) -> float | None:
    """Bytes that our curve takes for the quality of one of their files, over that file's; None beyond our curve.

    At the ends, the two nearest points lead on: files of equal bytes differ by a tenth of a dB.
    """
    num_bytes, psnr_db = theirs[number]
    points = sorted(ours, key=lambda point: point[1])
    if len(points) < 2:
        return None
    after = min(
        max(1, next((i for i, point in enumerate(points) if point[1] >= psnr_db), len(points))), len(points) - 1
    )
    (low_bytes, low), (high_bytes, high) = points[after - 1], points[after]
    if high <= low:
        return None
    log_bytes = math.log(low_bytes) + (psnr_db - low) / (high - low) * math.log(high_bytes / low_bytes)
    return math.exp(log_bytes) / num_bytes


def _run(tree: Path, command: Sequence[str]) -> tuple[dict[str, Any], int]:
    """What a command of a tree reports, and the most memory that it had, in MiB."""
    arguments = [sys.executable, "-m", "diffdemo", *(_absolute(each) for each in command), "--json"]
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(arguments, cwd=tree, stdout=said, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode()
    if child.returncode:
        raise DiffDemoError(f"'diffdemo {' '.join(command)}' failed in '{tree.name}'.")
    return json.loads(text), usage.ru_maxrss // 1024


def _absolute(argument: str) -> str:
    """Paths of pictures, which each tree reads from its own root."""
    return str(Path(argument).resolve()) if Path(argument).is_file() else argument
