"""Rate-distortion curves that others have published, with their sources: those that come along, and files of others.

What comes along lies in `assets/curves.json`. Files are read in CompressAI's format of results: an object with `name`
and `results`, in which `bpp` and metrics are lists of one length (github.com/InterDigitalInc/CompressAI, results/).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from diffdemo.errors import DiffDemoError
from diffdemo.shipped import ASSETS

FILE = ASSETS / "curves.json"
COMPRESSAI_PSNR = ("psnr-rgb", "psnr")
"""Under which names CompressAI's files have PSNR over the three channels."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers were published.

    Attributes:
        title: of the publication.
        url: of the very file or folder, at a fixed version; "" for a file of one's own.
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
        dataset: what was compressed: "kodak", "cifar-10", "imagenet-64", or one picture, such as "kodak-23"; "" if
            nobody says.
        label: the codec, in words for a plot.
        source: where it is from.
        metric: its name in the registry, or "fid".
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

    @property
    def rate_is(self) -> str:
        """What the rates are, in a word."""
        return "estimate" if self.is_estimate else "file"


def published(dataset: str | None = None, metric: str | None = None) -> list[Published]:
    """All curves that come along, or those of a dataset or metric, in the order of the file.

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


def read_results(path: Path) -> Published:
    """PSNR over rate from a file in CompressAI's format, such as `evaluate --export` writes too.

    Whether its rates are files or estimates it says in `rate`, "file" or "estimate"; CompressAI's own files do not, and
    what is not said counts as an estimate. `source` and `hardware` are kept where they are said.

    Raises:
        DiffDemoError: it cannot be read, or is no such file.
    """
    try:
        content = json.loads(path.read_text())
        name, results = content.get("name", path.stem), content["results"]
        values = next(results[key] for key in COMPRESSAI_PSNR if key in results)
        points = sorted((float(bpp), float(value)) for bpp, value in zip(results["bpp"], values, strict=True))
    except OSError as error:
        raise DiffDemoError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise _refusal(path) from error
    if not points or not all(bpp > 0 and math.isfinite(bpp) and math.isfinite(value) for bpp, value in points):
        raise _refusal(path)
    note = f"{content.get('description', '')}. Measured on: {content.get('hardware', 'not said')}."
    source = Source(str(content.get("source", path.name)), "", "not stated", note.lstrip(". "))
    return Published("", str(name), source, "psnr_db", "dB", content.get("rate") != "file", tuple(points))


def _refusal(path: Path) -> DiffDemoError:
    return DiffDemoError(
        f"'{path}' is not a file of results in CompressAI's format: an object with 'results' was expected, in which "
        "'bpp' and 'psnr-rgb' (or 'psnr') are lists of positive rates and of decibels, equally long."
    )
