"""The events of the stage."""

from __future__ import annotations

from typing import Any

import gradio as gr

from diffdemo.ui.comparison import Comparison
from diffdemo.ui.studio import Studio


def wire_comparison(
    studio: Studio, comparison: Comparison, view: Any, shown: dict[str, Any], work: dict[str, Any]
) -> Any:
    """Connect the stage and the choice of its halves.

    Args:
        studio: whose stage.
        comparison: what answers.
        view: the component that says what the plot shows.
        shown, work: options of events that answer at once, and of those that compute on the device.

    Returns:
        The event that computes, for whatever cancels it.
    """
    halves = [studio.session, studio.compare, view, studio.against]
    gr.on([studio.compare.input, studio.against.input], comparison.compare, halves, **shown, api_name="compare")
    studio.stage.look(
        comparison.look,
        studio.session,
        studio.maps,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    # By way of a state, because only the other codec needs the device.
    return studio.wanted.change(comparison.oppose, halves, **work, api_name="oppose")
