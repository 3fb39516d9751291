"""What a batch leaves behind: a zip of its files, and a table for spreadsheets."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
import zipfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from diffdemo.engine.batch.compress import Outcome, Product, Progress
from diffdemo.images import to_png
from diffdemo.metrics.registry import When, until

TABLE = "table.csv"
_LONGEST_STEM = 80
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
"""Names that Windows keeps for devices, whatever their suffix."""
Row = list[str | int | float | None]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Archive:
    """Puts into a zip what pictures were turned into, and perhaps the decoded pictures as PNG files."""

    def __init__(self, opened: zipfile.ZipFile, *, with_pictures: bool) -> None:
        self._zip = opened
        self._with_pictures = with_pictures
        self._taken: set[str] = set()

    def add(self, name: str, product: Product) -> None:
        """Put in what a picture was turned into, under a name of its own that follows from the picture's."""
        stem = free_stem(name, self._taken)
        for suffix, data in files_of(product, with_pictures=self._with_pictures).items():
            self._zip.writestr(stem + suffix, data)


def archived(work: Generator[Progress], path: Path, *, with_pictures: bool) -> Generator[Progress]:
    """Follow a batch, and leave its files in a zip with a table once it has come to an end or been closed.

    Args:
        work: the batch; it is closed with this.
        path: of the zip. Neither kind of file becomes smaller by being compressed again, so it stores them.
    """
    outcomes: tuple[Outcome, ...] = ()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as opened, closing(work):
        archive = Archive(opened, with_pictures=with_pictures)
        try:
            for progress in work:
                outcomes = progress.outcomes
                if progress.product is not None:
                    archive.add(outcomes[-1].name, progress.product)
                yield progress
        finally:
            opened.writestr(TABLE, table(outcomes))


def files_of(product: Product, *, with_pictures: bool) -> dict[str, bytes]:
    """What is kept of a picture, by suffixes of files."""
    return {".difd": product.data} | ({".png": to_png(product.pixels)} if with_pictures else {})


def free_stem(name: str, taken: set[str]) -> str:
    """A file name without suffix that is safe on every system and none of the lower-case `taken`, to which it goes.

    Letters and digits of every script stay, and so do `-`, `_` and dots inside; everything else becomes `-`.
    """
    # Both kinds of separators count, whichever system the name comes from.
    stem = Path(name.replace("\\", "/")).stem
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in unicodedata.normalize("NFC", stem))
    safe = kept[:_LONGEST_STEM].strip(".-") or "picture"
    if safe.split(".")[0].lower() in _RESERVED:
        safe = f"_{safe}"
    number, free = 1, safe
    while free.casefold() in taken:
        number += 1
        free = f"{safe}-{number}"
    taken.add(free.casefold())
    return free


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as CSV, one line each, with a line of names first."""
    return table_of(map(row_of, outcomes))


def table_of(rows: Iterable[Row]) -> str:
    """The same of what `row_of` gives."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns())
    writer.writerows(rows)
    return out.getvalue()


def columns() -> list[str]:
    """Names of what the table tells of a picture."""
    size, jpeg = ("picture", "width", "height", "bytes", "bpp"), ("jpeg_bytes", "jpeg_psnr_db")
    return [*size, *until(When.REST), *jpeg, "seconds", "note", "error"]


def row_of(outcome: Outcome) -> Row:
    """What the table tells of a picture, in the order of `columns`."""
    name, note, error = (_as_text(text) for text in (outcome.name, outcome.note, outcome.error))
    if outcome.error:
        return [name, *[None] * (len(columns()) - 2), error]
    jpeg = outcome.jpeg
    return [
        name,
        outcome.width,
        outcome.height,
        outcome.num_bytes,
        _rounded(outcome.bpp),
        *(_rounded(outcome.values.get(name)) for name in until(When.REST)),
        None if jpeg is None else jpeg.num_bytes,
        None if jpeg is None else _rounded(jpeg.psnr_db),
        _rounded(outcome.seconds),
        note,
        error,
    ]


def _as_text(text: str) -> str:
    """Spreadsheets compute what begins like a formula, and uploads may be called anything."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _rounded(value: float | None) -> float | None:
    """A number for a cell; an empty one for an infinite PSNR, which spreadsheets would take for a word."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
