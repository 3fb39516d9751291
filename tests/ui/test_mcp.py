"""The page as a server of tools, spoken to by the client of the protocol's own package."""

from __future__ import annotations

import ast
import asyncio
import base64
import inspect
import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote

import gradio as gr
import httpx
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from serving import built

from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture
from diffdemo.ui.app import launch_options
from diffdemo.ui.programs import mcp
from diffdemo.ui.programs.compare import Comparison
from diffdemo.ui.programs.endpoints import Endpoints

pytestmark = pytest.mark.filterwarnings("ignore")  # Those of the protocol's package and its servers; none is ours.


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("mcp")
    engine = FakeEngine()
    demo = built(engine)
    mcp.launch(demo, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options(engine))
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
    """What lies under an address of the page."""
    return httpx.get(url).raise_for_status().content


@pytest.fixture
def picture(large_picture: Pixels) -> str:
    return embedded(to_png(large_picture), "image/png")


def test_three_tools_are_offered_and_explained(address):
    offered = {tool.name: tool for tool in ask(address, lambda session: session.list_tools()).tools}
    assert set(offered) == {"compress", "decompress", "compare"}
    assert offered["compress"].description.startswith("Compress a picture to a .difd file.")
    assert offered["compare"].description.startswith("Compress a picture with two codecs")
    assert offered["compress"].inputSchema["required"] == ["image"]
    assert offered["decompress"].inputSchema["required"] == ["file"]
    assert offered["compare"].inputSchema["required"] == ["image"]


def is_whole(sentence: str) -> bool:
    """Whether nothing is cut off: Gradio takes what stands on an argument's first line."""
    return sentence.endswith(".") and sentence.count("(") == sentence.count(")") and sentence.count('"') % 2 == 0


def test_every_argument_is_explained_in_a_whole_sentence(address):
    for tool in ask(address, lambda session: session.list_tools()).tools:
        for name, schema in tool.inputSchema["properties"].items():
            words = schema.get("description", "")
            assert is_whole(words), f"{tool.name}: '{name}' is explained as '{words}'"
            assert len(words) <= 120
        _, returns = tool.description.split(" Returns: ")
        assert is_whole(returns)
        assert ", ," not in returns


@pytest.mark.parametrize("call_in_class", [Endpoints.compress, Endpoints.decompress, Comparison.compare_codecs])
def test_no_sentence_of_a_tool_goes_on_in_a_second_line(call_in_class):
    lines = inspect.getdoc(call_in_class).splitlines()
    explained = [line.strip() for line in lines[lines.index("Args:") + 1 :] if line.startswith("    ")]
    assert len(explained) > 4
    for line in explained:
        assert line.endswith("."), f"'{line}' goes on, where no agent sees it"


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
    assert np.array_equal(pixels, load_picture(file_at(address_of_it.text.removeprefix("Image URL: "))).pixels)
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


def test_who_does_not_ask_for_progress_gets_the_same(address, picture):
    url, report = call(address, "compress", {"image": picture, "bpp": 3.0}, patient=False).content
    assert ast.literal_eval(report.text)["num_bytes"] == len(file_at(url.text))
    shown, _, numbers = call(address, "decompress", {"file": url.text}, patient=False).content
    assert shown.type == "image"
    assert ast.literal_eval(numbers.text)["num_bytes"] == len(file_at(url.text))


def test_what_a_tool_gives_the_next_one_takes(address, picture, large_picture):
    url = call(address, "compress", {"image": picture, "bpp": 3.0}).content[0].text
    _, words, _ = call(address, "decompress", {"file": url}).content
    pixels = load_picture(file_at(words.text.removeprefix("Image URL: "))).pixels
    assert pixels.shape == large_picture.shape
    again = call(address, "compare", {"image": words.text.removeprefix("Image URL: "), "num_bytes": 9000})
    assert not again.isError


