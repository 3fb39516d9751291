"""What the plot's controls do, and its points as files and as JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import gradio as gr
import pytest
from fakes import FakeEngine
from PIL import Image
from stage import chosen

from diffdemo.metrics.published import published
from diffdemo.metrics.registry import METRICS
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.screen import Painter
from diffdemo.ui.turns import Turns

FIELDS = {"line", "num_bytes", "bpp", *METRICS}


class Page:
    """What handles these events, on one engine."""

    def __init__(self) -> None:
        self.engine, turns = FakeEngine(), Turns(patience=0)
        self.painter = Painter(self.engine, Baselines(self.engine))
        self.handlers = Handlers(self.engine, self.painter, turns)
        self.viewing = Viewing(self.engine, self.painter, turns)
        self.pictures = Pictures(self.engine, self.painter, turns, Shelf())
        self.plotting = Plotting(self.engine, self.painter, turns)

    def encode(self, session: Session, codec: str = "diffc", preset: str = "balanced", bpp: float = 2.0) -> Session:
        *_, last = self.handlers.encode(session, Settings(0, bpp, None, preset, 0, codec), "psnr_db")
        return last.session

    def decode(self, session: Session, decoder: str, realism: float = 1.0) -> Session:
        used = len(session.data)
        *_, last = self.viewing.refine(session, chosen(used, decoder, realism=realism), Halves())
        return last.session


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def picture(tmp_path, large_picture) -> str:
    path = tmp_path / "picture.png"
    Image.fromarray(large_picture).save(path)
    return str(path)


@pytest.fixture
def session(page, picture) -> Session:
    return page.encode(page.pictures.upload({"path": picture}).session)


def test_decodes_that_were_tried_accumulate_and_survive_another_encode(page, session):
    session = page.decode(page.decode(page.decode(session, "flow"), "ancestral"), "flow", 0.5)
    assert [each.name for each in session.tried] == ["DiffC-F", "DiffC-A", "DiffC-F, realism 0.5"]
    assert page.decode(session, "mean").tried == session.tried
    after = page.encode(session, "cdc")
    assert after.tried == session.tried
    after = page.decode(after, "deterministic")
    assert after.tried[-1].codec == "cdc"
    shown = {trace.name for trace in page.painter.plot(after, "psnr_db").data}
    assert shown >= {"DiffC-F", "DiffC-A", after.tried[-1].name, "DiffC, average"}


def test_encodes_accumulate_under_their_settings_until_they_are_forgotten(page, session, picture):
    encodes = (("diffc", "fast", 3.0), ("cdc", "fast", 1.0), ("diffc", "best", 2.0), ("diffc", "best", 1.5))
    for codec, preset, bpp in encodes:
        session = page.encode(session, codec, preset, bpp)
    lines = {line.label: line for line in page.painter.lines(session)}
    assert {"DiffC, average", "DiffC, fake, balanced", "DiffC, fake, fast"} <= set(lines)
    assert "DiffC, fake, best" not in lines
    assert lines["DiffC, fake, fast"].end == "fast"
    dashes = {line.dash for name, line in lines.items() if name.startswith("DiffC, fake")}
    assert len(dashes) == 2
    assert None not in dashes
    rows = json.loads(Path(page.plotting.save_json(session, "psnr_db")).read_text())
    assert "DiffC, fake, balanced" in {row["line"] for row in rows}
    hidden = json.loads(Path(page.plotting.save_json(session, "psnr_db bpp linear -earlier")).read_text())
    assert "DiffC, fake, balanced" not in {row["line"] for row in hidden}

    forgotten, plot, kept = page.plotting.forget(session, "psnr_db")
    assert forgotten.data == session.data
    assert kept["tried"] == "", "nor does the browser bring them back"
    assert not {"DiffC, fake, fast", "fast"} & {trace.name for trace in plot.data}
    assert page.pictures.upload({"path": picture}).session.earlier == ()


def test_the_curve_of_diffc_is_not_drawn_twice_beside_cdc(page, session):
    labels = [line.label for line in page.painter.lines(page.encode(session, "cdc"))]
    assert "DiffC, average" in labels
    assert "DiffC, fake, balanced" not in labels


def test_another_picture_forgets_them(page, session, picture):
    session = page.decode(session, "flow")
    assert page.pictures.upload({"path": picture}).session.tried == ()


def test_a_view_is_kept_in_words(page, session):
    lines = [kind for kind in kinds(page.engine.codecs()) if kind != "jpeg"]
    words, plot, credit = page.plotting.replot(session, "ms_ssim", "bpp", "log", lines, False, "kodak/compressai")
    assert words == "ms_ssim bpp log -jpeg +kodak/compressai"
    assert plot.layout.xaxis.type == "log"
    assert "JPEG" not in {note.text for note in plot.layout.annotations}
    assert "CompressAI" in credit
    assert page.painter.plot(session, words) == plot


def test_a_rate_in_the_plot_is_one_of_the_picture_that_is_there(page, session, picture):
    def pixels(of):
        return page.painter.plot(of, "psnr_db").layout.meta["pixels"]

    alone = Session(data=session.data, shown=session.shown)
    waiting = page.pictures.upload({"path": picture}, "psnr_db bytes")
    assert [pixels(session), pixels(alone), pixels(waiting.session)] == 3 * [192 * 200]
    assert waiting.plot.layout.meta["across"] == "bytes"


def test_cdc_comes_beside_diffc_only_when_asked_for(page, session):
    assert list(page.plotting.complete(session, "psnr_db")) == [gr.skip()]
    plots = list(page.plotting.complete(session, "psnr_db bpp linear sweep"))
    assert [trace.name for trace in plots[-1].data].count("CDC, one step") == 1
    assert [trace.name for trace in page.painter.plot(session, "psnr_db").data].count("CDC, one step") == 1


def test_points_as_files(page, session):
    session = page.decode(session, "flow")
    view = "psnr_db bpp linear -jpeg +kodak/compressai"
    path = Path(page.plotting.save_csv(session, view))
    assert path.name == "picture-curve.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    kept = json.loads(Path(page.plotting.save_json(session, view)).read_text())
    assert [row["line"] for row in rows] == [row["line"] for row in kept]
    lines = {row["line"] for row in kept}
    assert {"DiffC, average", "DiffC-F", "WebP"} <= lines
    assert "JPEG" not in lines
    others = [row for row in kept if row["source"]]
    known = [curve for curve in published("kodak", "psnr_db") if curve.source.title.startswith("CompressAI")]
    assert len(others) == sum(len(curve.points) for curve in known)
    assert {row["num_bytes"] for row in others} == {None}


def test_the_curve_of_the_session_and_of_a_file(page, session, picture, tmp_path):
    *_, points = page.plotting.curve(session)
    assert set(points[0]) >= FIELDS
    assert [point for point in points if point["line"] == "DiffC, average"] != []
    path = tmp_path / "picture.difd"
    path.write_bytes(session.data)
    *_, of_file = page.plotting.curve(Session(), picture, str(path))
    assert [point["num_bytes"] for point in of_file] == [point.num_bytes for point in session.own]
    assert set(of_file[0]) == FIELDS
    assert list(page.plotting.curve(Session())) == [[]]
    with pytest.raises(gr.Error, match="a file and its original"):
        list(page.plotting.curve(session, picture, None))


def test_the_curve_of_a_cdc_file_is_one_point(page, session, picture, tmp_path):
    path = tmp_path / "picture.difd"
    path.write_bytes(page.encode(session, "cdc").data)
    *_, (point,) = page.plotting.curve(Session(), picture, str(path))
    assert point["num_bytes"] == path.stat().st_size
    assert point["line"] == "cdc, deterministic"
