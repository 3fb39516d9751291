"""LPIPS on the page: under the sides, as an axis of the plot, and nowhere where its weights are not."""

from __future__ import annotations

import gradio as gr
import lpips_weights
import numpy as np
import pytest
from fakes import FakeEngine
from serving import built
from stage import chosen
from stage import shown as pixels_on

from diffdemo.engine import CurvePoint
from diffdemo.engine.classical.formats import drawn
from diffdemo.images import to_png
from diffdemo.metrics import lpips as perceptual
from diffdemo.metrics.lpips import lpips
from diffdemo.metrics.registry import METRICS
from diffdemo.ui import likeness
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot import export
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.figure import Curve
from diffdemo.ui.plot.lines import lines_of
from diffdemo.ui.plot.published import choices, overlays_of
from diffdemo.ui.plot.rd_plot import rd_plot
from diffdemo.ui.plot.view import View, heights_of
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.screen import Painter
from diffdemo.ui.turns import Turns


class Page:
    """What handles these events, on one engine."""

    def __init__(self) -> None:
        self.engine, turns = FakeEngine(), Turns(patience=0)
        self.painter = Painter(self.engine, Baselines(self.engine))
        self.handlers = Handlers(self.engine, self.painter, turns)
        self.viewing = Viewing(self.engine, self.painter, turns)
        self.comparison = Comparison(self.engine, self.painter, turns)
        self.plotting = Plotting(self.engine, self.painter, turns)

    def compressed(self, pixels: np.ndarray) -> Session:
        session = Session(source=to_png(pixels))
        *_, last = self.handlers.encode(session, Settings(0, 3.0, None, "balanced", 0, "diffc"), "psnr_db")
        return last.session


@pytest.fixture
def page(tmp_path, monkeypatch) -> Page:
    lpips_weights.put_both(tmp_path, monkeypatch)
    return Page()


def test_it_stands_under_each_side_that_is_not_the_original(page, large_picture):
    session = page.compressed(large_picture)
    screen = page.comparison.compare(session, Halves("jpeg", against="ours"))
    for side in ("left", "right"):
        expected = lpips(large_picture, pixels_on(screen, side))
        assert expected > 0
        assert screen.stage[side]["numbers"].count(f" · LPIPS {expected:.4f}") == 1
    screen = page.comparison.compare(session, Halves("original", against="mean"))
    assert "LPIPS" not in screen.stage["left"]["numbers"]
    assert "LPIPS" in screen.stage["right"]["numbers"]


def test_it_is_measured_once_for_a_pair(page, large_picture, monkeypatch):
    session = page.compressed(large_picture)
    before = page.comparison.compare(session, Halves("webp")).stage["left"]
    monkeypatch.setattr(likeness, "measure", lambda *pictures: pytest.fail("measured again"))
    assert page.comparison.compare(session, Halves("webp")).stage["left"] == before


def test_without_its_weights_nothing_is_said_of_it(tmp_path, monkeypatch, large_picture):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    page = Page()
    screen = page.comparison.compare(page.compressed(large_picture), Halves("jpeg"))
    assert "LPIPS" not in screen.stage["left"]["numbers"] + screen.stage["right"]["numbers"]


def test_the_axis_is_offered_where_it_can_be_measured(page):
    offered = next(block for block in built(page.engine).blocks.values() if block.elem_id == "metric").choices
    assert [value for _, value in offered][:3] == ["psnr_db", "ms_ssim", "lpips"]


def test_and_only_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    offered = next(block for block in built(FakeEngine()).blocks.values() if block.elem_id == "metric").choices
    assert "lpips" not in [value for _, value in offered]


def test_about_says_how_to_get_it(page, tmp_path, monkeypatch):
    def words() -> str:
        blocks = built(page.engine).blocks.values()
        return next(block.value for block in blocks if isinstance(block, gr.Markdown) and "LPIPS" in block.value)

    assert "It can be measured here" in words()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    without = words()
    assert "The weights of AlexNet are not here" in without
    assert all(f"    {command}" in without for command in perceptual.HOW_TO_GET)


