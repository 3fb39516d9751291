"""What strangers send over the network: every endpoint that takes a file or a number, and people who do not wait."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fakes import FakeEngine, in_line
from gradio_client import handle_file
from PIL import Image
from serving import built, client_of, serve

from diffdemo.ui.server import visitors
from diffdemo.ui.server.file_fields import FileInput, UploadInput
from diffdemo.ui.server.uploads import NOT_HERE

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")

PATIENCE = 300.0
HTTP = httpx.Client(timeout=PATIENCE)  # To make one reads all certificates that there are.
API = "gradio_api"


class Watched(FakeEngine):
    """Tells when an encode or a decode has begun and when it has ended, for whatever reason.

    Args:
        step_seconds: of each step.
    """

    def __init__(self, step_seconds: float = 0.05) -> None:
        super().__init__(step_seconds=step_seconds)
        self.began, self.ended = threading.Event(), threading.Event()
        self.num_steps = 0

    @in_line
    def encode(self, *args: Any, **options: Any) -> Iterator[Any]:
        return self._watched(super().encode(*args, **options))

    @in_line
    def decode(self, *args: Any, **options: Any) -> Iterator[Any]:
        return self._watched(super().decode(*args, **options))

    def _watched(self, items: Iterator[Any]) -> Iterator[Any]:
        self.began.set()
        try:
            for item in items:
                self.num_steps += 1
                yield item
        finally:
            self.ended.set()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(FakeEngine()) as address:
        yield address


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    """What programs can call, by name."""
    return {each.api_name: each for each in built(FakeEngine()).fns.values() if each.api_visibility != "private"}


@pytest.fixture
def picture(tmp_path, large_picture) -> str:
    path = tmp_path / "picture.png"
    Image.fromarray(large_picture).save(path)
    return str(path)


def answer(url: str, name: str, data: list[Any]) -> Any:
    """What a call without a client of Gradio's ends with."""
    called = HTTP.post(f"{url}{API}/call/{name}", json={"data": data})
    assert called.status_code == 200, called.text
    with HTTP.stream("GET", f"{url}{API}/call/{name}/{called.json()['event_id']}") as stream:
        lines = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")]
    return json.loads(lines[-1])


def inputs(function: Any) -> list[Any]:
    return [block for block in function.inputs if not block.stateful]


def takes_file(block: Any) -> bool:
    return isinstance(block, (FileInput, UploadInput, gr.Image))


WITH_FILES = ("batch", "classical", "compare_codecs", "compress", "curve", "decompress", "difference", "inspect")
WITH_FILES += ("add_original", "greet", "open_file", "samples", "upload")


def test_these_are_all_that_take_a_file(functions):
    assert {name for name, each in functions.items() if any(map(takes_file, inputs(each)))} == set(WITH_FILES)