def test_a_file_that_was_sent_to_the_page_is_taken(address, large_picture):
    """As `gradio upload-mcp` sends it, the tool beside this server that agents send files with."""
    page = address.removesuffix("/gradio_api/mcp/")
    (path,) = httpx.post(f"{page}/gradio_api/upload", files={"files": ("a.png", to_png(large_picture))}).json()
    compressed = call(address, "compress", {"image": f"{page}{mcp.FILE}{quote(path)}", "bpp": 3.0})
    assert compressed.content[0].text.endswith("/a.difd")


def test_a_failure_is_told_in_words(address, picture):
    refused = call(address, "compress", {"image": picture, "num_bytes": 5})
    assert refused.isError
    assert "cannot hold the header" in refused.content[0].text
    odd = call(address, "decompress", {"file": picture}, patient=False)
    assert odd.isError
    assert "Not a diffdemo file" in odd.content[0].text


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("photo.png", "'photo.png' is not the address of a file. A file can be"),
        ("/etc/passwd", "'/etc/passwd' is not the address of a file"),
        ("file:///etc/passwd", "is not the address of a file"),
        ("http://127.0.0.1:7/a.png", "'127.0.0.1' is in a private network; the page fetches nothing there. A file can"),
        ("http://localhost/gradio_api/file=/etc/passwd", "'localhost' is in a private network"),
        ("http://192.168.1.7/a.png", "'192.168.1.7' is in a private network"),
        ("https://nowhere.invalid/a.png", "could not be fetched"),
        ("data:image/png;base64,AAAA", "is not a picture that can be read here"),
    ],
)
def test_what_is_no_file_is_refused_in_words(address, given, words, patient):
    refused = call(address, "compress", {"image": given}, patient=patient)
    assert refused.isError
    assert words in refused.content[0].text


def test_a_file_of_the_page_that_is_gone_is_told(address, picture):
    url = call(address, "compress", {"image": picture, "bpp": 3.0}).content[0].text
    refused = call(address, "decompress", {"file": url.replace("file.difd", "other.difd")})
    assert refused.isError
    assert "'other.difd' is gone: the page keeps files for a few hours" in refused.content[0].text


def test_no_path_leads_out_of_the_folder_of_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    inside, outside = tmp_path / "files" / "a b.png", tmp_path / "secret.png"
    inside.parent.mkdir()
    inside.touch()
    outside.touch()
    (tmp_path / "files" / "link.png").symlink_to(outside)
    page = f"https://somebody-diffdemo.hf.space{mcp.FILE}"
    assert mcp.own_file(f"{page}{quote(str(inside))}") == str(inside)
    for path in (outside, tmp_path / "files" / ".." / "secret.png", tmp_path / "files" / "link.png"):
        assert mcp.own_file(f"{page}{quote(str(path))}") is None, "to be fetched, which Gradio refuses"
    assert mcp.own_file("https://example.org/a.png") is None


def test_a_value_that_does_not_fit_is_refused_in_words(address, picture):
    for arguments, words in (
        ({"preset": "slow"}, "'slow' is not one of ['fast', 'balanced', 'best']"),
        ({"bpp": "many"}, "'many' is not of type 'number'"),
        ({"model": "nonesuch"}, "no model 'nonesuch'"),
        ({"quality": 3}, "`quality` is not a valid key-word argument"),
    ):
        refused = call(address, "compress", {"image": picture} | arguments)
        assert refused.isError
        assert words in refused.content[0].text
    assert "'image' is a required property" in call(address, "compress", {}).content[0].text


def test_what_is_no_tool_cannot_be_called(address):
    assert call(address, "stop", {"metric": "psnr_db"}).isError


def test_without_the_package_the_page_is_served_without_tools(monkeypatch):
    served = []
    monkeypatch.setattr(mcp, "available", lambda: False)
    monkeypatch.setattr(gr.Blocks, "launch", lambda demo, **options: served.append(options))
    with gr.Blocks() as demo:
        gr.Markdown("a page")
    mcp.launch(demo, server_port=1)
    assert served == [{"server_port": 1}]
