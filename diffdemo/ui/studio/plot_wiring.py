"""The events of the plot's own controls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.studio.page import Studio
from diffdemo.ui.studio.plotting import Plotting

_KEEP = "(file) => diffdemoPlot.keep(file)"
_DRAW = "() => diffdemoPlot.save('{}', 'rate-distortion')"


def wire(studio: Studio, plotting: Plotting, device: dict[str, Any]) -> tuple[Any, Callable[..., Any]]:
    """Connect them; gives the event that draws the plot again, and what starts it."""
    controls = studio.controls
    choices: list[Any] = [studio.metric, controls.across, controls.scale]
    choices += [controls.lines, controls.sweeps, controls.others]
    chosen = partial(gr.on, [choice.input for choice in choices])
    # By Gradio's own mode, what is chosen while the answer to an earlier choice is on its way would be lost.
    replotted = chosen(
        plotting.replot,
        [studio.session, *choices],
        [controls.view, studio.plot, controls.credit],
        show_progress="hidden",
        trigger_mode="always_last",
        queue=False,
        api_visibility="private",
    )
    controls.forget.click(
        plotting.forget,
        [studio.session, controls.view],
        [studio.session, studio.plot],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    for kind, act in {"csv": plotting.save_csv, "json": plotting.save_json}.items():
        written = controls.save[kind].click(
            act, [studio.session, controls.view], controls.saved, queue=False, api_visibility="private"
        )
        written.success(None, controls.saved, None, js=_KEEP, api_visibility="private")
    for kind in ("png", "svg"):
        controls.save[kind].click(None, js=_DRAW.format(kind), api_visibility="private")
    _expose(studio, plotting, device)
    return replotted, chosen


def _expose(studio: Studio, plotting: Plotting, device: dict[str, Any]) -> None:
    """The endpoint for programs; its components are placed on the page where nobody sees them."""
    with gr.Row(visible=False):
        trigger, points = gr.Button(), gr.JSON(label="points")
        image = FileInput(label="picture; empty for the session's own curves")
        file = FileInput(label=".difd file")
    trigger.click(plotting.curve, [studio.session, image, file], points, api_name="curve", **device)
