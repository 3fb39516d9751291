"""The page as a server of tools, spoken to by the client of the protocol's own package."""

from __future__ import annotations

import ast
import asyncio
import base64
import io
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from serving import built

from diffdemo.images import Pixels, load_picture, to_png
from diffdemo.ui import tools
from diffdemo.ui.app import launch_options

pytestmark = pytest.mark.filterwarnings("ignore")  # Those of the protocol's package and its servers; none is ours.


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("mcp")
    demo = built(FakeEngine())
    tools.launch(demo, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
    yield f"{demo.local_url}gradio_api/mcp/"
    demo.close(verbose=False)


def ask(address: str, question: Callable[[Any], Awaitable[Any]]) -> Any:
    """The answer to a question that is put in a session of the protocol."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def talk() -> Any:
        async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await question(session)

    return asyncio.run(asyncio.wait_for(talk(), 60))


def call(address: str, tool: str, arguments: dict, *, patient: bool = True) -> Any:
    """The result of a tool. Whoever is patient is told how far it is, and gets each output by itself."""

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        assert progress >= 0

    options = {"progress_callback": listen} if patient else {}
    return ask(address, lambda session: session.call_tool(tool, arguments, **options))


def embedded(data: bytes, kind: str) -> str:
    """Bytes as an address: what lies on a server of one's own network, Gradio refuses to fetch."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def file_at(url: str) -> bytes:
    """The file that a result names; it lies on this computer."""
    return Path(unquote(urlsplit(url).path.split("file=")[1])).read_bytes()


@pytest.fixture
def picture(large_picture: Pixels) -> str:
    return embedded(to_png(large_picture), "image/png")


def test_three_tools_are_offered_and_explained(address):
    offered = {tool.name: tool for tool in ask(address, lambda session: session.list_tools()).tools}
    assert set(offered) == {"compress", "decompress", "compare"}
    assert offered["compress"].description.startswith("Compress a picture to a .difd file.")
    assert offered["compare"].description.startswith("Compress a picture with diffdemo and with a classical codec")
    for tool in offered.values():
        for name, schema in tool.inputSchema["properties"].items():
            assert schema.get("description"), f"{tool.name} does not explain '{name}'"
    assert offered["compress"].inputSchema["required"] == ["image"]
    assert offered["decompress"].inputSchema["required"] == ["file"]
    assert offered["compare"].inputSchema["required"] == ["image"]


def test_compress_and_decompress(address, picture, large_picture):
    compressed = call(address, "compress", {"image": picture, "bpp": 3.0})
    assert not compressed.isError
    url, report = (content.text for content in compressed.content)
    data = file_at(url)
    assert ast.literal_eval(report)["num_bytes"] == len(data)

    decoded = call(address, "decompress", {"file": embedded(data, "application/octet-stream")})
    shown, address_of_it, numbers = decoded.content
    assert (shown.type, shown.mimeType) == ("image", "image/png")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.data))).convert("RGB"))
    assert pixels.shape == large_picture.shape
    assert np.array_equal(pixels, load_picture(file_at(address_of_it.text)).pixels)
    assert ast.literal_eval(numbers.text)["num_bytes"] == len(data)


def test_compare_gives_both_pictures_at_equal_bytes(address, picture):
    compared = call(address, "compare", {"image": picture, "num_bytes": 9000, "codec": "webp"})
    kinds = [content.type for content in compared.content]
    assert kinds == ["image", "text", "image", "text", "text"]
    report = ast.literal_eval(compared.content[-1].text)
    assert report["theirs"]["codec"] == "webp"
    assert report["theirs"]["num_bytes"] <= report["ours"]["num_bytes"] <= 9000
    assert report["notes"] == []
    tiny = ast.literal_eval(call(address, "compare", {"image": picture, "num_bytes": 400}).content[-1].text)
    assert "is larger than ours" in tiny["notes"][0]


def test_who_does_not_ask_for_progress_gets_the_same_in_one_text(address, picture):
    compressed = call(address, "compress", {"image": picture, "bpp": 3.0}, patient=False)
    (content,) = compressed.content
    assert "file.difd" in content.text
    assert "num_bytes" in content.text


def test_a_failure_is_told_in_words(address, picture):
    refused = call(address, "compress", {"image": picture, "num_bytes": 5})
    assert refused.isError
    assert "cannot hold the header" in refused.content[0].text
    odd = call(address, "decompress", {"file": picture}, patient=False)
    assert odd.isError
    assert "Not a diffdemo file" in odd.content[0].text


def test_what_is_no_tool_cannot_be_called(address):
    assert call(address, "stop", {"metric": "psnr_db"}).isError


def test_without_the_package_the_page_is_served_without_tools(monkeypatch):
    served = []
    monkeypatch.setattr(tools, "available", lambda: False)
    monkeypatch.setattr(gr.Blocks, "launch", lambda demo, **options: served.append(options))
    with gr.Blocks() as demo:
        gr.Markdown("a page")
    tools.launch(demo, server_port=1)
    assert served == [{"server_port": 1}]
