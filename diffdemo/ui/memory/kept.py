"""What the browser keeps of a session, so that it is there again when the page is loaded again; see `assets/memory.js`.

The picture is not in it: the browser has it in the field for uploads.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from diffdemo.ui.memory import history
from diffdemo.ui.memory.session import Session
from diffdemo.ui.server.files import served

_PROGRAM = """
    diffdemoMemory.join({ upload, pulse: () => trigger("pulse") });
    watch("value", () => diffdemoMemory.bring(props.value));
"""
GONE = {"gone": True}
"""Instead of it: this server knows nothing of the page any more."""


def build() -> gr.HTML:
    """The component that brings it; nobody sees it."""
    return gr.HTML(label="Memory", html_template="", js_on_load=_PROGRAM, visible="hidden", elem_id="kept")


def kept(session: Session) -> dict[str, Any]:
    """Its value."""
    original = session.original if session.original != session.source else b""
    return {
        "about": {"name": session.name, "example": session.example, "goal": session.goal or ""},
        "bytes": len(session.data),
        "tried": history.in_text(session),
        "file": _file(session.data, f"{session.name}.difd"),
        "original": _file(original, "original.png"),
    }


def _file(data: bytes, name: str) -> dict[str, Any] | None:
    return FileData(path=served(data, name), orig_name=name).model_dump() if data else None
