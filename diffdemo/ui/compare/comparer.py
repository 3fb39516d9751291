"""Two pictures under one divider: our own component, because Gradio's has neither zoom nor a picture of differences.

Its value is a few hundred bytes of JSON; the pictures are PNG files that the browser fetches itself. What happens in
it (divider, zoom, blind test) happens in the browser, in `assets/comparer`. A map, of differences or of errors, is made
when the browser asks for one, by the event `look`, and comes back through a second component that nobody sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from diffdemo.shipped import ASSETS
from diffdemo.ui.memory.png import size_of
from diffdemo.ui.memory.session import Side
from diffdemo.ui.server.files import served

PARTS = ASSETS / "comparer"
_SCRIPTS = ("view", "hands", "blind", "main")
_PASS_ON = """watch("value", () => document.dispatchEvent(new CustomEvent("comparer-map", { detail: props.value })));"""


def build_stage() -> tuple[gr.HTML, gr.HTML]:
    """The component, and the one that brings its maps."""
    stage = gr.HTML(
        label="Comparison",
        html_template=(PARTS / "box.html").read_text(),
        js_on_load="\n".join((PARTS / f"{script}.js").read_text() for script in _SCRIPTS),
        apply_default_css=False,
        elem_id="stage",
    )
    maps = gr.HTML(label="Map", html_template="", js_on_load=_PASS_ON, visible="hidden", elem_id="maps")
    return stage, maps


def pair(left: Side, right: Side, original: bytes) -> dict[str, Any]:
    """Two pictures of one size as the component's value.

    Args:
        original: PNG; of two sides one has to be this for the blind test. Empty if nobody has it.
    """
    width, height = size_of(left.png)
    halves = {"left": _side(left, original), "right": _side(right, original)}
    name = _name(*(half["picture"] for half in halves.values()))
    return {"pair": name, "width": width, "height": height, **halves}


def drawn_map(left: Side, right: Side, kind: str, png: bytes) -> dict[str, Any]:
    """A map of two pictures, "difference" or "error", as the value of the component that brings it."""
    return {"pair": _name(_file(left.png), _file(right.png)), "kind": kind, "picture": _file(png)}


def _side(side: Side, original: bytes) -> dict[str, Any]:
    return {
        "picture": _file(side.png),
        "caption": side.caption,
        "numbers": side.numbers,
        "is_original": bool(original) and side.png == original,
    }


def _name(left: dict[str, Any], right: dict[str, Any]) -> str:
    return "-".join(Path(picture["path"]).parent.name[:16] for picture in (left, right))


def _file(png: bytes) -> dict[str, Any]:
    """As Gradio knows files; it adds the address. The name of the file says nothing, for the blind test's sake."""
    return FileData(path=served(png, "picture.png"), mime_type="image/png").model_dump()
