"""Examples whose result is known: what a visitor sees before the page's program is there, and without a queue."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.testclient import TestClient
from stage import shown
from starlette.middleware import Middleware

from diffdemo.engine import Engine
from diffdemo.engine.examples import (
    EXAMPLES,
    OPENING_BPP,
    ExampleResult,
    Opening,
    example_file,
    example_pixels,
    example_result,
)
from diffdemo.metrics.distortion import psnr_db
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.server import poster
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns

OPENING_BYTES = 819
"""Fewer than any JPEG of the fake engine's examples has."""


class Knowing(FakeEngine):
    """A fake engine that knows what came of its examples."""

    def example_result(self, name: str) -> ExampleResult:
        pixels = self.example_pixels(name)
        *_, last = FakeEngine().decode(self.example_file(name), reference=pixels)
        curve, classical = tuple(self.curve(self.example_file(name))), tuple(self.classical_curve(pixels, "jpeg"))
        first = next(FakeEngine().decode(self.example_file(name), num_bytes=OPENING_BYTES, reference=pixels))
        opening = Opening(first.pixels, replace(first.point, num_bytes=OPENING_BYTES))
        return ExampleResult(last.pixels, last.point, curve, {"jpeg": classical, "webp": classical}, opening)


@pytest.fixture
def engine() -> Knowing:
    return Knowing()


@pytest.fixture
def page(engine) -> tuple[Pictures, Handlers]:
    painter, turns = Painter(engine, Baselines(engine)), Turns()
    return Pictures(engine, painter, turns, Shelf()), Handlers(engine, painter, turns)


def test_an_example_is_there_at_once_with_its_numbers(page, engine):
    screen = page[0].greet()
    known = engine.example_result("astronaut")
    assert np.array_equal(shown(screen, "right"), known.opening.pixels)
    assert f"<b>{OPENING_BYTES} bytes</b>" in screen.argument
    assert screen.session.own == known.curve
    assert (screen.used["value"], screen.used["maximum"]) == (OPENING_BYTES, len(engine.example_file("astronaut")))
    assert screen.download["interactive"]
    assert Path(screen.download["value"]).stat().st_size == OPENING_BYTES


def test_it_stands_beside_the_smallest_jpeg_which_is_larger(page, engine):
    screen = page[0].greet()
    pixels = engine.example_pixels("astronaut")
    smallest = engine.classical(pixels, "jpeg", num_bytes=OPENING_BYTES)
    assert smallest.point.num_bytes > OPENING_BYTES
    assert np.array_equal(shown(screen, "left"), smallest.pixels)
    assert screen.compare["value"] == "jpeg"
    assert screen.stage["left"]["caption"] == "JPEG, its smallest file"
    times = min(point.num_bytes for point in engine.classical_curve(pixels, "jpeg")) / OPENING_BYTES
    assert f"The smallest JPEG is {times:.1f} times as large at" in screen.argument


def test_decoding_it_changes_nothing_and_lets_the_slider_move(page, engine):
    pictures, handlers = page
    session = pictures.greet().session
    assert engine.preview(session.data, len(session.data)) is None
    *silent, last = handlers.open_example(session, "psnr_db")
    assert set(map(str, silent)) == {str(Screen())}
    assert str(last._replace(previews=UNCHANGED)) == str(Screen())
    assert last.previews["frames"][0]["bytes"] > OPENING_BYTES
    assert engine.preview(session.data, len(session.data)) is not None


@pytest.fixture
def client(engine) -> TestClient:
    app = FastAPI(middleware=[Middleware(poster.Poster, engine=engine)])
    app.get("/", response_class=HTMLResponse)(lambda: "<html><body class='a'><p>page</p></body></html>")
    app.get("/other", response_class=PlainTextResponse)(lambda: "<body>")
    return TestClient(app)


def test_the_page_begins_with_the_first_example(client, engine):
    text = client.get("/").text
    assert text.index("<body class='a'>") < text.index('id="poster"') < text.index("<p>page</p>")
    assert f"<b>{OPENING_BYTES} bytes</b>" in unescape(text)
    assert "JPEG, its smallest file" in text
    assert text.count("gradio_api/file=/") == 2
    assert "$" not in text


def test_a_link_is_greeted_with_its_own_example_and_never_with_another_picture(client):
    first, named = client.get("/").text, client.get("/?example=coffee").text
    assert first != named
    assert 'id="poster"' not in client.get("/?file=RElGRA").text


def test_everything_else_passes_untouched(client):
    assert client.get("/other").text == "<body>"
    assert client.get("/missing").status_code == 404


def test_where_nothing_is_known_the_page_stays_as_it_is():
    assert poster.Poster(FastAPI(), FakeEngine()).html("") == ""


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_shipped_results_belong_to_the_shipped_files(name):
    data = example_file(name)
    known = example_result(name, data)
    assert known is not None, "run `make examples`"
    assert known.point.num_bytes == len(data)
    assert known.point.psnr_db == pytest.approx(psnr_db(example_pixels(name), known.pixels), abs=1e-6)
    assert [point.num_bytes for point in known.curve] == sorted(point.num_bytes for point in known.curve)
    assert known.curve[-1].psnr_db == pytest.approx(known.point.psnr_db, abs=0.01)
    assert set(known.classical) == {"jpeg", "webp", "avif"}
    opening = known.opening
    assert opening.point.num_bytes == int(OPENING_BPP * known.pixels[..., 0].size / 8)
    assert opening.point.psnr_db == pytest.approx(psnr_db(example_pixels(name), opening.pixels), abs=1e-6)
    smallest = Engine().classical(example_pixels(name), "jpeg", num_bytes=opening.point.num_bytes)
    assert smallest.point.num_bytes > opening.point.num_bytes
    assert smallest.point.psnr_db < opening.point.psnr_db
    assert example_result(name, data + b"x") is None
