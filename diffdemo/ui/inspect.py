"""What is inside a file: header, steps, how much of it has arrived, its damage; or a report of an evaluation.

Only the picture of a damaged file needs its model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from diffdemo.engine import Engine, FileInfo, ModelInfo
from diffdemo.engine.records import Frame
from diffdemo.errors import BitstreamError
from diffdemo.images import to_png
from diffdemo.ui import words
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import DEVICE, LATEST, SILENT, Events, visitor
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import card
from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.server.files import served
from diffdemo.ui.server.uploads import read_upload

EMPTY = "<p>No file yet. Compress a picture in the studio, or open a file here.</p>"
DAMAGED = "What the damaged file decodes to"
REPORT = b'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Evaluation</title>'
"""How a page begins that `evaluate --report` has written."""
_ALLOWED = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
"""What such a page may load: what is in it, and nothing from anywhere (W3C, Content Security Policy Level 3)."""
LARGEST_FRAME = 64_000_000
"""Characters of one that is shown; to stand in an attribute, each quotation mark takes six."""


def build(tab: gr.Tab, engine: Engine, session: gr.State, used: gr.Slider) -> None:
    """Lay out the tab; call it inside of it. It describes the studio's file when it opens, and uploads as they come."""
    with gr.Row():
        with gr.Column(scale=0, min_width=264):
            file = FileInput(
                file_types=[".difd", ".html"], label="A .difd file, or a report", height=140, elem_id="inspect-file"
            )
            gr.HTML(
                "Without one it is the studio's file. The header says how long the whole file was, so a cut file knows "
                "how much it is missing. Reports are those of <code>diffdemo evaluate --report</code>."
            )
        with gr.Column(scale=4, min_width=340):
            shown = gr.HTML(EMPTY, elem_id="report")
            picture = gr.Image(label=DAMAGED, format="png", interactive=False, visible=False, elem_id="damaged")
    inspection = Inspection(engine)
    gr.on([tab.select, file.change], inspection.of_file, [file, session, used], shown, **SILENT, **LATEST)
    file.change(inspection.of_damaged, file, picture, **SILENT, **LATEST, **DEVICE)


class Inspection(Events):
    """The events of the tab."""

    def of_session(self, session: Session, used: int) -> str:
        """Describe the file of the studio, cut where the slider stands, if it is one that can be cut."""
        if not session.data:
            return EMPTY
        info = self._engine.describe(session.data)
        return self._report(session.data[: int(used)] if info.is_embedded else session.data)

    def of_file(self, path: str | None, session: Session, used: int) -> str:
        """Describe an uploaded file, or show it if it is a report; without one, describe the studio's."""
        if not path:
            return self.of_session(session, used)
        data = read_upload(path)
        return framed(data) if data.startswith(REPORT) else self._report(data)

    def of_damaged(self, path: str | None, request: gr.Request) -> Iterator[gr.Image]:
        """What an uploaded file that is damaged makes of its picture, as it comes; nothing for any other."""
        yield gr.Image(None, visible=False)
        data = read_upload(path) if path else b""
        if not data or data.startswith(REPORT):
            return
        try:
            info = self._engine.describe(data)
        except BitstreamError:
            return  # `of_file` tells why.
        if not (info.is_damaged and info.is_embedded and info.model):
            return
        for frame in self._engine.decode(data, asker=visitor(request)):
            yield _pictured(frame, f"Damaged: {words.step_of(frame)}")
        yield _pictured(frame, DAMAGED)

    def _report(self, data: bytes) -> str:
        info = self._engine.describe(data)
        return report(info, None if info.model else self._engine.who_wrote(data))


def _pictured(frame: Frame, label: str) -> gr.Image:
    return gr.Image(served(to_png(frame.pixels), "damaged.png"), label=label, visible=True)


def framed(page: bytes) -> str:
    """A report of whoever sent it, shut off: its scripts run, but see nothing of ours, load nothing, speak for nobody.

    Raises:
        gr.Error: it is too large.
    """
    if len(page) + 5 * sum(map(page.count, (b'"', b"'", b"&", b"<", b">"))) > LARGEST_FRAME:
        raise refusal("This report is too large to be shown here. It needs no server: open the file in your browser.")
    guard = f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">'
    content = escape((REPORT + guard.encode() + page.removeprefix(REPORT)).decode(errors="replace"))
    return (
        '<iframe title="Report of an evaluation" sandbox="allow-scripts allow-downloads" '
        f'style="width: 100%; height: 85vh; border: 0; background: #fff" srcdoc="{content}"></iframe>'
    )


def report(info: FileInfo, missing: ModelInfo | None = None) -> str:
    """State, steps as a strip and a table, fields of the header; `missing` is the model that is not here."""
    note = escape(words.file_note(info) + words.suspicion(info))
    if not info.is_embedded:
        return f'<p class="headline">{note}</p>{_fields(info, missing)}'
    strip = words.strip(info, info.num_bytes)
    return f'<p class="headline">{note}</p>{strip}{_fields(info, missing)}{_steps(info)}'


def _fields(info: FileInfo, missing: ModelInfo | None) -> str:
    model = info.model or (card.entry(missing) if missing else "not known here")
    fields = {
        "codec": f"{info.codec}, version {info.version}",
        "model": f"{model} ({info.fingerprint})",
        "picture": f"{info.width} x {info.height} pixels",
        **_settings(info),
        "header": words.size(info.header_bytes),
        "this file": f"{words.size(info.num_bytes)}, {words.rate(info.bpp)}",
        "whole file": words.size(info.whole_bytes),
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in fields.items())
    return f'<dl class="fields">{items}</dl>'


FACTS: dict[str, Callable[[Any], str]] = {
    "delta": lambda delta: f"{delta:.3g}",
    "prompt": lambda prompt: f"{prompt} ({words.size(len(prompt.encode()))})",
}
"""How to show a fact; others as they are."""
FACT_NAMES = {"delta": "quantisation step", "preset": "search"}
"""What a fact is called where its own name says too little."""


def _settings(info: FileInfo) -> dict[str, str]:
    """What the encoder chose, and the decoder has to know."""
    stated = {name: value for name, value in info.facts.items() if value is not None}
    return {FACT_NAMES.get(name, name): FACTS.get(name, str)(value) for name, value in stated.items()}


def _steps(info: FileInfo) -> str:
    heads = ("step", "noise level after it", "bits", "side bits", "file up to here", "state")
    rows = "".join(
        f"<tr><td>{step.number}</td><td>{step.sigma:.3f}</td><td>{step.bits:,}</td><td>{step.side_bits:,}</td>"
        f"<td>{words.size(step.end_bytes)}</td><td>{'received' if step.received else 'missing'}</td></tr>"
        for step in info.steps
    )
    return words.table("steps", heads, rows)
