"""A batch in words: its table, and the line that says how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from diffdemo.engine.batch.compress import Outcome, Progress
from diffdemo.engine.batch.means import Means, means
from diffdemo.metrics.registry import BASE, METRICS, Values, When, until
from diffdemo.plain_text import duration
from diffdemo.ui import words

EMPTY = (
    "<p>No pictures yet. Choose some, press Start, and each becomes a file; here you read how large and how good it "
    "is, and what JPEG makes of as many bytes.</p>"
)
_NONE = "-"


def batch_table(outcomes: Sequence[Outcome]) -> str:
    """The pictures that are done, a row each, and a row of means below."""
    rows = "".join(_row(outcome) for outcome in outcomes)
    average = means(outcomes)
    foot = f"<tfoot>{_mean_row(average)}</tfoot>" if average.files > 1 else ""
    grid = words.table("batch", _heads(), rows, foot)
    # It scrolls sideways on a phone, and what scrolls has to be within reach of the keyboard.
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Pictures of the batch">{grid}</div>'


def _row(outcome: Outcome) -> str:
    note = f"<small>{escape(outcome.note)}</small>" if outcome.note else ""
    name = f'<th scope="row"><span>{escape(outcome.name)}</span>{note}</th>'
    if outcome.error:
        reason = f'<td colspan="{len(_heads()) - 1}"><span>{escape(outcome.error)}</span></td>'
        return f'<tr class="failed">{name}{reason}</tr>'
    cells = (
        f"{outcome.width} x {outcome.height}",
        f"{outcome.num_bytes:,}",
        f"{outcome.bpp:.3f}",
        *_values(outcome.values),
        words.quality(outcome.jpeg.psnr_db) if outcome.jpeg else "none so small",
        duration(outcome.seconds),
    )
    return f"<tr>{name}{words.cells(cells)}</tr>"


def _mean_row(average: Means) -> str:
    cells = (
        "",
        f"{average.num_bytes / average.files:,.0f}",
        f"{average.bpp:.3f}",
        *_values(average.values),
        _mean_jpeg(average),
        _NONE if average.seconds is None else duration(average.seconds),
    )
    return f'<tr><th scope="row">mean of {average.files} files</th>{words.cells(cells)}</tr>'


def _mean_jpeg(average: Means) -> str:
    """JPEG's mean; where some pictures have no JPEG, ours of the same ones as well, for that alone compares with it."""
    if not average.rivals:
        return _NONE
    jpeg = words.quality(average.jpeg_psnr_db)
    if average.rivals == average.files:
        return jpeg
    return f"{jpeg} of {average.rivals}, ours of these {words.quality(average.paired_psnr_db)}"


def _heads() -> list[str]:
    labels = (METRICS[name].label for name in until(When.REST))
    return ["picture", "size", "bytes", "bpp", *labels, "JPEG, same bytes", "time"]


def _values(values: Values) -> list[str]:
    """A cell for each metric; nothing in it where that is undefined, as for pictures that are too small."""
    cells = []
    for name in until(When.REST):
        value = values.get(name)
        number = words.quality if name == BASE else METRICS[name].number
        cells.append(_NONE if value is None else number(value))
    return cells


def working(progress: Progress) -> str:
    """The line that moves: which picture, and how long the rest takes."""
    left = "" if progress.seconds_left is None else f", about {duration(progress.seconds_left)} left"
    number = min(len(progress.outcomes) + 1, progress.count)
    return words.status(f"Picture {number} of {progress.count}{left} · {progress.name}", progress.share)


def ended(outcomes: Sequence[Outcome], count: int, seconds: float) -> str:
    """The line when the batch has come to its end, by itself or by Cancel."""
    if not outcomes:
        return words.status("Cancelled before the first picture was done.", 0.0)
    average = means(outcomes)
    files = f"{average.files} file" + ("" if average.files == 1 else "s")
    facts = [f"{files}, {words.size(average.num_bytes)} in all"]
    if average.errors:
        facts.append(f"{average.errors} could not be compressed" if average.files else "none could be compressed")
    start = f"All {count} done" if len(outcomes) == count else f"Cancelled after {len(outcomes)} of {count}"
    return words.status(f"{start} in {duration(seconds)}: {'; '.join(facts)}.", len(outcomes) / count)
