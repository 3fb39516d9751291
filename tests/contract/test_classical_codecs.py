"""A classical codec is one entry in the table of formats; then it is on the page, in its plot and in evaluations."""

from __future__ import annotations

import dataclasses

import gradio as gr
import pytest
from fakes import FakeEngine
from serving import built

from diffdemo.engine.classical.files import available_codecs, classical_at, classical_curve
from diffdemo.engine.classical.formats import FORMATS, Format, available, drawn
from diffdemo.images import Pixels, to_png
from diffdemo.measure import runs
from diffdemo.ui.compare import sides
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.studio.choices import Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.screen import Painter
from diffdemo.ui.turns import Turns

TOY = Format(
    "Toy",
    "#123456",
    "JPEG",
    "toy",
    ((1, 90),),
    (5, 40, 80),
    lambda quality: {"quality": quality, "progressive": True},
    is_drawn=True,
    is_measured=True,
)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "toy", TOY)


def test_it_is_written_and_measured(texture: Pixels) -> None:
    found = classical_at(texture, "toy", num_bytes=3000)
    assert len(found.data) <= 3000
    assert [point.num_bytes for point in classical_curve(texture, "toy")] == sorted(
        point.num_bytes for point in classical_curve(texture, "toy")
    )
    assert classical_at(texture, "toy", num_bytes=5).note.startswith("Toy's smallest file")


def test_it_is_in_evaluations() -> None:
    assert available_codecs()[-1] == "toy"
    assert runs.available_codecs is available_codecs


def test_it_is_drawn_in_its_colour_and_told_in_words(large_picture: Pixels) -> None:
    engine = FakeEngine()
    painter = Painter(engine, Baselines(engine))
    handlers = Handlers(engine, painter, Turns(patience=0))
    session = Session(source=to_png(large_picture))
    *_, last = handlers.encode(session, Settings(bpp=3.0, codec="diffc"))
    line = next(trace for trace in last.plot.data if trace.name == "Toy")
    assert line.line.color == line.marker.color == "#123456"
    assert "Toy" in last.argument
    assert "Toy" in {note.text for note in last.plot.layout.annotations}


def test_it_can_be_chosen() -> None:
    assert ("Toy", "toy") in sides.entries([], is_embedded=True, has_original=True)
    blocks = built(FakeEngine()).blocks.values()
    lines = next(block for block in blocks if block.elem_id == "plot-lines")
    assert ("Toy", "toy") in lines.choices
    radios = [block for block in blocks if isinstance(block, gr.Radio) and block.label == "classical codec"]
    assert [value for _, value in radios[0].choices] == list(available())


def test_what_cannot_be_written_here_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "toy", dataclasses.replace(TOY, is_here=lambda: False))
    assert "toy" in drawn()
    assert "toy" not in (*available(), *available_codecs())
