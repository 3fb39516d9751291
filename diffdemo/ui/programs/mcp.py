"""The page as a server of tools for agents (Model Context Protocol), where the package `mcp` is installed."""

from __future__ import annotations

import asyncio
import warnings
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.utils import get_upload_folder
from gradio_client import handle_file

TOOLS = {"compress": "/compress", "decompress": "/decompress", "compare": "/compare_codecs"}
"""What an agent is offered: name of a tool to the endpoint behind it.

The studio's own events work on a visitor's session, which an agent does not have, and the rest would only be clutter.
"""
FILE = "/gradio_api/file="
"""What stands between the address of a page and the path of a file that it serves."""
WHAT_WORKS = (
    "A file can be an address on a public server (https://...), one that a tool of this page has given, or a data "
    "address that holds the file itself (data:image/png;base64,...)."
)


def available() -> bool:
    """Whether Gradio can serve tools here: `pip install "gradio[mcp]"`."""
    return find_spec("mcp") is not None


def launch(demo: gr.Blocks, **options: Any) -> None:
    """Serve the page as Gradio's `launch` does, and the tools with it, where that is possible."""
    if not available():
        demo.launch(**options)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This MCP server includes a tool that has a gr.State")
        demo.launch(**{**options, "mcp_server": True, "prevent_thread_lock": True})
    if demo.mcp_server_obj is not None:
        _equip(demo.mcp_server_obj)
    if not options.get("prevent_thread_lock"):
        demo.block_thread()


def _equip(server: Any) -> None:
    """Make of Gradio's server one that an agent can work with: few tools, files that can be passed on, outputs apart.

    Gradio lists whatever is public, and making it less than public would take it out of the programming interface.
    """
    server.tool_to_endpoint = {server.tool_prefix + tool: endpoint for tool, endpoint in TOOLS.items()}
    fetched = server.convert_strings_to_filedata

    def taken(arguments: dict[str, Any], positions: list[list[str]]) -> dict[str, Any]:
        given = {name: arguments[name] for (name,) in positions if isinstance(arguments.get(name), str)}
        own = {name: handle_file(path) for name, address in given.items() if (path := own_file(address))}
        return fetched({name: value for name, value in arguments.items() if name not in own}, positions) | own

    async def outputs(job: Any) -> list[Any]:
        return [*await asyncio.to_thread(job.result)]

    server.convert_strings_to_filedata = taken
    # An agent that does not ask for progress would get all outputs as one text and no picture: Gradio takes them for
    # a single one. Each of our tools has several.
    server._execute_tool_without_progress = outputs


def own_file(address: str) -> str | None:
    """The path of a file that this page has given out, or was sent, under an address that a tool was given.

    Gradio fetches nothing from private networks, lest somebody look around there. On one's own computer this keeps it
    from its own files too, and an agent could not pass on what a tool has given it. Whoever knows the address of such
    a file can read it anyway.

    Returns:
        None if the file has to be fetched, or is in the address itself.

    Raises:
        ValueError: it can be neither; says what would do.
    """
    parts = urlsplit(address)
    if parts.scheme == "data":
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"'{address}' is not the address of a file. {WHAT_WORKS}")
    _, is_served, named = parts.path.partition(FILE)
    path = Path(unquote(named)).resolve()
    if is_served and path.is_relative_to(Path(get_upload_folder()).resolve()):
        if not path.is_file():
            raise ValueError(f"'{path.name}' is gone: the page keeps files for a few hours. Please make it again.")
        return str(path)
    if _is_private(parts.hostname):
        raise ValueError(f"'{parts.hostname}' is in a private network; the page fetches nothing there. {WHAT_WORKS}")
    return None


def _is_private(host: str) -> bool:
    """Whether a host is an address of a private network. Other names have to be looked up, which Gradio does."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost"
