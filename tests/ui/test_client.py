"""The page from outside: a real server, and the client that programs would use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from serving import serve

from diffdemo.images import load_picture

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")

SESSION_FIELDS = ("source", "notes", "side", "stage", "captions", "argument", "status", "plot", "strip", "compare")
STATUS, NOTES, STAGE, DOWNLOAD = 6, 1, 3, 11


@pytest.fixture(scope="module")
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(fake) -> Iterator[str]:
    with serve(fake) as address:
        yield address


@pytest.fixture
def client(url) -> Iterator[Client]:
    connected = Client(url, verbose=False, analytics_enabled=False)
    yield connected
    connected.close()


@pytest.fixture
def picture(tmp_path, large_picture) -> str:
    path = tmp_path / "picture.png"
    Image.fromarray(large_picture).save(path)
    return str(path)


def test_compress_decompress_inspect(client, picture, fake, large_picture):
    file, report = client.predict(handle_file(picture), 3.0, None, "best", 5, api_name="/compress")
    data = Path(file).read_bytes()
    assert len(data) == report["num_bytes"]
    info = client.predict(handle_file(file), api_name="/inspect")
    assert (info["seed"], info["preset"], info["width"], info["height"]) == (5, "best", 200, 192)

    png, decoded = client.predict(handle_file(file), "mean", 1.0, None, 0, api_name="/decompress")
    *_, expected = fake.decode(data)
    assert np.array_equal(load_picture(png).pixels, expected.pixels)
    assert decoded["num_bytes"] == len(data)

    _, half = client.predict(handle_file(file), "flow", 0.5, len(data) // 2, 0, api_name="/decompress")
    assert half["num_bytes"] == len(data) // 2


def test_classical(client, picture):
    file, png, report = client.predict(handle_file(picture), "webp", 5000, api_name="/classical")
    assert Path(file).stat().st_size == report["num_bytes"] <= 5000
    assert np.array_equal(load_picture(png).pixels, load_picture(file).pixels)


def test_errors_reach_the_caller_in_words(client, tmp_path, picture):
    path = tmp_path / "odd.difd"
    path.write_bytes(b"RIFF....")
    with pytest.raises(AppError, match="Not a diffdemo file"):
        client.predict(handle_file(str(path)), api_name="/inspect")
    with pytest.raises(AppError, match="cannot hold the header"):
        client.predict(handle_file(picture), 1.0, 5, "fast", 0, api_name="/compress")


def test_an_encode_streams(client, picture):
    client.predict(handle_file(picture), api_name="/upload")
    job = client.submit(0, 3.0, None, "fast", 0, "psnr_db", api_name="/encode")
    job.result(timeout=20)
    lines = [output[STATUS] for output in job.outputs()]
    assert len(lines) > 3
    assert "step 1 of about" in lines[0]
    assert "Compressed in" in lines[-1]


def test_pictures_on_the_page_are_exact(client, picture, large_picture):
    client.predict(handle_file(picture), api_name="/upload")
    job = client.submit(0, 3.0, None, "fast", 0, "psnr_db", api_name="/encode")
    left, _ = job.result(timeout=20)[STAGE]
    assert np.array_equal(load_picture(left).pixels, large_picture)


def test_sessions_do_not_share(url, picture):
    first, second = (Client(url, verbose=False, analytics_enabled=False) for _ in range(2))
    try:
        first.predict(handle_file(picture), api_name="/upload")
        assert "No file" in second.predict("psnr_db", api_name="/stop")[STATUS]
        with pytest.raises(AppError, match="no picture yet"):
            second.predict(0, 1.0, None, "fast", 0, "psnr_db", api_name="/encode")
    finally:
        first.close()
        second.close()


def test_stop_keeps_the_file_and_frees_the_device(client, picture, fake):
    client.predict(handle_file(picture), api_name="/upload")
    fake.step_seconds = 0.3
    try:
        job = client.submit(0, 3.0, None, "fast", 0, "psnr_db", api_name="/encode")
        deadline = time.monotonic() + 10
        while not job.outputs() and time.monotonic() < deadline:
            time.sleep(0.02)
        job.cancel()
    finally:
        fake.step_seconds = 0.0
    stopped = client.predict("psnr_db", api_name="/stop")
    assert "valid file" in stopped[STATUS]
    file, _ = client.predict(handle_file(picture), 3.0, None, "fast", 0, api_name="/compress")
    assert 0 < Path(stopped[DOWNLOAD]["value"]).stat().st_size < Path(file).stat().st_size
    assert not fake.lock.locked()
