"""What the lines of an evaluation say together: delta rates, mean curves, looks, and how CDC stands beside JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np

from diffdemo.engine.classical import available_codecs
from diffdemo.engine.look_tables import look_tables
from diffdemo.engine.mean_curves import Curves, flow_below_mean, mean_curve_tables
from diffdemo.engine.records import CurvePoint
from diffdemo.engine.sheet import Row
from diffdemo.engine.tables import aligned, mean

LOWEST_PSNR = 25.0
"""In dB. BD-rates leave out what lies below, where JPEG has fallen to pieces and any comparison is flattering."""

Latest = dict[str, dict[str, list[Row]]]
"""Codec to picture to points."""

HEAD = ("file", "pictures", "bytes", "bpp", "PSNR dB", "MS-SSIM", "JPEG bytes", "over JPEG dB", "least dB", "above on")


def summary(rows: Sequence[Row]) -> str:
    """BD-rates against the classical codecs, mean curves, looks at fixed rates, and a table for each curve of CDC.

    Args:
        rows: lines of a results file; of several for a codec and a picture the last one counts.
    """
    points: Latest = {}
    for row in rows:
        if "points" in row:
            points.setdefault(row["codec"], {})[row["picture"]] = row["points"]
    curves = {name: {picture: _curve(each) for picture, each in of.items()} for name, of in points.items()}
    num_pictures = len({row["picture"] for row in rows})
    lines = [f"{num_pictures} pictures; BD-rate (PSNR from 25 dB on, file bytes), mean over pictures"]
    tested = [name for name in points if name.split()[0] in ("diffc", "cdc")]
    for name in tested:
        for anchor in available_codecs():
            lines += _delta_rate(curves, anchor, name)
    lines += [*flow_below_mean(curves), "", *mean_curve_tables(curves)]
    lines += look_tables([row for row in rows if "looks" in row])
    for name in tested:
        if name.startswith("cdc"):
            lines += ["", *_cdc_table(name, list(points[name].values()))]
    return "\n".join(lines)


def _delta_rate(curves: Curves, anchor: str, tested: str) -> Iterator[str]:
    pictures = [picture for picture in curves[tested] if picture in curves.get(anchor, {})]
    if not pictures:
        return
    all_rates = [bd_rate(curves[anchor][p], curves[tested][p]) for p in pictures]
    rates = [rate for rate in all_rates if rate is not None]
    if not rates:
        yield f"{tested} against {anchor}: no qualities in common from {LOWEST_PSNR:g} dB on"
        return
    better = sum(rate < 0 for rate in rates)
    left_out = f"; nothing in common on {len(pictures) - len(rates)}" if len(rates) < len(pictures) else ""
    yield (
        f"{tested} against {anchor}: {np.mean(rates):+.1f} % "
        f"(worst {max(rates):+.1f} %, better on {better} of {len(rates)}{left_out})"
    )


def bd_rate(anchor: Sequence[CurvePoint], tested: Sequence[CurvePoint]) -> float | None:
    """Average difference in rate at equal PSNR, in percent; negative where `tested` needs fewer bits.

    Akima interpolation over the range of PSNR that both curves cover from `LOWEST_PSNR` on (package `bjontegaard`).

    Returns:
        None if there is no such range.
    """
    import bjontegaard

    curves = _rising(anchor), _rising(tested)
    if min(map(len, curves)) < 2:
        return None
    if max(curve[0].psnr_db for curve in curves) >= min(curve[-1].psnr_db for curve in curves):
        return None
    arrays = [[getattr(p, name) for p in curve] for curve in curves for name in ("bpp", "psnr_db")]
    return float(bjontegaard.bd_rate(*arrays, method="akima", require_matching_points=False, min_overlap=0))


def _rising(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Those points from `LOWEST_PSNR` on that are better than all that cost less."""
    kept: list[CurvePoint] = []
    for p in sorted(points, key=lambda p: p.bpp):
        if p.psnr_db >= LOWEST_PSNR and (not kept or p.psnr_db > kept[-1].psnr_db):
            kept.append(p)
    return kept


def _curve(points: Sequence[Row]) -> list[CurvePoint]:
    # Older files lack what was not measured then, and points of CDC say more.
    names = [field.name for field in fields(CurvePoint)]
    return [CurvePoint(**{name: point[name] for name in names if name in point}) for point in points]


def _cdc_table(name: str, pictures: Sequence[Sequence[Row]]) -> Iterator[str]:
    """Means over pictures for each quantisation step, beside the smallest JPEG of as many bytes or more."""
    groups: dict[str, list[Row]] = {}
    for points in pictures:
        for point in points:
            groups.setdefault(_file_label(point), []).append(point)
    yield f"{name}: means over pictures; JPEG is the smallest file of as many bytes or more"
    table = [HEAD, *(_cells(label, group) for label, group in groups.items())]
    yield from aligned(table)
    yield _verdict([_gains(group) for group in groups.values()])


def _file_label(point: Row) -> str:
    target = point["target_bpp"]
    return f"delta {point['delta']:.2f}" if target is None else f"{target:g} bpp"


def _cells(label: str, group: list[Row]) -> tuple[str, ...]:
    rivals = [point["jpeg"]["num_bytes"] for point in group if point["jpeg"] is not None]
    gains = _gains(group)
    return (
        label,
        str(len(group)),
        mean([point["num_bytes"] for point in group], ",.0f"),
        mean([point["bpp"] for point in group], ".3f"),
        mean([point["psnr_db"] for point in group], ".2f"),
        mean([point["ms_ssim"] for point in group if point["ms_ssim"] is not None], ".4f"),
        mean(rivals, ",.0f"),
        mean(gains, "+.2f"),
        f"{min(gains):+.2f}" if gains else "-",
        f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
    )


def _gains(group: list[Row]) -> list[float]:
    """PSNR over that of the JPEG, for the files that have one beside them."""
    return [point["psnr_db"] - point["jpeg"]["psnr_db"] for point in group if point["jpeg"] is not None]


def _verdict(gains: list[list[float]]) -> str:
    known = [group for group in gains if group]
    above = sum(np.mean(group) > 0 for group in known)
    files = [gain for group in known for gain in group]
    return (
        f"above JPEG in the mean at {above} of {len(known)} points, "
        f"for {sum(gain > 0 for gain in files)} of {len(files)} files"
    )
