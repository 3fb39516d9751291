"""Realism, FID, KID and blotches of all codecs at equal rates, from the lines of a results file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from diffdemo.measure.looks.points import ORIGINAL
from diffdemo.measure.results.lines import Row, picture_key
from diffdemo.measure.tables import comparable, counted, mean
from diffdemo.metrics.sets.patches import Distance, Features, features_from_text
from diffdemo.metrics.sets.realism import MIN_PATCHES, REVISION, between_halves
from diffdemo.metrics.sets.registry import INCEPTION, SET_METRICS, STATISTICS, Description, SetMetric
from diffdemo.plain_text import aligned

Looks = Mapping[str, Row]
"""Picture to the look at one rate."""


def look_tables(rows: Sequence[Row]) -> Iterator[str]:
    """A table for each rate.

    Args:
        rows: lines of a results file that have looks; of several for a codec and a picture the last one counts.
    """
    originals, by_rate = looks_at_rates(rows)
    if not by_rate:
        return
    yield f"Looks: realism is a distance between statistics of {MIN_PATCHES} patches or more, less is better;"
    yield "blotches are levels (rms) of the error below 1/16 cycle per pixel in flat regions."
    yield "All rows of a table are over the same pictures."
    nothing = between_halves([_features(look, STATISTICS) for look in originals.values()])
    if nothing is not None and nothing.error is not None:
        yield f"Between halves of the originals realism is {nothing.value:.4f} +- {nothing.error:.4f}."
    if patches := sum(len(_features(look, INCEPTION)) for look in originals.values() if INCEPTION.name in look):
        yield f"FID and KID are over {patches:,} patches; FID can be compared at equally many only."
    for rate, codecs in by_rate.items():
        yield ""
        yield f"at most {rate:g} bpp"
        yield from _table(codecs, originals)


def looks_at_rates(rows: Sequence[Row]) -> tuple[Looks, dict[float, dict[str, Looks]]]:
    """Originals by picture; and by rising rate, then by codec, what each codec makes of them."""
    rows = [row for row in rows if row["settings"].get("features") == REVISION]
    originals = {picture_key(row): row["looks"][0] for row in rows if row["codec"] == ORIGINAL}
    latest = {(row["codec"], picture_key(row)): row["looks"] for row in rows if row["codec"] != ORIGINAL}
    by_rate: dict[float, dict[str, dict[str, Row]]] = {}
    for (codec, picture), looks in latest.items():
        for look in looks:
            by_rate.setdefault(look["rate"], {}).setdefault(codec, {})[picture] = look
    return originals, {rate: {**codecs} for rate, codecs in sorted(by_rate.items())}


def on_same_pictures(codecs: Mapping[str, Looks]) -> dict[str, Looks]:
    """Codecs that may stand beside each other, with the pictures that all of them have."""
    names, shared = comparable(codecs)
    return {name: {picture: codecs[name][picture] for picture in sorted(shared)} for name in names}


def distances(metric: SetMetric, codecs: Mapping[str, Looks], originals: Looks) -> dict[str, Distance]:
    """Of those codecs that have what the metric is computed from, over the pictures of which all these have it."""
    name = metric.of.name
    having = {codec: looks for codec, looks in codecs.items() if any(name in look for look in looks.values())}
    pictures = [
        picture
        for picture, look in originals.items()
        if name in look and all(name in looks.get(picture, ()) for looks in having.values())
    ]
    own = [_features(originals[picture], metric.of) for picture in pictures]
    found = {
        codec: metric.distance(own, [_features(looks[picture], metric.of) for picture in pictures])
        for codec, looks in having.items()
    }
    return {codec: each for codec, each in found.items() if each is not None}


def _table(codecs: Mapping[str, Looks], originals: Looks) -> Iterator[str]:
    """Of one rate. What is left out to compare like with like is said below."""
    kept = on_same_pictures(codecs)
    shared = next(iter(kept.values()))
    columns = [column for metric in SET_METRICS for column in _columns(metric, distances(metric, kept, originals))]
    finite = [p for p in shared if all(looks[p]["psnr_db"] is not None for looks in kept.values())]
    head = ("codec", "pictures", "bpp", "PSNR dB", *(label for label, _ in columns), "blotches luma", "chroma")
    cells = [
        _cells(codec, looks, finite, [column.get(codec, "-") for _, column in columns]) for codec, looks in kept.items()
    ]
    yield from aligned([head, *cells])
    fewer = [f"{name} ({counted(len(codecs[name]), 'picture')})" for name in codecs if name not in kept]
    if fewer:
        yield f"left out, with so small a file of less than half of the pictures: {', '.join(fewer)}"
    every = len({picture for looks in codecs.values() for picture in looks})
    if len(shared) < every:
        yield f"{counted(every - len(shared), 'picture')} left out of which not all of these have one"
    if len(finite) < len(shared):
        yield f"{counted(len(shared) - len(finite), 'picture')} with a lossless file left out of PSNR"


def _columns(metric: SetMetric, found: Mapping[str, Distance]) -> Iterator[tuple[str, dict[str, str]]]:
    """Heading, and cells by codec, of values and of their errors, where there are any."""
    if found:
        yield metric.label, {codec: f"{each.value:{metric.digits}}" for codec, each in found.items()}
    errors = {codec: f"{each.error:{metric.digits}}" for codec, each in found.items() if each.error is not None}
    if errors:
        yield "+-", errors


def _cells(codec: str, looks: Looks, finite: Sequence[str], of_sets: Collection[str]) -> tuple[str, ...]:
    """A row; `finite` are the pictures of which no codec of the table has a lossless file."""
    slow = [look["blotches"] for look in looks.values() if look.get("blotches") is not None]
    return (
        codec,
        str(len(looks)),
        mean([look["bpp"] for look in looks.values()], ".3f"),
        mean([looks[picture]["psnr_db"] for picture in finite], ".2f"),
        *of_sets,
        _pooled(slow, "luma"),
        _pooled(slow, "chroma"),
    )


def _pooled(slow: Sequence[Row], plane: str) -> str:
    """Root mean square over all flat places of all pictures."""
    if not slow:
        return "-"
    power = np.average([each[plane] ** 2 for each in slow], weights=[each["share"] for each in slow])
    return f"{np.sqrt(power):.2f}"


def _features(look: Row, of: Description) -> Features:
    return features_from_text(look[of.name], of.numbers)
