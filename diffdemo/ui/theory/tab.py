"""Theory: what realism costs on Gaussian sources, in closed form and in real files; and DiffC's ancestor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.theory.dither import STEPS
from diffdemo.theory.sources import STEEPEST_EXPONENT, power_law
from diffdemo.ui.events import AT_ONCE, LATEST, SILENT
from diffdemo.ui.fields import Figure, choice
from diffdemo.ui.theory import words
from diffdemo.ui.theory.acts import MIN_RATE, DitherScreen, TheoryActs, TheoryScreen, highest_rate, paint
from diffdemo.ui.turns import Turns

RUNNING: dict[str, Any] = {"concurrency_id": "theory", "concurrency_limit": 1}
"""On the processor alone, beside the codecs, which never wait for it."""
ROUNDING: dict[str, Any] = {"concurrency_id": "dither", "concurrency_limit": 1}
FIRST_EXPONENT, FIRST_RATE, FIRST_STEP = 1.5, 0.5, 48


def build(tab: gr.Tab) -> SimpleNamespace:
    """Lay out the tab; call it inside of it. The components have the names of `TheoryScreen` and `DitherScreen`."""
    parts = SimpleNamespace(tab=tab)
    first = paint(power_law(FIRST_EXPONENT), FIRST_RATE)
    with gr.Row(elem_id="theory"):
        with gr.Column(scale=0, min_width=280, elem_id="theory-left"):
            gr.HTML(words.INTRODUCTION)
            _build_controls(parts)
        with gr.Column(scale=5, min_width=340):
            parts.gap = gr.HTML(first.gap, label="Gap", elem_id="theory-gap")
            parts.plot = Figure("Curves", "theory-plot", first.plot)
        with gr.Column(scale=2, min_width=300):
            parts.table = gr.HTML(first.table, label="Schemes", elem_id="theory-table")
            gr.HTML(words.READING)
    parts.landed = gr.HTML(label="Files", elem_id="theory-landed")
    with gr.Accordion("What each curve means", open=True):
        gr.HTML(words.meanings(), elem_id="theory-meanings")
    _build_dither(parts)
    return parts


def _build_controls(parts: SimpleNamespace) -> None:
    sources = [("power law", "power"), ("this picture's blocks", "picture")]
    info = "Invented, or with the covariance of the 8 x 8 blocks of the studio's picture."
    parts.spectrum = choice(sources, "power", "Source", info, None)
    parts.exponent = gr.Slider(
        *(0, STEEPEST_EXPONENT),
        value=FIRST_EXPONENT,
        step=0.1,
        label="Exponent",
        info="How fast variances fall: 0 is white noise, 1.5 to 2.5 like photographs.",
    )
    parts.rate = gr.Slider(
        *(MIN_RATE, highest_rate(power_law(FIRST_EXPONENT))),
        value=FIRST_RATE,
        step=0.01,
        label="Rate",
        info="Where to compare, in bits per dimension.",
        buttons=[],
    )
    with gr.Row():
        parts.run = gr.Button("Run the real codec", variant="primary", size="md", min_width=160, elem_id="land")
        parts.stop = gr.Button("Stop", size="md", min_width=60, interactive=False)
    parts.status = gr.HTML(words.finished(0), label="Status", elem_id="theory-status")


def _build_dither(parts: SimpleNamespace) -> None:
    with gr.Column(elem_id="dither"):
        gr.HTML(words.ANCESTOR)
        with gr.Row(elem_id="dithering"):
            parts.step = gr.Slider(
                *STEPS, value=FIRST_STEP, step=4, label="Step", info="Distance of the levels that are left, of 256."
            )
            parts.round = gr.Button("Round the picture", size="md", scale=0, min_width=180)
        parts.rounded = gr.HTML(label="Result", elem_id="rounded")
        with gr.Row():
            for name, label in (("original", "Original"), ("plain", "Only rounded"), ("dithered", "With dither")):
                picture = gr.Image(
                    format="png", label=label, interactive=False, height=300, min_width=260, buttons=["fullscreen"]
                )
                setattr(parts, name, picture)


def wire(theory: SimpleNamespace, session: gr.State) -> None:
    """Connect the tab with what answers its events."""
    acts = TheoryActs(Turns())
    chosen = [session, theory.spectrum, theory.exponent, theory.rate]
    screen = [getattr(theory, name) for name in TheoryScreen._fields]
    hidden: dict[str, Any] = {"show_progress": "hidden"}
    moved = [theory.spectrum.input, theory.exponent.input]
    gr.on(moved, acts.curves, chosen, screen, queue=False, api_name="theory_curves", **hidden, **LATEST)
    theory.rate.input(acts.move, chosen, screen, **AT_ONCE, **LATEST)
    theory.spectrum.change(lambda kind: gr.update(visible=kind == "power"), theory.spectrum, theory.exponent, **AT_ONCE)
    shown = {"show_progress": "minimal", "show_progress_on": theory.status}
    running = theory.run.click(acts.run, chosen, screen, api_name="theory_run", **shown, **RUNNING)
    theory.stop.click(None, cancels=[running], api_visibility="private")
    theory.stop.click(acts.curves, chosen, screen, **AT_ONCE)
    theory.tab.select(acts.open, chosen, screen, **AT_ONCE)

    rounding = [session, theory.step]
    pictures = [getattr(theory, name) for name in DitherScreen._fields]
    asked = [theory.round.click, theory.step.release]
    gr.on(asked, acts.dither, rounding, pictures, api_name="dither", **hidden, **LATEST, **ROUNDING)
    theory.tab.select(acts.open_dither, rounding, pictures, **SILENT, **ROUNDING)
