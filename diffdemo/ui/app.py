"""The page as a whole: its tabs, built first and wired afterwards."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from diffdemo.engine import Engine
from diffdemo.shipped import ASSETS
from diffdemo.ui import about, inspect
from diffdemo.ui.batch import tab as batch
from diffdemo.ui.closer import section
from diffdemo.ui.programs import expose
from diffdemo.ui.server import counts, visitors
from diffdemo.ui.server.disk import Uploads
from diffdemo.ui.server.gate import GuardedBlocks
from diffdemo.ui.server.poster import Poster
from diffdemo.ui.server.uploads import MAX_FILE_MEGABYTES
from diffdemo.ui.studio import page, wiring
from diffdemo.ui.theme import make_theme
from diffdemo.ui.theory import tab as theory
from diffdemo.ui.turns import Turns

FILES_LIVE_SECONDS = 3 * 3600
MAX_SESSIONS = 200
"""Visitors whose pictures and files are remembered; each takes a few MB, at most about 50."""
MAX_THREADS = 96
"""Of handlers: those that wait in the engine's line, and enough for all that does not."""
QUEUE_SIZE = 128
"""Calls that may wait for all devices together."""

_TOGGLE_THEME = "() => { document.body.classList.toggle('dark'); }"
_TOUR = "() => diffdemoTour.begin()"
_PROGRAMS = ("memory", "big", "plots", "curve", "terms", "tour")


def build_app(engine: Engine) -> gr.Blocks:
    """The page on an engine."""
    with GuardedBlocks(
        title="diffdemo: image compression with diffusion models",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(FILES_LIVE_SECONDS // 6, FILES_LIVE_SECONDS),
    ) as demo:
        with gr.Row(elem_id="top"):
            name = '<h1>diffdemo</h1><span class="subtitle">lossy image compression with diffusion models</span>'
            gr.HTML(f'{name}<span class="device">{escape(engine.device_label)}</span>')
            tour = gr.Button("Tour", size="sm", scale=0, min_width=60, elem_id="tour")
            text = gr.Button("Big text", size="sm", scale=0, min_width=80, elem_id="big-text")
            theme = gr.Button("Light or dark", size="sm", scale=0, min_width=110, elem_id="theme")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Studio"):
                studio_tab = page.build(engine)
                closer_part = section.build(engine)
            with gr.Tab("Inspect") as tab:
                inspect.build(tab, engine, studio_tab.session, studio_tab.used)
            with gr.Tab("Theory") as tab:
                theory_tab = theory.build(tab)
            with gr.Tab("Batch") as tab:
                batch_tab = batch.build(tab, engine)
            with gr.Tab("About") as tab:
                about.build(tab, engine)
        wiring.wire(demo, studio_tab, closer_part, wiring.Acts(engine, Turns()))
        theory.wire(theory_tab, studio_tab.session)
        batch.wire(batch_tab, engine)
        expose.expose(engine)
        expose.describe_wanted(demo)
        tour.click(None, js=_TOUR, api_visibility="private")
        text.click(None, js="() => diffdemoText.toggle()", api_visibility="private")
        theme.click(None, js=_TOGGLE_THEME, api_visibility="private")
    return demo.queue(max_size=QUEUE_SIZE, api_open=False)


def launch_options(engine: Engine | None = None) -> dict[str, Any]:
    """What Gradio 6 takes in `launch`: looks, limits, and no links to elsewhere.

    Args:
        engine: of the page, for what is to be seen before the page's own program is there; None for an empty page.
    """
    return {
        "theme": make_theme(),
        "css_paths": [
            ASSETS / f"{part}.css"
            for part in (
                "style",
                "studio",
                "closer",
                "curve",
                "theory",
                "batch",
                "comparer/style",
                "wall/style",
                "phone",
            )
        ],
        "head_paths": [ASSETS / "head.html"],
        "head": f"<style>{(ASSETS / 'big.css').read_text()}</style>"
        + "".join(f"<script>{(ASSETS / f'{program}.js').read_text()}</script>" for program in _PROGRAMS),
        "footer_links": ["api"],
        "state_session_capacity": MAX_SESSIONS,
        "max_threads": MAX_THREADS,
        "max_file_size": f"{MAX_FILE_MEGABYTES}mb",
        "show_error": True,
        "enable_monitoring": False,
        # Gradio would fetch its own page once and give up after three seconds, which a busy machine may take.
        "_frontend": False,
        "app_kwargs": {
            "routes": [Mount("/plotly", StaticFiles(directory=ASSETS / "plotly"))],
            "middleware": [
                # For the page itself; Gradio compresses its own programs. Streams of events pass as they are.
                Middleware(GZipMiddleware),
                Middleware(visitors.Visitors, max_waiting=visitors.MAX_WAITING, silent_seconds=visitors.SILENT_SECONDS),
                Middleware(Uploads),
                *([Middleware(Poster, engine=engine)] if engine else []),
                *([Middleware(counts.Metrics, engine=engine)] if engine and counts.IS_ON else []),
            ],
        },
    }
