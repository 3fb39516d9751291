"""The page on a free port, for tests that need a server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from diffdemo.ui.app import build_app, launch_options


def built(engine: Any) -> gr.Blocks:
    """The page, built where an event loop runs: elsewhere Gradio makes its own and never closes them."""

    async def build() -> gr.Blocks:
        return build_app(engine)

    return asyncio.run(build())


@contextmanager
def serve(engine: Any) -> Iterator[str]:
    """Launch the page on an engine and give its address."""
    demo = built(engine)

    async def launch() -> str:
        return demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())[1]

    url = asyncio.run(launch())
    try:
        yield url
    finally:
        demo.close(verbose=False)
