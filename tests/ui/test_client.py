"""The page from outside: a real server, and the client that programs would use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_models import BROKEN, CUT_OFF, LATENT, PIXEL, RELEASED, STEPS
from fakes import FakeEngine
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from serving import client_of, serve

from diffdemo.pictures import load_picture

PATIENCE = 300

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")

SESSION_FIELDS = ("source", "notes", "side", "stage", "against", "argument", "status", "plot", "strip", "compare")
STATUS, NOTES, STAGE, DOWNLOAD = 6, 1, 3, 11


@pytest.fixture(scope="module")
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(fake) -> Iterator[str]:
    with serve(fake) as address:
        yield address


@pytest.fixture(scope="module")
def client(url) -> Iterator[Client]:
    """One for all tests, which bring a picture each: to close a client takes a second."""
    connected = client_of(url)
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


def test_classical_at_a_rate(client, picture):
    file, _, report = client.predict(handle_file(picture), "jpeg2000", bpp=1.5, api_name="/classical")
    assert Path(file).suffix == ".jp2"
    assert Path(file).stat().st_size == report["num_bytes"] <= 1.5 * 200 * 192 / 8


def test_two_codecs_are_compared_at_equal_bytes_and_at_two_rates(client, picture):
    ours, theirs, report = client.predict(handle_file(picture), 9000, "webp", api_name="/compare_codecs")
    assert load_picture(ours).pixels.shape == load_picture(theirs).pixels.shape
    assert report["theirs"]["num_bytes"] <= report["ours"]["num_bytes"] <= 9000
    options = {"codec": "cdc", "own": "jpeg", "bpp": 0.9, "their_bpp": 1.8}
    *_, report = client.predict(handle_file(picture), **options, api_name="/compare_codecs")
    assert report["ours"]["bpp"] <= 0.9 < report["theirs"]["bpp"] <= 1.8
    with pytest.raises(AppError, match="is not in the list of choices"):
        client.predict(handle_file(picture), codec="mp3", api_name="/compare_codecs")


def test_errors_reach_the_caller_in_words(client, tmp_path, picture):
    path = tmp_path / "odd.difd"
    path.write_bytes(b"RIFF....")
    with pytest.raises(AppError, match="Not a diffdemo file"):
        client.predict(handle_file(str(path)), api_name="/inspect")
    with pytest.raises(AppError, match="cannot hold the header"):
        client.predict(handle_file(picture), 1.0, 5, "fast", 0, api_name="/compress")


def test_an_encode_streams(client, picture):
    client.predict(handle_file(picture), api_name="/upload")
    job = client.submit(0, 3.0, None, "fast", 0, api_name="/encode")
    job.result(timeout=300)
    lines = [output[STATUS] for output in job.outputs()]
    assert len(lines) > 3
    assert "step 1 of about" in lines[0]
    assert "Compressed in" in lines[-1]


def test_pictures_on_the_page_are_exact(client, picture, large_picture):
    client.predict(handle_file(picture), api_name="/upload")
    job = client.submit(0, 3.0, None, "fast", 0, api_name="/encode")
    left = job.result(timeout=300)[STAGE]["left"]
    assert np.array_equal(load_picture(left["picture"]).pixels, large_picture)


def test_sessions_do_not_share(client, url, picture):
    client.predict(handle_file(picture), api_name="/upload")
    other = client_of(url)
    try:
        assert "No file" in other.predict("psnr_db", api_name="/stop")[STATUS]
        with pytest.raises(AppError, match="no picture yet"):
            other.predict(0, 1.0, None, "fast", 0, api_name="/encode")
    finally:
        other.close()


def test_stop_keeps_the_file_and_frees_the_device(client, picture, fake):
    client.predict(handle_file(picture), api_name="/upload")
    fake.step_seconds = 0.3
    try:
        job = client.submit(0, 3.0, None, "fast", 0, api_name="/encode")
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


def test_whoever_waits_reads_for_how_long_and_may_leave(client, picture, fake):
    client.predict(handle_file(picture), api_name="/upload")
    others = [fake.scheduler.running(fake.scheduler.job(seconds=60.0), iter("ab")) for _ in range(2)]
    fake.job_seconds = 40.0
    try:
        for other in others:
            next(other)
        deadline = time.monotonic() + PATIENCE
        job = client.submit(0, 3.0, None, "fast", 0, api_name="/encode")
        while not job.outputs() and time.monotonic() < deadline:
            time.sleep(0.02)
        programs = client.submit(handle_file(picture), 3.0, None, "fast", 0, api_name="/compress")
        while not programs.outputs() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "You are next, about 2 min" in job.outputs()[0][STATUS]
        assert programs.outputs()[0][1] == {"before": 1, "seconds_until_begun": 120.0}
        job.cancel()
        client.predict("psnr_db", api_name="/stop")
        while programs.outputs()[-1][1].get("before") != 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert programs.outputs()[-1][1]["before"] == 0, "the one before has left the line"
        others[0].close()
        file, _ = programs.result(timeout=PATIENCE)
        assert Path(file).stat().st_size > 100
    finally:
        fake.job_seconds = 0.0
        for other in others:
            other.close()


@pytest.mark.parametrize("screens_before", [0, 1])
def test_an_upload_is_not_replaced_when_the_example_before_it_falls_silent(client, picture, fake, screens_before):
    client.predict(api_name="/greet")
    fake.step_seconds = 0.2
    try:
        job = client.submit("psnr_db", api_name="/open_first_example")
        deadline = time.monotonic() + 20
        while not (fake.lock.locked() and len(job.outputs()) == screens_before) and time.monotonic() < deadline:
            time.sleep(0.01)
        client.predict(handle_file(picture), api_name="/upload")
        last = job.result(timeout=300)
    finally:
        fake.step_seconds = 0.0
    assert last == client.predict("psnr_db", api_name="/open_first_example"), "nothing changes without an example"
    *_, compressed = client.submit(0, 3.0, None, "fast", 0, api_name="/encode")
    assert load_picture(compressed[STAGE]["left"]["picture"]).pixels.shape == (192, 200, 3)


def test_cdc_files_in_and_out(client, picture, fake, tmp_path):
    file, report = client.predict(handle_file(picture), 2.0, None, "fast", 0, "cdc", api_name="/compress")
    assert Path(file).read_bytes().startswith(b"FCDC")
    assert report["decoder"] == "deterministic"
    info = client.predict(handle_file(file), api_name="/inspect")
    assert (info["codec"], info["seed"], info["preset"], info["is_embedded"]) == ("cdc", None, None, False)

    _, plain = client.predict(handle_file(file), api_name="/decompress")
    assert plain["decoder"] == "deterministic"
    chosen = client.predict(handle_file(file), "stochastic", 1.0, None, 3, 0.5, 0.0, 4, api_name="/decompress")
    assert (chosen[1]["decoder"], chosen[1]["num_steps"]) == ("stochastic", 4)
    drawn, mean, spread = client.predict(handle_file(file), 3, 0.5, 0.0, 4, 3, api_name="/samples")
    assert np.array_equal(load_picture(drawn[0]).pixels, load_picture(chosen[0]).pixels)
    assert len({*drawn, mean, spread}) == 5

    cut = tmp_path / "cut.difd"
    cut.write_bytes(Path(file).read_bytes()[:-1])
    with pytest.raises(AppError, match="fetch it again, whole"):
        client.predict(handle_file(str(cut)), api_name="/decompress")
    with pytest.raises(AppError, match="has no decoder 'mean'"):
        client.predict(handle_file(file), "mean", api_name="/decompress")


def test_cdc_on_the_page_takes_its_choices(client, picture):
    client.predict(handle_file(picture), api_name="/upload")
    job = client.submit(0, 2.0, None, "fast", 0, "cdc", api_name="/encode")
    assert job.result(timeout=300)[STAGE]["right"]["caption"] == "CDC, deterministic, 1 step"
    job = client.submit(1, "stochastic", 1.0, 5, 0.5, api_name="/decode")
    job.result(timeout=300)
    assert "step 1 of 5" in job.outputs()[0][STATUS]
    assert job.outputs()[-1][STAGE]["right"]["caption"] == "CDC, stochastic, 5 steps"
    job = client.submit(1, "stochastic", 1.0, 2, api_name="/imagine")
    job.result(timeout=300)
    assert "4 samples" in job.outputs()[-1][STATUS]


def test_models_are_listed_downloaded_and_used(client, picture, fake):
    listed = {each["name"]: each for each in client.predict(api_name="/models")}
    assert (listed["fake"]["is_here"], listed[LATENT]["takes_prompt"], listed[LATENT]["is_here"]) == (True, True, False)
    assert RELEASED in {each["name"] for each in client.predict(True, api_name="/models")}
    with pytest.raises(AppError, match="is not on this computer"):
        client.predict(handle_file(picture), model=PIXEL, api_name="/compress")

    job = client.submit(PIXEL, api_name="/download")
    assert job.result(timeout=300)["done"] is True
    assert [each["num_bytes"] for each in job.outputs()][: STEPS + 1] == [91_000_000 * n for n in range(STEPS + 1)]
    file, report = client.predict(handle_file(picture), bpp=1.0, model=PIXEL, api_name="/compress")
    assert report["model"] == PIXEL
    assert report["notes"] == ["Cut and scaled from 200 x 192, to the size that ddpm-cat-256 knows."]
    info = client.predict(handle_file(file), api_name="/inspect")
    assert (info["model"], info["width"]) == (PIXEL, 256)

    client.submit(LATENT, api_name="/download").result(timeout=300)
    file, _ = client.predict(handle_file(picture), bpp=3.0, model=LATENT, prompt="a bear", api_name="/compress")
    assert client.predict(handle_file(file), api_name="/inspect")["prompt"] == "a bear"
    _, report = client.predict(handle_file(picture), bpp=2.0, model="fake-cdc", api_name="/compress")
    assert report["decoder"] == "deterministic"


def test_a_download_that_fails_says_why(client):
    with pytest.raises(AppError, match=CUT_OFF[:40]):
        client.submit(BROKEN, api_name="/download").result(timeout=300)
    with pytest.raises(AppError, match="There is no model 'nothing'"):
        client.predict("nothing", api_name="/download")


def test_a_download_does_not_wait_for_the_device(client, picture, fake):
    client.predict(handle_file(picture), api_name="/upload")
    with fake.lock:
        encoding = client.submit(0, 3.0, None, "fast", 0, "diffc", "fake", "", api_name="/encode")
        assert client.submit(PIXEL, api_name="/download").result(timeout=300)["done"] is True
        assert not encoding.done()
    assert "Compressed in" in encoding.result(timeout=300)[STATUS]