def test_its_curves_are_measured_when_its_axis_is_chosen(page, large_picture, monkeypatch):
    session = page.compressed(large_picture)
    *_, decoded = page.viewing.refine(session, chosen(len(session.data), "flow"), Halves())
    session = decoded.session
    view, empty, _ = page.plotting.replot(session, "lpips")
    assert {trace.name for trace in empty.data} == {"DiffC-F"}, "what was tried is known already"
    *_, full = page.plotting.complete(session, view)
    drawn = {trace.name: list(trace.y) for trace in full.data}
    assert set(drawn) == {"DiffC, average", "JPEG", "WebP", "AVIF", "DiffC-F"}
    expected = [-lpips(large_picture, page.engine.preview(session.data, p.num_bytes).pixels) for p in session.own]
    assert drawn["DiffC, average"] == pytest.approx(expected)
    assert drawn["JPEG"] == sorted(drawn["JPEG"]), "more bytes, less distance, higher in the plot"

    monkeypatch.setattr(page.engine, "classical_curve", lambda *args, **options: pytest.fail("measured again"))
    assert all(plot == gr.skip() for plot in page.plotting.complete(session, view))
    points = export.rows(page.painter.lines(session))
    assert {point["line"] for point in points if point["lpips"] is not None} == set(drawn)


def test_other_axes_measure_nothing(page, large_picture, monkeypatch):
    session = page.compressed(large_picture)
    monkeypatch.setattr(page.painter.perceived, "find", lambda *args: pytest.fail("measured"))
    list(page.plotting.complete(session, "ms_ssim bpp linear"))


def test_a_codec_that_fails_leaves_the_others(page, large_picture, monkeypatch):
    session = page.compressed(large_picture)
    sweep = page.engine.classical_curve

    def fails(pixels, codec, *metrics):
        if codec == "webp":
            raise ValueError("no")
        return sweep(pixels, codec, *metrics)

    monkeypatch.setattr(page.engine, "classical_curve", fails)
    *_, full = page.plotting.complete(session, "lpips")
    assert {trace.name for trace in full.data} == {"DiffC, average", "JPEG", "AVIF"}
    assert drawn() == ("jpeg", "webp", "avif")


def test_up_is_better_and_the_numbers_have_no_sign():
    curve = Curve(
        "diffc",
        (
            CurvePoint(1000, 0.5, {"psnr_db": 25.0, "ms_ssim": 0.9, "lpips": 0.42}),
            CurvePoint(2000, 1.0, {"psnr_db": 30.0, "ms_ssim": 0.99, "lpips": 0.11}),
        ),
    )
    figure = rd_plot(lines_of(FakeEngine().codecs(), [curve]), view=View.read("lpips bytes"), num_pixels=16_000)
    assert list(figure.data[0].y) == [-0.42, -0.11]
    assert figure.layout.yaxis.title.text == "LPIPS, better is up"
    assert list(figure.layout.yaxis.ticktext) == [f"{-value:g}" for value in figure.layout.yaxis.tickvals]
    assert "0.2" in figure.layout.yaxis.ticktext
    assert figure.data[0].hovertext[0].endswith("LPIPS 0.4200")


@pytest.mark.parametrize("heights", [(-0.6, 0.0), (-0.021, -0.001), (-1.3, 0.1), (-0.301, -0.299)])
def test_there_are_a_few_numbers_at_the_axis_and_none_below_nothing(heights):
    marks = METRICS["lpips"].ticks(*heights)
    assert all(heights[0] <= value <= heights[1] and value <= 0 for value in marks["tickvals"])
    assert len(marks["tickvals"]) <= 8
    assert not any(text.startswith("-") for text in marks["ticktext"])
    low, high = heights_of(heights, "lpips")
    assert high <= 0
    assert low < min(heights)
    assert len(METRICS["lpips"].ticks(low, high)["tickvals"]) >= 2
    assert METRICS["psnr_db"].ticks(20, 40) == {}


def test_published_curves_of_it_can_be_laid_over():
    key = next(value for name, value in choices() if "Kodak 06" in name)
    overlays = overlays_of(View.read(f"lpips +{key}"))
    assert overlays
    assert all(y < 0 and "LPIPS 0." in text for overlay in overlays for _, y, text in overlay.places)


def test_views_with_it_survive_being_words():
    view = View(metric="lpips", across="bytes", scale="log")
    assert View.read(view.words()) == view


def test_a_refused_file_is_no_reason_to_fail(page, large_picture, monkeypatch):
    monkeypatch.setattr(perceptual, "TRUNK_SHA256", "7be5be79")
    screen = page.comparison.compare(page.compressed(large_picture), Halves("jpeg"))
    assert screen.stage["left"]["caption"] == "JPEG"
    assert "LPIPS" not in screen.stage["left"]["numbers"]
