"""The page as a whole: three tabs, built first and wired afterwards."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.ui import about, api, inspect, studio, wiring
from diffdemo.ui.handlers import Handlers
from diffdemo.ui.rivals import Rivals
from diffdemo.ui.samples import Imagining
from diffdemo.ui.screen import Painter
from diffdemo.ui.theme import make_theme
from diffdemo.ui.turns import Turns
from diffdemo.ui.viewing import Viewing

ASSETS = Path(__file__).parents[2] / "assets"
FILES_LIVE_SECONDS = 3 * 3600

_TOGGLE_THEME = "() => { document.body.classList.toggle('dark'); }"


def build_app(engine: Engine) -> gr.Blocks:
    """The page on an engine."""
    painter, turns = Painter(engine, Rivals(engine)), Turns()
    with gr.Blocks(
        title="diffdemo: image compression with diffusion models",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(FILES_LIVE_SECONDS // 6, FILES_LIVE_SECONDS),
    ) as demo:
        with gr.Row(elem_id="top"):
            gr.HTML(_title(f"{engine.default_model} · {engine.device_label}"))
            theme = gr.Button("Light or dark", size="sm", scale=0, min_width=110, elem_id="theme")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Studio"):
                studio_tab = studio.build(engine)
            with gr.Tab("Inspect") as tab:
                inspect_tab = inspect.build(tab)
            with gr.Tab("About") as tab:
                about_tab = about.build(tab, engine.examples())
        wiring.wire(
            demo,
            studio_tab,
            Handlers(engine, painter, turns),
            Viewing(engine, painter, turns),
            Imagining(engine, turns),
        )
        inspect.wire(inspect_tab, inspect.Inspection(engine), studio_tab.session, studio_tab.used)
        about.wire(about_tab, engine)
        api.expose(engine)
        theme.click(None, js=_TOGGLE_THEME, api_visibility="private")
    return demo.queue(max_size=32)


def launch_options() -> dict[str, Any]:
    """What Gradio 6 takes in `launch`: looks, limits, and no links to elsewhere."""
    return {
        "theme": make_theme(),
        "css_paths": [ASSETS / "style.css"],
        "head_paths": [ASSETS / "head.html"],
        "footer_links": ["api"],
        "max_file_size": "40mb",
        "show_error": True,
        "enable_monitoring": False,
    }


def _title(running: str) -> str:
    return (
        '<h1>diffdemo</h1><span class="subtitle">lossy image compression with diffusion models</span>'
        f'<span class="device">{escape(running)}</span>'
    )
