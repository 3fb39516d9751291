"""The page on a free port, for tests that need a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import gradio as gr
from gradio.routes import App
from gradio_client import Client

from diffdemo.ui.app import build_app, launch_options

T = TypeVar("T")


def built(engine: Any) -> gr.Blocks:
    """The page, without a server.

    Gradio makes a web application whenever a page or its queue is made, which takes as long as all the rest, and uses
    only the one that it makes when the page is launched.
    """
    with patch.object(App, "create_app"):
        return _within_a_loop(lambda: build_app(engine))


@contextmanager
def serve(engine: Any) -> Iterator[str]:
    """Launch the page on an engine and give its address."""
    options = {"server_name": "127.0.0.1", "prevent_thread_lock": True, "quiet": True, **launch_options(engine)}
    demo = built(engine)
    _, url, _ = _within_a_loop(lambda: demo.launch(**options))
    try:
        yield url
    finally:
        demo.close(verbose=False)


def client_of(url: str) -> Client:
    """Gradio's client, which on its own gives up after five seconds: a busy machine may take longer to answer."""
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 300.0})


def _within_a_loop(work: Callable[[], T]) -> T:
    """Call where an event loop runs: elsewhere Gradio makes loops of its own and never closes them.

    On a thread, because Playwright may have a loop running on this one.
    """

    async def call() -> T:
        return work()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call()).result()
