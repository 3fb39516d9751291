"""The page as a server of tools for agents (Model Context Protocol), where the package `mcp` is installed."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import gradio as gr

TOOLS = {"compress": "/compress", "decompress": "/decompress", "compare": "/compare_codecs"}
"""What an agent is offered: name of a tool to the endpoint behind it.

The studio's own events work on a visitor's session, which an agent does not have, and the rest would only be clutter.
"""


def available() -> bool:
    """Whether Gradio can serve tools here: `pip install "gradio[mcp]"`."""
    return find_spec("mcp") is not None


def launch(demo: gr.Blocks, **options: Any) -> None:
    """Serve the page as Gradio's `launch` does, and the tools with it, where that is possible.

    Args:
        demo: the page.
        options: for `launch`.
    """
    if not available():
        demo.launch(**options)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This MCP server includes a tool that has a gr.State")
        demo.launch(**{**options, "mcp_server": True, "prevent_thread_lock": True})
    _offer_only_tools(demo)
    if not options.get("prevent_thread_lock"):
        demo.block_thread()


def _offer_only_tools(demo: gr.Blocks) -> None:
    """Take everything else off the list.

    Gradio lists whatever is public, and making it less than public would take it out of the programming interface.
    """
    server = demo.mcp_server_obj
    if server is not None:
        server.tool_to_endpoint = {server.tool_prefix + tool: endpoint for tool, endpoint in TOOLS.items()}
