"""What the lines of an evaluation say together: delta rates, mean curves, looks, and how CDC stands beside JPEG."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from diffdemo.codecs.registry import CODECS
from diffdemo.engine.classical import formats
from diffdemo.measure.comparison.delta_rate import METHOD, delta_rate
from diffdemo.measure.comparison.matched_pairs import matched_pairs, pairs_table
from diffdemo.measure.comparison.mean_curves import Curves, flow_below_mean, mean_curve_tables
from diffdemo.measure.comparison.other_metrics import other_metrics_table
from diffdemo.measure.comparison.published_table import averaging_check, own_curves, published_table
from diffdemo.measure.datasets.known import set_of
from diffdemo.measure.looks.tables import look_tables
from diffdemo.measure.results.curves import curves_of, latest
from diffdemo.measure.results.joined import joined
from diffdemo.measure.results.lines import Row, codec_of, picture_key
from diffdemo.measure.tables import counted, mean
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.published import Published, published
from diffdemo.metrics.registry import BASE, METRICS, Metric, When
from diffdemo.plain_text import aligned

MEASURED_FIELDS = {"num_bytes", "bpp", "target_bpp", "jpeg", *METRICS}
"""Of a point; what else it has is stated by the file."""


def summary(rows: Sequence[Row], others: Sequence[Published] = ()) -> str:
    """BD-rates and matched pairs against the classical codecs, mean curves, looks, and a table for each curve of files.

    Args:
        rows: lines of a results file; of several for a codec and a picture the last one counts, unless they are about
            models of one rate each. Pictures are told apart by their hash, or where lines have none by their name.
        others: curves of PSNR that somebody has published about exactly these pictures.
    """
    rows, with_points = joined(rows), latest(rows)
    curves = curves_of(with_points)
    files: dict[str, list[list[Row]]] = {}
    for row in with_points:
        files.setdefault(row["codec"], []).append(row["points"])
    num_pictures = counted(len({picture_key(row) for row in rows}), "picture")
    lines = [f"{num_pictures}; {METHOD}", *_lossless(curves)]
    tested = [name for name in curves if codec_of(name)]
    pairs = [(anchor, name) for name in tested for anchor in formats.measured()]
    lines += [rate.text() for pair in pairs if (rate := delta_rate(curves, *pair)) is not None]
    lines += pairs_table([found for pair in pairs if (found := matched_pairs(curves, *pair)) is not None])
    lines += other_metrics_table(curves, pairs)
    lines += _beside_published(curves, {picture_key(row) for row in rows}, others)
    lines += [*flow_below_mean(curves), "", *mean_curve_tables(curves)]
    lines += look_tables([row for row in rows if "looks" in row])
    for name in tested:
        if not CODECS[codec_of(name)].is_embedded:
            lines += ["", *_file_table(name, files[name])]
    return "\n".join(lines)


def _beside_published(curves: Curves, pictures: Collection[str], others: Sequence[Published]) -> Iterator[str]:
    """Curves that come along where the pictures are a set that they are about, and those of files."""
    dataset = set_of(pictures)
    known = [*(published(dataset, BASE) if dataset else ()), *others]
    whole = own_curves(curves, frozenset(pictures))
    tables = [line for name in whole if codec_of(name) for line in published_table(name, whole[name], known)]
    yield from tables
    if tables:
        yield from averaging_check({name: whole[name] for name in whole if not codec_of(name)})


def _lossless(curves: Curves) -> Iterator[str]:
    """How many points have no place on an axis of PSNR, in all and of each codec."""
    missing = {
        codec: sum(not point.is_finite for points in pictures.values() for point in points)
        for codec, pictures in curves.items()
    }
    named = ", ".join(f"{codec} {number}" for codec, number in missing.items() if number)
    if named:
        yield f"{counted(sum(missing.values()), 'lossless point')} left out ({named})"


def _psnr_db(point: Row) -> float:
    return CurvePoint.from_json(point).psnr_db


def _file_table(name: str, pictures: Sequence[Sequence[Row]]) -> Iterator[str]:
    """Means over pictures for each quantisation step, beside the smallest JPEG of as many bytes or more."""
    groups: dict[str, list[Row]] = {}
    for points in pictures:
        for point in points:
            groups.setdefault(_file_label(point), []).append(point)
    yield f"{name}: means over pictures; JPEG is the smallest file of as many bytes or more"
    metrics = [
        metric
        for metric in METRICS.values()
        if metric.when < When.ASKED or any(_known(metric, group) for group in groups.values())
    ]
    names = (f"{metric.label} {metric.unit}".rstrip() for metric in metrics)
    head = ("file", "pictures", "bytes", "bpp", *names, "JPEG bytes", "over JPEG dB", "least dB", "above on")
    yield from aligned([head, *(_cells(label, group, metrics) for label, group in groups.items())])
    for label, group in groups.items():
        yield from _fewer_rivals(label, group)
    yield _verdict([_gains(group) for group in groups.values()])


def _file_label(point: Row) -> str:
    """What a file was to be: a rate, or else what its codec states, such as a quantisation step."""
    if point["target_bpp"] is not None:
        return f"{point['target_bpp']:g} bpp"
    facts = {name: value for name, value in point.items() if name not in MEASURED_FIELDS and value is not None}
    return ", ".join(f"{name} {_figure(value)}" for name, value in facts.items())


def _figure(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _cells(label: str, group: list[Row], metrics: Sequence[Metric]) -> tuple[str, ...]:
    gains = _gains(group)
    return (
        label,
        str(len(group)),
        mean([point["num_bytes"] for point in group], ",.0f"),
        mean([point["bpp"] for point in group], ".3f"),
        *(mean(_known(metric, group), metric.digits) for metric in metrics),
        mean([point["jpeg"]["num_bytes"] for point in _with_rival(group)], ",.0f"),
        mean(gains, "+.2f"),
        f"{min(gains):+.2f}" if gains else "-",
        f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
    )


def _known(metric: Metric, group: list[Row]) -> list[float]:
    return [point[metric.name] for point in group if point.get(metric.name) is not None]


def _fewer_rivals(label: str, group: list[Row]) -> Iterator[str]:
    """Both means over the same files, where not all have a JPEG: bytes above are those of all."""
    beside = _with_rival(group)
    if 0 < len(beside) < len(group):
        own, jpeg = ([point["num_bytes"] for point in points] for points in (beside, [p["jpeg"] for p in beside]))
        yield (
            f"on the {len(beside)} of {counted(len(group), 'file')} at {label} that have a JPEG beside them: "
            f"{mean(own, ',.0f')} bytes, JPEG {mean(jpeg, ',.0f')}"
        )


def _with_rival(group: list[Row]) -> list[Row]:
    return [point for point in group if point.get("jpeg") is not None]


def _gains(group: list[Row]) -> list[float]:
    """PSNR over that of the JPEG, for the files that have one beside them, unless one of the two is lossless."""
    gains = [_psnr_db(point) - _psnr_db(point["jpeg"]) for point in _with_rival(group)]
    return [gain for gain in gains if math.isfinite(gain)]


def _verdict(gains: list[list[float]]) -> str:
    known = [group for group in gains if group]
    above = sum(np.mean(group) > 0 for group in known)
    files = [gain for group in known for gain in group]
    return (
        f"above JPEG in the mean at {above} of {len(known)} points, "
        f"for {sum(gain > 0 for gain in files)} of {len(files)} files"
    )
