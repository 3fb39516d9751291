"""What passes the gate before the page's events, value by value."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from diffdemo.shipped import ASSETS
from diffdemo.ui.server import fetching, uploads
from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.server.gate import GuardedBlocks, argument_names, checked, still_offered
from diffdemo.ui.server.uploads import NOT_HERE, TOO_LARGE, read_upload, require_upload

WHOLE = gr.Number(0, precision=0, minimum=0, maximum=100)
RATE = gr.Number(1.0, minimum=0, maximum=24)
OPTIONAL = gr.Number(None, precision=0, minimum=0, maximum=1_000_000)
TEXT = gr.Textbox("", max_length=10)
CHOICE = gr.Radio(["a", "b"], value="a")
FILE, FILES = FileInput(), FileInput(file_count="multiple")


def passed(block: Any, value: Any) -> Any:
    return asyncio.run(checked("bpp", block, value))


def refused(block: Any, value: Any) -> str:
    with pytest.raises(gr.Error) as error:
        passed(block, value)
    return error.value.message


@pytest.mark.parametrize("value", ["abc", "", "3", math.nan, math.inf, -math.inf, True, [1], {"a": 1}])
def test_what_is_no_number_is_named_with_what_it_may_be(value):
    words = refused(RATE, value)
    assert words == f"bpp is '{str(value)[:40]}'; it must be a number, at least 0 and at most 24."


@pytest.mark.parametrize("value", [-0.1, 24.5, 1e300, -(10**400)])
def test_numbers_outside_of_their_bounds(value):
    assert "it must be a number, at least 0 and at most 24." in refused(RATE, value)


def test_numbers_within_them():
    assert passed(RATE, 0.25) == 0.25
    assert passed(WHOLE, 100) == 100
    assert "a whole number, at least 0 and at most 100" in refused(WHOLE, "x")
    assert "at most 1,000,000" in refused(OPTIONAL, 10**12)


def test_an_empty_number_is_what_its_field_begins_with():
    assert passed(RATE, None) == 1.0
    assert passed(OPTIONAL, None) is None


def test_sliders_choices_texts_and_marks():
    assert passed(gr.Slider(1, 65, value=17), 5) == 5
    assert "at most 65" in refused(gr.Slider(1, 65, value=17), 66)
    assert passed(TEXT, None) is None
    assert passed(TEXT, "0123456789") == "0123456789"
    several = gr.CheckboxGroup(["a", "b"], value=["b"])
    assert passed(several, ["a"]) == ["a"]
    for value in (None, "a", {"a": 1}, 3, [["a"]]):
        assert "a list of some of the choices" in refused(several, value)
    for value in ("0123456789a", "a\0b", 5, ["a"]):
        assert "a text of at most 10 characters" in refused(TEXT, value)
    assert passed(CHOICE, "a") == "a"
    assert "one of the choices" in refused(CHOICE, {"a": 1})
    assert passed(gr.Checkbox(), True) is True
    assert "true or false" in refused(gr.Checkbox(), "yes")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(b"data")
    return path


@pytest.mark.parametrize("shape", ["text", "path", "client"])
def test_an_upload_passes_in_every_shape(own, shape):
    path = str(own)
    value = {"text": path, "path": {"path": path}, "client": {"path": path, "meta": {"_type": "gradio.FileData"}}}[
        shape
    ]
    assert passed(FILE, value)["path"] == str(own.resolve())
    assert [each["path"] for each in passed(FILES, [value, value])] == [str(own.resolve())] * 2
    assert passed(FILE, [value])["path"] == str(own.resolve())


def elsewhere(kind: str, own: Path, outside: Path) -> str:
    """A path of that kind that nobody may name."""
    folder = own.parent
    secret = outside / "secret.png"
    secret.write_bytes(b"data")
    if kind == "file":
        return str(secret)
    if kind == "dots":
        return f"{folder}/../../../../../../../../{secret}"
    if kind == "link":
        (folder / "link.png").symlink_to(secret)
        return str(folder / "link.png")
    if kind == "loop":
        (folder / "loop").symlink_to(folder / "loop")
        return str(folder / "loop")
    if kind == "pipe":
        os.mkfifo(folder / "pipe")
        return str(folder / "pipe")
    known = {"folder": str(folder), "missing": str(folder / "no.png"), "device": "/dev/zero", "nul": "a\0b"}
    return known[kind]


@pytest.mark.parametrize("kind", ["file", "dots", "link", "loop", "pipe", "folder", "missing", "device", "nul"])
def test_everything_else_is_refused_in_the_same_words(kind, own, tmp_path_factory):
    path = elsewhere(kind, own, tmp_path_factory.mktemp("outside"))
    shapes = [
        path,
        {"path": path},
        {"path": path, "url": "http://x"},
        {"path": path, "meta": {"_type": "gradio.FileData"}},
    ]
    for value in (*shapes, [path], {"root": [{"path": path}]}):
        assert refused(FILE, value) == NOT_HERE
        assert refused(FILES, [value]) == NOT_HERE
        assert refused(gr.Image(), value) == NOT_HERE
    assert refused(gr.JSON(), {"deep": [{"path": path}]}) == NOT_HERE
    for opens in (require_upload, read_upload):
        with pytest.raises(gr.Error, match="no file that was sent"):
            opens(path)


@pytest.mark.parametrize("value", [5, True, {"path": 5}, {"path": ["a"]}, {"url": "http://x"}, [[]]])
def test_what_is_no_path_at_all(value):
    with pytest.raises(gr.Error, match="no file that was sent"):
        asyncio.run(checked("file", FILES, value if value != [[]] else [[["x"]]]))


def test_nothing_is_nothing_and_our_own_files_may_be_named():
    assert passed(FILE, None) is None
    assert passed(FILES, []) is None
    assert passed(FILE, str(ASSETS / "thumbnail.jpg"))["path"].endswith("thumbnail.jpg")


def test_a_file_that_is_too_large(own, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_FILE_MEGABYTES", 0)
    assert refused(FILE, str(own)) == TOO_LARGE


def test_names_are_those_that_programs_use():
    def handler(session, bpp: float, picked: gr.SelectData, file: str, request: gr.Request | None = None) -> None:
        """As handlers are."""

    assert argument_names(handler) == ["session", "bpp", "file"]


def test_fields_for_files_leave_nothing_behind(own):
    before = sorted(Path(get_upload_folder()).iterdir())
    field = FileInput()
    data = field.data_model(path=str(own), meta={"_type": "gradio.FileData"})
    assert field.preprocess(data) == str(own)
    assert sorted(Path(get_upload_folder()).iterdir()) == before
    assert field.get_block_name() == "file"


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.fixture
def public(monkeypatch):
    """Whoever answers on this computer counts as a public host."""

    async def everywhere(host: str) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(fetching.safehttpx, "async_validate_url", everywhere)


@pytest.fixture
def server():
    """Answers with a small file, an endless one, a redirect, or an error."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/round":
                self.send_response(302)
                self.send_header("Location", "/round")
                self.end_headers()
            elif self.path in ("/small.png", "/endless.png"):
                self.send_response(200)
                self.end_headers()
                pieces = 1 if self.path == "/small.png" else 1 << 20
                try:
                    for _ in range(pieces):
                        self.wfile.write(b"data" * 1024)
                except OSError:
                    pass  # The other side has had enough.
            else:
                self.send_error(404)

        def log_message(self, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_public_file_is_fetched(public, server):
    place = passed(FILE, f"{server}/small.png")["path"]
    assert Path(place).read_bytes() == b"data" * 1024
    assert Path(place).name == "small.png"


def test_no_more_than_an_upload_is_fetched(public, server, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_FILE_MEGABYTES", 1)
    assert refused(FILE, f"{server}/endless.png") == TOO_LARGE


@pytest.mark.parametrize("path", ["/nothing", "/round"])
def test_what_cannot_be_fetched_is_told_in_words(public, server, path):
    assert "could not be fetched" in refused(FILE, server + path)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/a.png", "http://localhost/a", "http://10.0.0.1/a", "http:///a"]
)
def test_private_networks_are_not_looked_into(address):
    assert "could not be fetched" in refused(FILE, address)


def test_a_choice_that_was_taken_back_meanwhile_is_the_first_that_is_offered_now():
    begun = gr.Dropdown(["original", "ours"], value="original")
    live = gr.Dropdown(["mean", "ours"], value="mean")
    assert still_offered(begun, live, "original") == "mean"
    assert still_offered(begun, live, "ours") == "ours"
    assert still_offered(begun, begun, "mp3") == "mp3", "a program's mistake is told"
    free = gr.Dropdown(["equal"], value="equal", allow_custom_value=True)
    assert still_offered(begun, free, "0.5 bpp") == "0.5 bpp"


async def _as_gradio_keeps_it(begun, **update):
    """The component that stands in a session's state after an update of it."""
    with GuardedBlocks() as page:
        begun.render()
        page.load(lambda: gr.update(**update), None, begun)
    state = SessionState(page)
    (function,) = page.fns.values()
    await page.postprocess_data(function, gr.update(**update), state)
    return state[begun._id]


@pytest.mark.parametrize("field", [gr.Radio, gr.Dropdown])
def test_an_update_of_choices_leaves_a_field_that_always_has_one(field):
    begun = field(["mean", "flow"], value="mean", render=False)
    live = asyncio.run(_as_gradio_keeps_it(begun, choices=["one step", "flow"], value="flow"))
    assert [each for _, each in live.choices] == ["one step", "flow"]
    for sent in ("mean", None):
        assert still_offered(begun, live, sent) == "one step"
    assert still_offered(begun, live, "flow") == "flow"
    empty = gr.Dropdown(["mean"], value=None)
    assert still_offered(empty, live, None) is None, "nothing chosen is a choice, where a field begins so"


def test_what_was_found_right_stays_right_while_another_event_changes_its_field():
    """Between the gate and Gradio's own check other events of the page have their turns."""

    class Meddling(gr.Textbox):
        def preprocess(self, payload: str | None) -> str | None:
            state[chosen._id] = gr.Dropdown(["mean"], render=False)
            state[number._id] = gr.Slider(0, 10, render=False)
            return super().preprocess(payload)

    with GuardedBlocks() as page:
        fields = [Meddling(), gr.Dropdown(["mean", "heic"]), gr.Slider(0, 1000)]
        page.load(lambda *values: None, fields, None)
    _, chosen, number = fields
    state = SessionState(page)
    (function,) = page.fns.values()
    values = asyncio.run(page.preprocess_data(function, ["", "heic", 900], state))
    assert values == ["", "heic", 900]
    assert [each for _, each in state[chosen._id].choices] == ["mean"], "what the other event has changed is changed"
    assert asyncio.run(page.preprocess_data(function, ["", "heic", 900], state)) == ["", "mean", 10]


def test_a_text_or_a_choice_that_is_not_given_is_what_the_field_began_with():
    assert still_offered(gr.Textbox("psnr_db"), gr.Textbox("psnr_db"), None) == "psnr_db"
    radio = gr.Radio(["mean", "flow"], value="mean")
    assert still_offered(radio, radio, None) == "mean"
    several = gr.CheckboxGroup(["a", "b"], value=["b"])
    assert still_offered(several, several, None) == ["b"]
    assert still_offered(gr.Number(3), gr.Number(3), None) is None


def test_a_number_beyond_bounds_that_the_page_has_set_meanwhile_is_the_nearest_within_them():
    begun, live = gr.Slider(0, 1, value=1), gr.Slider(40, 900, value=900)
    assert still_offered(begun, live, 6494) == 900
    assert still_offered(begun, live, 0) == 40
    assert still_offered(begun, live, 500) == 500
    assert still_offered(begun, begun, 6494) == 6494, "a program's mistake is told"
    for value in ("6494", True, math.nan, math.inf, [6494], None):
        assert "it must be a number" in refused(live, still_offered(begun, live, value) or "")
