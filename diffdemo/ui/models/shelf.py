"""The components of the model menu, and the outputs of its events in one order."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import gradio as gr

from diffdemo.engine import ModelInfo
from diffdemo.ui.memory.session import SESSION_SECONDS
from diffdemo.ui.models import card

LONGEST_PROMPT = 300
NO_PROMPT = "Part of the file: 0 bytes."
COUNT_BYTES = (
    '(text) => ({ __type__: "update", '
    "info: `Part of the file: ${new TextEncoder().encode(text.trim()).length} bytes.` })"
)
"""In the browser, because a prompt is counted while it is typed."""


class Shelf(NamedTuple):
    """One value for each output component of the menu; what is not given stays as it is."""

    model: Any = gr.skip()
    prompt: Any = gr.skip()
    card: Any = gr.skip()
    fetch: Any = gr.skip()
    look: Any = gr.skip()
    arriving: Any = gr.skip()
    cancel: Any = gr.skip()
    fetching: Any = gr.skip()


def build_choice(studio: SimpleNamespace, known: Sequence[ModelInfo], chosen: ModelInfo) -> None:
    """Lay out what is chosen: the model, and what a model can be told.

    The menu is narrowed to the codec when the page has loaded. To begin with it holds them all, because that is what
    Gradio checks a choice against where it does not know the page, as after a restart.
    """
    studio.model = gr.Dropdown(
        [(card.entry(info), info.name) for info in known],
        value=chosen.name,
        label="Model",
        filterable=False,
        elem_id="model",
    )
    studio.prompt = gr.Textbox(
        label="Prompt",
        info=NO_PROMPT,
        placeholder="What the picture shows",
        max_length=LONGEST_PROMPT,
        max_lines=3,
        visible=chosen.takes_prompt,
        elem_id="prompt",
    )


def build_shelf(studio: SimpleNamespace) -> None:
    """Lay out what is shown of a model that has to be downloaded, and of its download."""
    studio.fetching = gr.State("", time_to_live=SESSION_SECONDS)
    studio.card = gr.HTML(visible=False, elem_id="card")
    studio.fetch = gr.Button("Download", variant="primary", visible=False, size="md", elem_id="fetch")
    studio.look = gr.Button("Look for more on the Hub", visible=False, size="sm", elem_id="look")
    with gr.Row(elem_id="arrival"):
        studio.arriving = gr.HTML(visible=False, elem_id="arriving")
        studio.cancel = gr.Button("Cancel", visible=False, size="sm", elem_id="cancel")