@pytest.mark.parametrize("name", WITH_FILES)
def test_no_endpoint_opens_a_file_that_was_not_sent(url, functions, name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    secret = folder / "secret.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(secret)
    blocks = inputs(functions[name])
    described = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    shapes = [str(secret), {"path": str(secret)}, described, {"path": str(folder / "missing.png")}, "/dev/zero"]
    for shape in shapes:
        for given in (shape, [shape]):
            data = [given if takes_file(block) else getattr(block, "value", None) for block in blocks]
            assert answer(url, name, data)["error"] == NOT_HERE


@pytest.mark.parametrize(
    "name", ["compress", "decompress", "samples", "classical", "compare_codecs", "batch", "encode"]
)
@pytest.mark.parametrize("value", ["abc", True, 1e40])
def test_a_number_field_names_its_argument_and_what_it_may_be(url, functions, name, value):
    blocks = inputs(functions[name])
    data = [None if takes_file(block) else getattr(block, "value", None) for block in blocks]
    place = next(i for i, block in enumerate(blocks) if isinstance(block, (gr.Number, gr.Slider)))
    data[place] = value
    words = answer(url, name, data)["error"]
    assert "; it must be a" in words
    assert words.split(" is ")[0] in ("bpp", "realism", "count", "num_bytes", "side", "gamma")


def test_what_a_call_leaves_out_is_what_its_fields_begin_with(url, picture):
    file, report = answer(url, "compress", [upload(url, picture), 3.0])
    assert file["path"].endswith("picture.difd")
    assert report["num_bytes"] <= 3.0 * 200 * 192 / 8
    assert "takes a list of at most 8 values" in answer(url, "compress", [None] * 9)["error"]


def test_the_queue_cannot_be_skipped(url):
    for route in ("api", "run"):
        direct = HTTP.post(f"{url}{API}/{route}/compress", json={"data": []})
        assert direct.status_code == 404
        assert "join the queue" in direct.text


def test_a_model_of_another_codec_is_refused_and_a_rate_beyond_the_picture_told(url, picture):
    client = client_of(url)
    try:
        with pytest.raises(ValueError, match="belongs to the codec 'diffc', and 'cdc' was asked for"):
            client.predict(handle_file(picture), codec="cdc", model="fake", api_name="/compress")
        with pytest.raises(ValueError, match="bpp is '900'; it must be a number, at least 0 and at most 24"):
            client.predict(handle_file(picture), bpp=900, api_name="/compress")
        _, report = client.predict(handle_file(picture), bpp=20, api_name="/compress")
        assert "The file is complete with" in report["notes"][-1]
    finally:
        client.close()


@pytest.mark.parametrize(
    "told",
    [None, "abc", 5, [], ["kind"], {}, {"kind": ["html"]}, {"kind": "png", "part": [0, 0, "1", 1]}, {"index": "0"}],
)
def test_what_an_event_tells_of_itself_may_be_anything(url, told):
    events = {number: each for number, each in built(FakeEngine()).fns.items() if each.collects_event_data}
    assert len(events) == 3
    for number, each in events.items():
        call = {"fn_index": number, "session_hash": f"event{number}", "event_data": told}
        call["data"] = [None if block.stateful else block.value for block in each.inputs]
        assert HTTP.post(f"{url}{API}/queue/join", json=call).status_code == 200
        with HTTP.stream("GET", f"{url}{API}/queue/data", params={"session_hash": f"event{number}"}) as stream:
            messages = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            ended = next(each for each in messages if each["msg"] == "process_completed")
        words = ended["output"].get("error", "")
        assert ended["success"] or words.startswith(("There is no such example", "There is nothing on the wall")), words


# --- who waits --------------------------------------------------------------------------------------------------------


@contextmanager
def served(engine: Any, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> Iterator[str]:
    for name, value in limits.items():
        monkeypatch.setattr(visitors, name, value)
    with serve(engine) as address:
        yield address


def upload(url: str, picture: str) -> dict[str, Any]:
    with Path(picture).open("rb") as file:
        (path,) = HTTP.post(f"{url}{API}/upload", files={"files": file}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def join(url: str, sent: dict[str, Any], name: str = "compress") -> httpx.Response:
    data = [sent, 3.0, None, "fast", 0, "auto", "", ""]
    return HTTP.post(f"{url}{API}/call/{name}", json={"data": data})


@pytest.mark.parametrize("leaves", ["while it is told", "before it listens"])
def test_work_ends_with_whoever_asked(leaves, monkeypatch, picture):
    engine = Watched(step_seconds=0.3)
    with served(engine, monkeypatch, SILENT_SECONDS=0.2, _ROUND_SECONDS=0.1) as url:
        call = join(url, upload(url, picture)).json()["event_id"]
        if leaves == "while it is told":
            with HTTP.stream("GET", f"{url}{API}/call/compress/{call}") as stream:
                next(line for line in stream.iter_lines() if "generating" in line)
        assert engine.began.wait(PATIENCE)
        assert engine.ended.wait(PATIENCE)
        assert engine.num_steps < 9, "it was not worked through to its end"


def test_a_session_that_listens_is_not_dropped(monkeypatch, picture):
    engine = Watched(step_seconds=0.2)
    with served(engine, monkeypatch, SILENT_SECONDS=0.2, _ROUND_SECONDS=0.1) as url:
        client = client_of(url)
        file, _ = client.predict(handle_file(picture), bpp=3.0, api_name="/compress")
        assert Path(file).stat().st_size > 100
        client.close()


def test_nobody_fills_the_queue_for_all(monkeypatch, picture):
    engine = Watched(step_seconds=0.3)
    with served(engine, monkeypatch, MAX_WAITING=3, SILENT_SECONDS=PATIENCE) as url:
        sent = upload(url, picture)
        answers = [join(url, sent) for _ in range(8)]
        refused = [each for each in answers if each.status_code == 503]
        assert 3 <= len(refused) <= 5
        assert "Too many of your calls are waiting already (3)" in refused[0].json()["detail"]
        assert refused[0].headers["retry-after"] == "30"
        assert answers[0].status_code == 200


def test_idle_calls_make_room_again(monkeypatch, picture):
    engine = Watched(step_seconds=0.3)
    with served(engine, monkeypatch, MAX_WAITING=2, SILENT_SECONDS=0.3, _ROUND_SECONDS=0.1) as url:
        sent = upload(url, picture)
        for _ in range(4):
            join(url, sent)
        client = client_of(url)
        engine.ended.wait(PATIENCE)
        for _ in range(100):
            if join(url, sent).status_code == 200:
                break
            threading.Event().wait(0.2)
        else:
            pytest.fail("what nobody listened to still waits")
        client.close()


@pytest.mark.parametrize(("path", "status"), [("/gradio_api/cancel", 200), ("/gradio_api/elsewhere", 500)])
def test_what_has_ended_by_itself_is_cancelled_too(path, status):
    """Gradio forgets a call that ends while it is being cancelled, and then does not find it."""

    async def forgets(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("c8d11733001942ca97ac95e4c8ac945a")

    application = visitors.Visitors(forgets, max_waiting=1, silent_seconds=1.0)
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return (await client.post(path, json={})).status_code

    assert asyncio.run(ask()) == status
