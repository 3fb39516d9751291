"""Realism and blotches of all codecs at equal rates, from the lines of a results file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from diffdemo.measure.perceptual_points import ORIGINAL
from diffdemo.measure.results.lines import Row, picture_key
from diffdemo.measure.tables import comparable, counted, mean
from diffdemo.metrics.realism import REVISION, Features, between_halves, distance, features_from_text
from diffdemo.plain_text import aligned

Looks = dict[str, Row]
"""Picture to the look at one rate."""
HEAD = ("codec", "pictures", "bpp", "PSNR dB", "realism", "+-", "blotches luma", "chroma")


def look_tables(rows: Sequence[Row]) -> Iterator[str]:
    """A table for each rate.

    Args:
        rows: lines of a results file that have looks; of several for a codec and a picture the last one counts.
    """
    rows = [row for row in rows if row["settings"].get("features") == REVISION]
    originals = {picture_key(row): _features(row["looks"][0]) for row in rows if row["codec"] == ORIGINAL}
    latest = {(row["codec"], picture_key(row)): row["looks"] for row in rows if row["codec"] != ORIGINAL}
    by_rate: dict[float, dict[str, Looks]] = {}
    for (codec, picture), looks in latest.items():
        for look in looks:
            by_rate.setdefault(look["rate"], {}).setdefault(codec, {})[picture] = look
    if not by_rate:
        return
    yield "Looks: realism is a distance between statistics of patches, less is better; blotches are levels (rms) of the"
    yield "error below 1/16 cycle per pixel in flat regions. All rows of a table are over the same pictures."
    nothing = between_halves(list(originals.values()))
    if nothing is not None and nothing.error is not None:
        yield f"Between halves of the originals realism is {nothing.value:.4f} +- {nothing.error:.4f}."
    for rate, codecs in sorted(by_rate.items()):
        yield ""
        yield f"at most {rate:g} bpp"
        yield from _table(codecs, originals)


def _table(codecs: dict[str, Looks], originals: dict[str, Features]) -> Iterator[str]:
    """Of one rate. What is left out to compare like with like is said below."""
    names, shared = comparable(codecs)
    kept = {name: {picture: codecs[name][picture] for picture in sorted(shared)} for name in names}
    yield from aligned([HEAD, *(_cells(codec, looks, originals) for codec, looks in kept.items())])
    fewer = [f"{name} ({counted(len(codecs[name]), 'picture')})" for name in codecs if name not in names]
    if fewer:
        yield f"left out, with so small a file of less than half of the pictures: {', '.join(fewer)}"
    every = len({picture for looks in codecs.values() for picture in looks})
    if len(shared) < every:
        yield f"{counted(every - len(shared), 'picture')} left out of which not all of these have one"
    lossless = sum(look["psnr_db"] is None for looks in kept.values() for look in looks.values())
    if lossless:
        yield f"{counted(lossless, 'lossless file')} left out of PSNR"


def _cells(codec: str, looks: Looks, originals: dict[str, Features]) -> tuple[str, ...]:
    pictures = [picture for picture in looks if picture in originals]
    found = distance([originals[p] for p in pictures], [_features(looks[p]) for p in pictures])
    slow = [look["blotches"] for look in looks.values() if look.get("blotches") is not None]
    return (
        codec,
        str(len(looks)),
        mean([look["bpp"] for look in looks.values()], ".3f"),
        mean([look["psnr_db"] for look in looks.values() if look["psnr_db"] is not None], ".2f"),
        "-" if found is None else f"{found.value:.3f}",
        "-" if found is None or found.error is None else f"{found.error:.3f}",
        _pooled(slow, "luma"),
        _pooled(slow, "chroma"),
    )


def _pooled(slow: Sequence[Row], plane: str) -> str:
    """Root mean square over all flat places of all pictures."""
    if not slow:
        return "-"
    power = np.average([each[plane] ** 2 for each in slow], weights=[each["share"] for each in slow])
    return f"{np.sqrt(power):.2f}"


def _features(look: Row) -> Features:
    return features_from_text(look["features"])
