"""The events of the stage."""

from __future__ import annotations

from typing import Any

import gradio as gr

from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.page import Studio


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
    choices = [studio.compare, studio.against, studio.left_rate, studio.right_rate]
    halves = [studio.session, studio.compare, view, studio.against, studio.left_rate, studio.right_rate]
    # Whoever is quick has chosen the rate before the half is there: the last choice counts.
    gr.on(
        [choice.input for choice in choices],
        comparison.compare,
        halves,
        **shown,
        trigger_mode="always_last",
        api_name="compare",
    )
    # Also when a new file puts the original and itself on the stage.
    gr.on(
        [studio.compare.change, studio.against.change],
        comparison.offer,
        [studio.session, studio.compare, studio.against],
        [studio.left_rate, studio.right_rate],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
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
