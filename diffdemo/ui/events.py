"""What answers the page's events, and options that many of them share."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr

from diffdemo.engine import Asker, Engine, Rank
from diffdemo.ui.errors import friendly

SILENT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = SILENT | {"queue": False}
"""For what computes next to nothing: it waits in no queue."""
KEEP = "(file) => diffdemoPlot.keep(file)"
"""In the browser: a file that has been made is downloaded."""
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}
"""By Gradio's own mode, what is chosen while the answer to an earlier choice is on its way would be lost."""

DEVICE: dict[str, Any] = {"concurrency_id": "device", "concurrency_limit": 32}
"""For what computes with a network. So many calls stand in the engine's line, which says how long it will take
(`engine.scheduling`); further ones wait in Gradio's queue."""
EXAMPLES: dict[str, Any] = {"concurrency_id": "examples", "concurrency_limit": 8}
LOW_PRIORITY: dict[str, Any] = {"concurrency_id": "sweep", "concurrency_limit": 1}
"""For what only completes a plot: it must not make anybody wait for the device."""
DOWNLOADS: dict[str, Any] = {"concurrency_id": "downloads", "concurrency_limit": 16}
"""They wait for the network: beside each other, and never in front of the device."""


def visitor(request: gr.Request | None) -> Asker:
    """Whom the engine works for when a person asks for something that ends with the event."""
    return Asker((request and request.session_hash) or "", Rank.PERSON)


def program(request: gr.Request | None) -> Asker:
    """Whom the engine works for when a program calls; its calls share what one visitor gets."""
    return Asker((request and request.session_hash) or "", Rank.PROGRAM)


class Events:
    """Answers events on one engine. What a public method of a subclass raises is told in words that fit on a page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __init_subclass__(cls) -> None:
        for name, method in [*vars(cls).items()]:
            if inspect.isfunction(method) and not name.startswith("_"):
                setattr(cls, name, friendly(method))
