"""What this is, in words: the method, its limits, the models and whom to thank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

from diffdemo.engine import CacheUsage, CodecInfo, Counts, Engine, ModelInfo
from diffdemo.engine.records import Example
from diffdemo.metrics.registry import METRICS, Metric
from diffdemo.shipped import ASSETS
from diffdemo.ui import words
from diffdemo.ui.codec_controls import offers
from diffdemo.ui.events import SILENT, Events
from diffdemo.ui.models import card


class Storage(Events):
    """The events of the tab: which models there are, how much room they take, and making some."""

    def describe(self) -> tuple[str, str, dict, dict]:
        """The models as a table, where downloads lie with what has been done here, and what can be removed."""
        models = self._engine.models()
        removable = [
            (f"{info.label} · {card.volume(info.num_bytes)}", info.name) for info in models if info.is_removable
        ]
        offered = gr.update(choices=removable, value=removable[0][1] if removable else None, visible=bool(removable))
        return (
            _table(models, offers(self._engine)),
            _storage(self._engine.cache()) + _done(self._engine.counts()),
            offered,
            gr.update(visible=bool(removable)),
        )

    def remove(self, name: str | None) -> tuple[str, str, dict, dict]:
        """Delete a downloaded model from this computer; it can be downloaded again."""
        if name:
            freed = self._engine.remove(name)
            gr.Info(f"{card.volume(freed)} are free again.", duration=4)
        return self.describe()


def build(tab: gr.Tab, engine: Engine) -> None:
    """Lay out the tab; call it inside of it. Models are described when somebody wants to read: there may be others."""
    with gr.Column(elem_id="about"):
        gr.Markdown((ASSETS / "about.md").read_text())
        for metric in METRICS.values():
            if metric.how_to_get:
                gr.Markdown(_on_metric(metric))
        models = gr.HTML(elem_id="models")
        place = gr.HTML(elem_id="storage")
        with gr.Row(elem_id="removal"):
            removable = gr.Dropdown([], label="Downloaded models", filterable=False, visible=False, elem_id="removable")
            remove = gr.Button("Remove", visible=False, size="md", scale=0, min_width=120, elem_id="remove")
        gr.HTML(_credits(engine.examples()))
    storage, shown = Storage(engine), [models, place, removable, remove]
    tab.select(storage.describe, None, shown, **SILENT)
    remove.click(storage.remove, removable, shown, **SILENT)


def _table(models: Sequence[ModelInfo], codecs: Mapping[str, CodecInfo]) -> str:
    """One model a row: what it is, whether it is here, and what it needs; `codecs` are all that there are, by name."""
    heads = ("model", "codec", "where", "weights", "memory", "knows", "licence", "paper", "name in files")
    rows = "".join(_row(info, codecs[info.codec].label) for info in models)
    return f"<h3>Models</h3>{words.table('steps models', heads, rows)}"


def _row(info: ModelInfo, codec: str) -> str:
    cells = (
        f"<b>{escape(info.label)}</b><br>{escape(info.description)}",
        codec,
        card.state(info) if info.is_here else "gated" if info.is_gated else "",
        card.volume(info.num_bytes),
        card.volume(info.memory),
        escape(card.pictures(info)),
        card.link(info.page, info.licence),
        card.paper(info),
        f"<code>{escape(info.fingerprint)}</code>" if info.fingerprint else "",
    )
    return f"<tr>{words.cells(cells)}</tr>"


def _storage(usage: CacheUsage) -> str:
    """Where downloads lie, how much room they take, and how much is left."""
    return (
        f"<p>Downloaded models take {card.volume(usage.num_bytes)} in <code>{escape(str(usage.folder))}</code>; "
        f"{card.volume(usage.free_bytes)} are free there.</p>"
    )


def _done(counts: Counts) -> str:
    """How busy the engine is, and how quick it has been."""
    waited = counts.seconds_waited / counts.jobs if counts.jobs else 0.0
    speeds = ", ".join(
        f"{escape(model)} {counts.evaluations[model] / seconds:.1f}"
        for model, seconds in counts.seconds.items()
        if model and seconds
    )
    return (
        f"<p>Since this page was started: {counts.jobs:,} pieces of work, {counts.running} going on and "
        f"{counts.waiting} waiting now; {waited:.1f} s of waiting on average. "
        f"{f'Evaluations of networks a second: {speeds}.' if speeds else ''}</p>"
    )


def _on_metric(metric: Metric) -> str:
    """Whether it can be measured here, and if not, why and what to do."""
    head, why = f"### {metric.label}\n", metric.missing()
    if not why:
        return f"{head}It can be measured here: it stands under each side of a comparison and is an axis of the plot."
    commands = "\n".join(f"    {command}" for command in metric.how_to_get)
    return f"{head}It is not measured here. {why} These commands bring it, then start the page anew:\n\n{commands}"


def _credits(examples: list[Example]) -> str:
    items = "".join(f"<li>{escape(example.label)}: {escape(example.credit)}</li>" for example in examples)
    return f"<h3>Pictures</h3><ul>{items}</ul><p>The code is under the MIT licence.</p>"
