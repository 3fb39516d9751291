"""A report on an evaluation as one HTML file that needs nothing else: curves, tables, pictures, how it was measured."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import plotly.io
from plotly.offline import get_plotlyjs

from diffdemo.engine.classical import formats
from diffdemo.images import Pixels, to_png
from diffdemo.measure.comparison.delta_rate import METHOD, Pictures, delta_rate
from diffdemo.measure.comparison.matched_pairs import TOLERANCE_DB, matched_pairs
from diffdemo.measure.comparison.published_table import HEAD as PUBLISHED_HEAD
from diffdemo.measure.comparison.published_table import differences, own_curves
from diffdemo.measure.datasets.known import set_of
from diffdemo.measure.plates import Plate
from diffdemo.measure.report.environment import facts, settings
from diffdemo.measure.report.figures import figures, set_figures
from diffdemo.measure.results.curves import curves_of, latest
from diffdemo.measure.results.lines import Row, codec_of, picture_key
from diffdemo.measure.summary import summary
from diffdemo.measure.writing import write_text
from diffdemo.metrics.published import Published, published
from diffdemo.metrics.registry import told

CROP = 384
"""Side of the middle of a picture that is shown, in pixels."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; }
th { text-align: left; } td + td { text-align: right; font-variant-numeric: tabular-nums; }
.facts td + td { text-align: left; } pre { overflow-x: auto; font-size: 12px; }
.plate { display: flex; flex-wrap: wrap; gap: .6em; } figure { margin: 0; width: 256px; font-size: 13px; }
figure img { width: 256px; image-rendering: auto; } button { margin-right: .5em; } .scroll { overflow-x: auto; }
"""
SAVE = """
function save(button, format) {
  const figure = button.parentElement.nextElementSibling.querySelector('.plotly-graph-div');
  Plotly.downloadImage(figure, {format: format, scale: format === 'png' ? 3 : 1, width: 800, height: 520,
                                filename: button.parentElement.dataset.name});
}
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of.

    Attributes:
        argv: of the evaluation.
        rows: lines of a results file, about the pictures of the report.
        others: curves from files of others about the same pictures.
        plates: pictures at equal bytes.
    """

    argv: Sequence[str]
    rows: Sequence[Row]
    others: Sequence[Published]
    plates: Sequence[Plate]


def write_report(report: Report, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        DiffDemoError: it cannot be written.
    """
    write_text(path, "".join(_page(report)))


def _page(report: Report) -> Iterator[str]:
    pictures = frozenset(picture_key(row) for row in report.rows)
    curves = curves_of(latest(report.rows))
    whole = own_curves(curves, pictures)
    dataset = set_of(pictures)
    others = [*(published(dataset) if dataset else ()), *report.others]
    yield f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{STYLE}</style>'
    yield f"<script>{get_plotlyjs()}</script><script>{SAVE}</script>"
    yield f"<h1>Evaluation over {len(pictures)} picture{'s' * (len(pictures) != 1)}</h1>"
    yield f"<p>Rates are sizes of files, headers included; metrics are those of 8-bit pixels. {escape(METHOD)}.</p>"
    yield "<h2>Against classical codecs</h2>" + _comparisons(curves)
    if others:
        yield from _beside(whole, others)
    yield "<h2>Curves</h2><p>Means over all pictures at equal rates. Dotted: published, sizes of files; dashed: "
    yield "published, estimates or not said. Codecs that lack a picture are not drawn.</p>"
    for number, (name, figure) in enumerate([*figures(whole, others), *set_figures(report.rows)]):
        yield f'<h3>{escape(name)}</h3><p data-name="{escape(name)}">'
        yield "<button onclick=\"save(this, 'svg')\">SVG</button><button onclick=\"save(this, 'png')\">PNG</button></p>"
        yield plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, div_id=f"figure-{number}")
    if report.plates:
        yield f"<h2>Pictures at equal bytes</h2><p>At most {report.plates[0].rate:g} bits per pixel; shown is the "
        yield f"middle of each, up to {CROP} x {CROP} pixels.</p>"
    for plate in report.plates:
        yield from _plate(plate)
    yield "<h2>How it was measured</h2>" + _table(("", ""), facts(report.argv, report.rows), "facts")
    yield _table(("curve", "settings"), settings(latest(report.rows)), "facts")
    yield f"<h2>All tables</h2><pre>{escape(summary(report.rows, report.others))}</pre></html>\n"


def _comparisons(curves: Mapping[str, Pictures]) -> str:
    rows = []
    for tested in filter(codec_of, curves):
        for anchor in formats.measured():
            rate = delta_rate(curves, anchor, tested)
            if rate is None or not rate.rates:
                continue
            pairs = matched_pairs(curves, anchor, tested)
            values = list(rate.rates.values())
            rows.append(
                (
                    f"{tested} against {anchor}",
                    rate.mean.text("+.1f", " %"),
                    f"{max(values):+.1f} %",
                    f"{sum(value < 0 for value in values)} of {len(values)}",
                    "{:.1f} to {:.1f}".format(*rate.range_db),
                    "-" if pairs is None else pairs.mean.text("+.1f", " %"),
                    "-" if pairs is None else str(pairs.count),
                )
            )
    head = ("", "BD-rate [95 %]", "worst", "better on", "range, dB", f"pairs within {TOLERANCE_DB} dB [95 %]", "pairs")
    return _table(head, rows)


def _beside(curves: Mapping[str, Pictures], others: Sequence[Published]) -> Iterator[str]:
    """Tables of published curves; where these come from stands below."""
    yield "<h2>Beside published curves</h2>"
    of_psnr = [other for other in others if other.metric == "psnr_db"]
    for name in filter(codec_of, curves):
        yield f"<h3>{escape(name)}</h3>" + _table(PUBLISHED_HEAD, differences(curves[name], of_psnr))
    sources = {other.source.title: other.source for other in of_psnr}
    yield from (
        f"<p>{escape(title)}: {escape(source.note)} Licence: {escape(source.licence)}. {escape(source.url)}</p>"
        for title, source in sources.items()
    )


def _plate(plate: Plate) -> Iterator[str]:
    yield f'<h3>{escape(plate.picture)}</h3><div class="plate">'
    yield _figure("original", "", plate.original)
    for name, shown in plate.shown.items():
        numbers = " · ".join((f"{shown.point.num_bytes:,} bytes", *told(shown.point.values)))
        yield _figure(name, numbers, shown.pixels)
    yield "</div>"


def _figure(name: str, numbers: str, pixels: Pixels) -> str:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    data = base64.b64encode(to_png(pixels[top : top + CROP, left : left + CROP])).decode()
    image = f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption><b>{escape(name)}</b><br>{escape(numbers)}</figcaption></figure>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><tr>{cells}</tr>{lines}</table></div>'
