"""The events of the studio: which control starts what, and what stops what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from diffdemo.ui.handlers import Handlers
from diffdemo.ui.samples import Imagining
from diffdemo.ui.screen import Screen
from diffdemo.ui.studio import Studio
from diffdemo.ui.viewing import Viewing

DEVICE: dict[str, Any] = {"concurrency_id": "device", "concurrency_limit": 1}
"""One at a time for everything that computes with the network; the others wait in a visible queue."""

LOW_PRIORITY: dict[str, Any] = {"concurrency_id": "sweep", "concurrency_limit": 1}
"""For what only completes a plot: it must not make anybody wait for the device."""


def wire(demo: gr.Blocks, studio: Studio, handlers: Handlers, viewing: Viewing, imagining: Imagining) -> None:
    """Connect the studio's components with the handlers."""
    screen = [getattr(studio, name) for name in Screen._fields]
    shown: dict[str, Any] = {"outputs": screen, "show_progress": "hidden"}
    work: dict[str, Any] = {"outputs": screen, "show_progress": "minimal", "show_progress_on": studio.status, **DEVICE}
    view = [studio.session, studio.metric]
    noise = [studio.steps, studio.gamma, studio.eta, studio.noise]
    choices = [studio.session, studio.used, studio.decoder, studio.realism, studio.draw, studio.compare, studio.metric]
    choices += [studio.texture, *noise]

    greeted = demo.load(handlers.greet, **shown, queue=False, api_name="greet")
    opened = greeted.success(handlers.open_example, view, **work, api_name="open_first_example")
    encoded = studio.compress.click(
        handlers.encode,
        [
            *(studio.session, studio.side, studio.bpp, studio.num_bytes, studio.preset, studio.seed, studio.metric),
            studio.codec,
        ],
        **work,
        api_name="encode",
    )
    loaded = studio.open.upload(viewing.open_file, [studio.open, studio.metric], **work, api_name="open_file")
    refined = gr.on(
        [studio.used.release, studio.decoder.input, studio.realism.release, studio.draw.input],
        viewing.refine,
        choices,
        **work,
        trigger_mode="always_last",
        api_name="decode",
    )
    finished = [event.success(viewing.finish, choices, **work, api_visibility="private") for event in (encoded, loaded)]

    texturing = [studio.texture.input, studio.noise.input]
    texturing += [studio.steps.release, studio.gamma.release, studio.eta.release]
    # In two events: one that cancelled would also cancel what it started.
    interrupted = gr.on(texturing, viewing.interrupt, None, queue=False, api_visibility="private")
    textured = interrupted.success(
        viewing.refine, choices, **work, trigger_mode="always_last", api_visibility="private"
    )
    imagined = studio.imagine.click(
        imagining.imagine, [studio.session, studio.used, studio.draw, *noise], **work, api_name="imagine"
    )
    curve: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "api_visibility": "private"}
    replotted = studio.metric.input(viewing.replot, view, **shown, queue=False, api_visibility="private")
    sweeps = [
        event.success(viewing.sweep, view, studio.plot, **curve, **LOW_PRIORITY)
        for event in (*finished, refined, textured, replotted)
    ]

    running = [opened, encoded, loaded, refined, textured, imagined, *finished]
    _cancel_each(studio.examples.select, running)
    picked = studio.examples.select(handlers.choose_example, None, **shown, api_visibility="private")
    # Where an example is opening already, that one ends by its turn: there is no cancelling it without its successor.
    reopened = picked.success(handlers.open_example, view, **work, trigger_mode="multiple", api_name="open_example")
    running.append(reopened)
    _cancel_each(studio.source.upload, running)
    uploaded = studio.source.upload(handlers.upload, studio.source, **shown, preprocess=False, api_name="upload")
    uploaded.failure(lambda: None, None, studio.source, api_visibility="private")
    _cancel_each(studio.stop.click, running)
    studio.stop.click(handlers.stop, view, **shown, queue=False, api_name="stop")

    studio.side.input(
        handlers.choose_size, [studio.session, studio.side, studio.codec], **shown, api_visibility="private"
    )
    studio.codec.input(
        handlers.choose_codec,
        studio.codec,
        [studio.codec, studio.bpp, studio.preset, studio.seed],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    gr.on([studio.used.input, studio.realism.input], None, cancels=[refined], api_visibility="private")
    # Elsewhere sweeps end with their turn: the browser complains about what is cancelled before the server knows of it.
    _cancel_each(studio.metric.input, sweeps)
    studio.used.input(
        viewing.preview,
        [studio.session, studio.used, studio.metric],
        **shown,
        queue=False,
        trigger_mode="always_last",
        api_name="preview",
    )
    studio.compare.input(viewing.compare, [studio.session, studio.compare, studio.metric], **shown, api_name="compare")
    studio.decoder.change(
        viewing.choose_decoder,
        studio.decoder,
        [studio.realism, studio.draw],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    studio.texture.change(
        viewing.choose_texture,
        studio.texture,
        [studio.gamma, studio.noise, studio.more],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _cancel_each(trigger: Callable[..., Any], events: list[Any]) -> None:
    """Let a control cancel whatever of these is going on when it is used.

    In an event of its own for each: given several, Gradio's page waits for the server to end the first, which takes as
    long as a step does, and then ends those of the others that have been started since.
    """
    for event in events:
        trigger(None, cancels=[event], api_visibility="private")
