"""Rate-distortion curves that others have published, with their sources, from `assets/curves.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from diffdemo.shipped import ASSETS

FILE = ASSETS / "curves.json"
METRICS = ("psnr_db", "ms_ssim", "lpips", "fid")
"""What curves are about; of the last two less is better."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers were published.

    Attributes:
        title: of the publication.
        url: of the very file or folder, at a fixed version.
        licence: of the numbers; "not stated" where none is.
        note: on what was averaged, and on what the rates are.
    """

    title: str
    url: str
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class Published:
    """One curve.

    Attributes:
        dataset: what was compressed: "kodak", "cifar-10", "imagenet-64", or one picture, such as "kodak-23".
        label: the codec, in words for a plot.
        source: where it is from.
        metric: one of `METRICS`.
        unit: of the metric; "" for none.
        is_estimate: whether the rates are something else than sizes of files, or not known to be these.
        points: bits per pixel and value, by rising rate.
    """

    dataset: str
    label: str
    source: Source
    metric: str
    unit: str
    is_estimate: bool
    points: tuple[tuple[float, float], ...]


def published(dataset: str | None = None, metric: str | None = None) -> list[Published]:
    """All curves, or those of a dataset or metric, in the order of the file.

    Args:
        dataset, metric: as in `Published`; None for any. One that nobody has published about gives nothing.
    """
    return [
        curve
        for curve in _all()
        if (dataset is None or curve.dataset == dataset) and (metric is None or curve.metric == metric)
    ]


@cache
def _all() -> tuple[Published, ...]:
    content = json.loads(FILE.read_text())
    sources = {name: Source(**fields) for name, fields in content["sources"].items()}
    return tuple(_curves(content["curves"], sources))


def _curves(entries: Iterable[dict[str, Any]], sources: dict[str, Source]) -> Iterable[Published]:
    for entry in entries:
        points = tuple((float(bpp), float(value)) for bpp, value in entry["points"])
        yield Published(**(entry | {"source": sources[entry["source"]], "points": points}))
