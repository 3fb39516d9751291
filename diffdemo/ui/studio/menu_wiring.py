"""The events of the model menu, and what follows from a download."""

from __future__ import annotations

from typing import Any

import gradio as gr

from diffdemo.ui.models.shelf import COUNT_BYTES, Shelf
from diffdemo.ui.studio.menu import Menu
from diffdemo.ui.studio.page import Studio

DOWNLOADS: dict[str, Any] = {"concurrency_id": "downloads", "concurrency_limit": 16}
"""They wait for the network: beside each other, and never in front of the device."""


def wire_menu(demo: gr.Blocks, studio: Studio, menu: Menu, loaded: Any) -> Any:
    """Connect the menu; gives the event that follows when a download has ended, however it did.

    Args:
        demo: the page.
        studio: its components.
        menu: the handlers.
        loaded: the event of opening a file, which may find that its model is not here.
    """
    shelf = [getattr(studio, name) for name in Shelf._fields]
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    choice = [studio.codec, studio.model]
    about = [*choice, studio.fetching, studio.waiting]

    demo.load(menu.refresh, about, shelf, **quiet)
    gr.on([studio.model.input, studio.codec.input], menu.choose, about, shelf, trigger_mode="always_last", **quiet)
    studio.look.click(
        menu.look,
        [*choice, studio.waiting],
        shelf,
        show_progress="minimal",
        show_progress_on=studio.look,
        api_visibility="private",
        **DOWNLOADS,
    )
    loaded.success(menu.offer, about, [studio.codec, studio.bpp, studio.preset, studio.seed, *shelf], **quiet)
    fetched = studio.fetch.click(
        menu.fetch, choice, shelf, show_progress="hidden", api_visibility="private", **DOWNLOADS
    )
    studio.cancel.click(menu.cancel, None, shelf, **quiet)
    studio.prompt.change(None, studio.prompt, studio.prompt, js=COUNT_BYTES, api_visibility="private")
    return fetched.then(menu.refresh, about, shelf, **quiet)
