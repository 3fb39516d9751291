"""Theory: what realism costs on Gaussian sources, in closed form and in real files; and DiffC's ancestor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from diffdemo.theory.dither import STEPS
from diffdemo.theory.sources import STEEPEST_EXPONENT, power_law
from diffdemo.ui.theory import words
from diffdemo.ui.theory.acts import MIN_RATE, DitherScreen, TheoryActs, TheoryScreen, highest_rate, paint
from diffdemo.ui.turns import Turns

RUNNING: dict[str, Any] = {"concurrency_id": "theory", "concurrency_limit": 1}
"""On the processor alone, beside the codecs, which never wait for it."""
ROUNDING: dict[str, Any] = {"concurrency_id": "dither", "concurrency_limit": 1}
FIRST_EXPONENT, FIRST_RATE, FIRST_STEP = 1.5, 0.5, 48


@dataclass(frozen=True, slots=True)
class TheoryTab:
    """The components of the tab."""

    tab: gr.Tab
    spectrum: gr.Radio
    exponent: gr.Slider
    rate: gr.Slider
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    plot: gr.Plot
    gap: gr.HTML
    table: gr.HTML
    landed: gr.HTML
    step: gr.Slider
    round: gr.Button
    rounded: gr.HTML
    original: gr.Image
    plain: gr.Image
    dithered: gr.Image


def build(tab: gr.Tab) -> TheoryTab:
    """Lay out the tab; call it inside of it."""
    parts: dict[str, Any] = {"tab": tab}
    first = paint(power_law(FIRST_EXPONENT), FIRST_RATE)
    with gr.Row(elem_id="theory"):
        with gr.Column(scale=0, min_width=280, elem_id="theory-left"):
            gr.HTML(words.INTRODUCTION)
            _build_controls(parts)
        with gr.Column(scale=5, min_width=340):
            parts["gap"] = gr.HTML(first.gap, label="Gap", elem_id="theory-gap")
            parts["plot"] = gr.Plot(
                first.plot, label="Curves", show_label=False, container=False, format="png", elem_id="theory-plot"
            )
        with gr.Column(scale=2, min_width=300):
            parts["table"] = gr.HTML(first.table, label="Schemes", elem_id="theory-table")
            gr.HTML(words.READING)
    parts["landed"] = gr.HTML(label="Files", elem_id="theory-landed")
    with gr.Accordion("What each curve means", open=True):
        gr.HTML(words.meanings(), elem_id="theory-meanings")
    _build_dither(parts)
    return TheoryTab(**parts)


def _build_controls(parts: dict[str, Any]) -> None:
    parts["spectrum"] = gr.Radio(
        [("power law", "power"), ("this picture's blocks", "picture")],
        value="power",
        label="Source",
        info="Invented, or with the covariance of the 8 x 8 blocks of the studio's picture.",
        elem_classes="choice",
    )
    parts["exponent"] = gr.Slider(
        *(0, STEEPEST_EXPONENT),
        value=FIRST_EXPONENT,
        step=0.1,
        label="Exponent",
        info="How fast variances fall: 0 is white noise, 1.5 to 2.5 like photographs.",
    )
    parts["rate"] = gr.Slider(
        *(MIN_RATE, highest_rate(power_law(FIRST_EXPONENT))),
        value=FIRST_RATE,
        step=0.01,
        label="Rate",
        info="Where to compare, in bits per dimension.",
        buttons=[],
    )
    with gr.Row():
        parts["run"] = gr.Button("Run the real codec", variant="primary", size="md", min_width=160, elem_id="land")
        parts["stop"] = gr.Button("Stop", size="md", min_width=60, interactive=False)
    parts["status"] = gr.HTML(words.finished(0), label="Status", elem_id="theory-status")


def _build_dither(parts: dict[str, Any]) -> None:
    with gr.Column(elem_id="dither"):
        gr.HTML(words.ANCESTOR)
        with gr.Row(elem_id="dithering"):
            parts["step"] = gr.Slider(
                *STEPS, value=FIRST_STEP, step=4, label="Step", info="Distance of the levels that are left, of 256."
            )
            parts["round"] = gr.Button("Round the picture", size="md", scale=0, min_width=180)
        parts["rounded"] = gr.HTML(label="Result", elem_id="rounded")
        with gr.Row():
            for name, label in (("original", "Original"), ("plain", "Only rounded"), ("dithered", "With dither")):
                parts[name] = gr.Image(
                    format="png", label=label, interactive=False, height=300, min_width=260, buttons=["fullscreen"]
                )


def wire(theory: TheoryTab, session: gr.State) -> None:
    """Connect the tab with what answers its events."""
    acts = TheoryActs(Turns())
    chosen = [session, theory.spectrum, theory.exponent, theory.rate]
    screen = [getattr(theory, name) for name in TheoryScreen._fields]
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    latest = instant | {"trigger_mode": "always_last"}
    gr.on(
        [theory.spectrum.input, theory.exponent.input], acts.curves, chosen, screen, **latest, api_name="theory_curves"
    )
    theory.rate.input(acts.move, chosen, screen, **latest, api_visibility="private")
    theory.spectrum.change(
        lambda spectrum: gr.update(visible=spectrum == "power"),
        theory.spectrum,
        theory.exponent,
        **instant,
        api_visibility="private",
    )
    running = theory.run.click(
        acts.run,
        chosen,
        screen,
        show_progress="minimal",
        show_progress_on=theory.status,
        **RUNNING,
        api_name="theory_run",
    )
    theory.stop.click(None, cancels=[running], api_visibility="private")
    theory.stop.click(acts.curves, chosen, screen, **instant, api_visibility="private")
    theory.tab.select(acts.open, chosen, screen, **instant, api_visibility="private")
    _wire_dither(theory, acts, session)


def _wire_dither(theory: TheoryTab, acts: TheoryActs, session: gr.State) -> None:
    rounding = [session, theory.step]
    pictures = [getattr(theory, name) for name in DitherScreen._fields]
    gr.on(
        [theory.round.click, theory.step.release],
        acts.dither,
        rounding,
        pictures,
        show_progress="hidden",
        trigger_mode="always_last",
        **ROUNDING,
        api_name="dither",
    )
    theory.tab.select(
        acts.open_dither, rounding, pictures, show_progress="hidden", **ROUNDING, api_visibility="private"
    )
