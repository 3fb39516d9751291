"""Two pictures under one divider: our own component, because Gradio's has neither zoom nor a picture of differences.

Its value is a few hundred bytes of JSON; the pictures are PNG files that the browser fetches itself. What happens in
it (divider, zoom, blind test) happens in the browser, in `assets/comparer`. A map, of differences or of errors, is made
when the browser asks for one, by the event `look`, and comes back through a second component that nobody sees.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.processing_utils import hash_bytes

from diffdemo.shipped import ASSETS
from diffdemo.ui.compare.previews import file_of
from diffdemo.ui.memory.png import size_of
from diffdemo.ui.memory.session import Shown, Side
from diffdemo.ui.server.files import served

PARTS = ASSETS / "comparer"
_SCRIPTS = ("view", "hands", "blind", "previews", "main")
_PASS_ON = (
    """watch("value", () => document.dispatchEvent(new CustomEvent("comparer-{name}", {{ detail: props.value }})));"""
)


def build_stage() -> tuple[gr.HTML, gr.HTML, gr.HTML]:
    """The component, and those that bring its maps and its previews."""
    stage = gr.HTML(
        label="Comparison",
        html_template=(PARTS / "box.html").read_text(),
        js_on_load="\n".join((PARTS / f"{script}.js").read_text() for script in _SCRIPTS),
        apply_default_css=False,
        elem_id="stage",
    )
    return stage, _bringing("maps", "Map"), _bringing("previews", "Previews")


def _bringing(name: str, label: str) -> gr.HTML:
    """A component that nobody sees, and whose values go to the stage's own program."""
    program = _PASS_ON.format(name=name)
    return gr.HTML(label=label, html_template="", js_on_load=program, visible="hidden", elem_id=name)


def pair(left: Side, right: Side, original: bytes, shown: Shown | None = None) -> dict[str, Any]:
    """Two pictures of one size as the component's value.

    Args:
        original: PNG; of two sides one has to be this for the blind test. Empty if nobody has it.
        shown: what the file looks like; previews take its place while the slider moves.
    """
    width, height = size_of(left.png)
    halves = {name: _side(side, original, shown) for name, side in (("left", left), ("right", right))}
    num_bytes = shown.num_bytes if shown else 0
    return {"pair": _name(left, right), "bytes": num_bytes, "width": width, "height": height, **halves}


def drawn_map(left: Side, right: Side, kind: str, png: bytes) -> dict[str, Any]:
    """A map of two pictures, "difference" or "error", as the value of the component that brings it."""
    return {"pair": _name(left, right), "kind": kind, "picture": _file(png)}


def _side(side: Side, original: bytes, shown: Shown | None) -> dict[str, Any]:
    return {
        "picture": file_of(side.preview) if side.preview else _file(side.png),
        "is_preview": bool(side.preview),
        "is_file": shown is not None and side.png == shown.png,
        "caption": side.caption,
        "numbers": side.numbers,
        "is_original": bool(original) and side.png == original,
    }


def _name(left: Side, right: Side) -> str:
    return "-".join(hash_bytes(side.png)[:16] for side in (left, right))


def _file(png: bytes) -> dict[str, Any]:
    """As Gradio knows files; it adds the address. The name of the file says nothing, for the blind test's sake."""
    return FileData(path=served(png, "picture.png"), mime_type="image/png").model_dump()
