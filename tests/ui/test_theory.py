"""The theory tab: what its events answer, and how it is put together."""

from __future__ import annotations

import io

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image

from diffdemo.images import to_png
from diffdemo.metrics.points import CurvePoint
from diffdemo.pictures import load_picture
from diffdemo.theory import real_files
from diffdemo.theory.sources import SCHEMES, curves, mark, most_bits, power_law
from diffdemo.ui.memory.session import Session
from diffdemo.ui.theory import schemes, words
from diffdemo.ui.theory import tab as theory
from diffdemo.ui.theory.acts import NO_PICTURE, DitherScreen, TheoryActs, TheoryScreen, paint
from diffdemo.ui.theory.plot import theory_plot
from diffdemo.ui.turns import Turns

NAMES = [scheme.name for scheme in schemes.SCHEMES.values()]
FILES = (0.04, 0.05)
"""Shares of small files, so that a run takes two seconds."""


@pytest.fixture
def acts() -> TheoryActs:
    return TheoryActs(Turns(patience=0))


@pytest.fixture
def small_runs(monkeypatch):
    for module in (real_files, words):
        monkeypatch.setattr(module, "SHARES", FILES)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(original=to_png(FakeEngine().example_pixels("coffee")))


def test_every_scheme_has_a_name_a_colour_and_a_meaning():
    assert list(schemes.SCHEMES) == list(SCHEMES)
    meanings = words.meanings()
    assert all(name in meanings for name in NAMES)
    assert all(each.colour and each.meaning and each.formula for each in schemes.SCHEMES.values())
    assert {key for key, each in schemes.SCHEMES.items() if each.dash != "solid"} == {"shannon", "realism", "dithered"}


def test_the_plot_shows_the_curves_and_the_gap():
    source = power_law(1.5)
    figure = theory_plot(curves(source), mark=mark(source, 0.5), landings=())
    assert [trace.name for trace in figure.data] == NAMES
    texts = [note.text for note in figure.layout.annotations]
    assert set(texts[:-1]) == set(NAMES)
    assert texts[-1] == f"{mark(source, 0.5).gap_db:.2f} dB"
    heights = sorted(note.ay for note in figure.layout.annotations[:-1])
    assert min(np.diff(heights)) > 1
    assert figure.layout.xaxis.range == (0, pytest.approx(most_bits(source)))


def test_curves_follow_the_source(acts):
    white, steep = (acts.curves(Session(), "power", exponent, 0.3) for exponent in (0.0, 2.5))
    assert white.rate["maximum"] == 4.15
    assert steep.rate["maximum"] == 0.38
    assert white.rate["value"] == steep.rate["value"] == 0.3
    assert white.gap != steep.gap


def test_a_rate_beyond_the_plot_is_brought_back(acts):
    assert acts.curves(Session(), "power", 2.5, 3.0).rate["value"] == pytest.approx(0.15)


def test_moving_the_rate_leaves_the_slider_alone(acts):
    screen = acts.move(Session(), "power", 1.5, 0.25)
    assert "At 0.25 bits" in screen.gap
    assert screen.rate == gr.skip()


def test_the_picture_s_blocks_can_be_the_source(acts, session):
    screen = acts.curves(session, "picture", 1.5, 0.3)
    assert screen.rate["maximum"] != acts.curves(session, "power", 1.5, 0.3).rate["maximum"]


@pytest.mark.parametrize("event", ["curves", "move"])
def test_without_a_picture_its_blocks_cannot(acts, event):
    with pytest.raises(gr.Error, match="no picture yet"):
        getattr(acts, event)(Session(), "picture", 1.5, 0.5)


def test_opening_the_tab_measures_only_a_picture_that_was_asked_for(acts, session):
    assert acts.open(session, "power", 1.5, 0.5) == TheoryScreen()
    assert acts.open(Session(), "picture", 1.5, 0.5) == TheoryScreen()
    assert acts.open(session, "picture", 1.5, 0.3).plot != gr.skip()


def test_a_run_lands_one_file_after_the_other(acts, small_runs):
    screens = list(acts.run(Session(), "power", 1.5, 0.5))
    painted = [screen for screen in screens if screen.plot != gr.skip()]
    counts = [len(screen.plot.data[-1].x) if len(screen.plot.data) > len(SCHEMES) else 0 for screen in painted]
    assert counts == [0, 1, 2]
    assert painted[0].stop["interactive"]
    assert not painted[0].run["interactive"]
    assert [screen.landed.count("<tr>") for screen in painted] == [3, 3, 3]
    last = screens[-1]
    assert last.run["interactive"]
    assert not last.stop["interactive"]
    assert last.status == words.finished(2)
    assert "All 2 files" in last.status
    assert last.landed.count("<tr>") == 3


def test_whiskers_begin_at_the_closed_form(acts, small_runs):
    *_, last = acts.run(Session(), "power", 1.5, 0.5)
    (trace,) = (trace for trace in last.plot.data if trace.name == f"{schemes.SCHEMES['flow'].name}, files")
    (curve,) = (curve for curve in curves(power_law(1.5)) if curve.scheme == "flow")
    ideal = np.array(trace.x) - np.array(trace.error_x.arrayminus)
    assert (np.array(trace.error_x.arrayminus) > 0).all()
    assert np.interp(ideal, curve.bits, curve.snr_db) == pytest.approx(np.array(trace.y), abs=0.15)


def test_another_choice_ends_a_run_which_keeps_its_files(acts, small_runs):
    run = acts.run(Session(), "power", 1.5, 0.5)
    for screen in run:
        if screen.plot != gr.skip() and len(screen.plot.data) > len(SCHEMES):
            break
    elsewhere = acts.curves(Session(), "power", 0.5, 0.5)
    assert list(run) == [TheoryScreen()]
    assert len(elsewhere.plot.data) == len(SCHEMES)
    back = acts.curves(Session(), "power", 1.5, 0.5)
    assert len(back.plot.data) == len(SCHEMES) + 3
    assert "1 of 2 files" in back.status


def test_stop_ends_a_run(acts, small_runs):
    run = acts.run(Session(), "power", 1.5, 0.5)
    next(run)
    stopped = acts.curves(Session(), "power", 1.5, 0.5)
    assert list(run) == [TheoryScreen()]
    assert stopped.run["interactive"]
    assert not stopped.stop["interactive"]


def test_a_picture_is_rounded_with_and_without_dither(acts, session):
    screen = acts.dither(session, 48)
    shown = [load_picture(picture["value"]).pixels for picture in screen[1:]]
    assert np.array_equal(shown[0], load_picture(session.original).pixels)
    assert len(np.unique(shown[1])) <= 7 < len(np.unique(shown[2]))
    assert "bpp" in screen.dithered["label"]
    assert "DiffC" not in screen.rounded


def test_the_price_of_diffc_is_named_where_it_is_known(acts, session):
    own = (CurvePoint(2_000, 0.1, {"psnr_db": 20.0}), CurvePoint(40_000, 2.0, {"psnr_db": 40.0}))
    known = Session(original=session.original, own=own)
    assert "The studio's DiffC file" in acts.dither(known, 48).rounded


def test_large_pictures_are_made_smaller(acts):
    out = io.BytesIO()
    Image.effect_noise((1500, 1000), 50).convert("RGB").save(out, "PNG", compress_level=1)
    screen = acts.dither(Session(source=out.getvalue()), 48)
    pixels = load_picture(screen.dithered["value"]).pixels
    assert pixels.shape[0] * pixels.shape[1] <= 1 << 20
    assert "1254 x 836" in screen.original["label"]


def test_without_a_picture_nothing_is_rounded(acts):
    with pytest.raises(gr.Error, match="no picture yet"):
        acts.dither(Session(), 48)
    assert acts.open_dither(Session(), 48) == DitherScreen(f"<p>{NO_PICTURE}</p>")


def test_the_tab_opens_with_curves():
    screen = paint(power_law(1.5), 0.5)
    assert len(screen.plot.data) == len(SCHEMES)
    assert "2.28 dB" in screen.gap


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    with gr.Blocks() as demo:
        session = gr.State(Session())
        with gr.Tab("Theory") as tab:
            built = theory.build(tab)
        theory.wire(built, session)
    return demo


def test_the_programming_interface_has_three_names_that_are_described(demo):
    endpoints = demo.get_api_info()["named_endpoints"]
    assert set(endpoints) == {"/theory_curves", "/theory_run", "/dither"}
    assert all(endpoint["description"] for endpoint in endpoints.values())
    labels = [each["label"] for endpoint in endpoints.values() for each in endpoint["parameters"]]
    assert set(labels) == {"Source", "Exponent", "Rate", "Step"}


def test_a_run_keeps_off_the_device(demo):
    (run,) = (event for event in demo.fns.values() if event.api_name == "theory_run")
    assert run.concurrency_id == "theory"
    assert run.concurrency_limit == 1


def test_every_control_is_explained_and_pictures_are_png(demo):
    controls = [block for block in demo.blocks.values() if isinstance(block, gr.Slider | gr.Radio)]
    assert len(controls) == 4
    assert all(control.label and control.info for control in controls)
    pictures = [block for block in demo.blocks.values() if isinstance(block, gr.Image)]
    assert [picture.format for picture in pictures] == ["png"] * 3
