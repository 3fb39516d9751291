"""CDC on the page: what is offered for it, what each step shows, and what cannot be done with its files."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from stage import chosen, shown, visible_knobs

from diffdemo.engine import CurvePoint
from diffdemo.pictures import load_picture
from diffdemo.ui.inspect import Inspection
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import MAX_RUNS, Run, with_run
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.completing import Sweep
from diffdemo.ui.plot.figure import apart
from diffdemo.ui.plot.steps_plot import steps_plot
from diffdemo.ui.studio.choices import Choices, Halves, Settings
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.opening import Opening
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.samples import Imagining, difference
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns


class Page:
    """Everything that handles events, on one engine."""

    def __init__(self, tmp_path) -> None:
        self.engine, self.folder = FakeEngine(), tmp_path
        turns = Turns(patience=0)
        self.painter = Painter(self.engine, Baselines(self.engine))
        self.pictures = Pictures(self.engine, self.painter, turns, Shelf())
        self.handlers = Handlers(self.engine, self.painter, turns)
        self.opening = Opening(self.engine, self.painter, turns)
        self.viewing = Viewing(self.engine, self.painter, turns)
        self.plotting = Plotting(self.engine, self.painter, turns)
        self.imagining = Imagining(self.engine, turns)

    def compress(self, session: Session, codec: str = "cdc"):
        *_, last = self.handlers.encode(session, Settings(0, 2.0, None, "balanced", 0, codec), "psnr_db")
        return last

    def decode(self, session: Session, decoder: str, steps: int = 17, **knobs):
        """All screens of a decode."""
        choices = chosen(len(session.data), decoder, steps=steps, **knobs)
        return list(self.viewing.refine(session, choices, Halves()))

    def open(self, data: bytes):
        path = self.folder / "kept.difd"
        path.write_bytes(data)
        return list(self.opening.open_file(str(path), "psnr_db"))


@pytest.fixture
def page(tmp_path) -> Page:
    return Page(tmp_path)


@pytest.fixture(scope="module")
def picture(uploads, large_picture) -> dict:
    path = uploads("cdc") / "picture.png"
    Image.fromarray(large_picture).save(path)
    return {"path": str(path)}


@pytest.fixture(scope="module")
def uploaded(picture, uploads) -> Session:
    return Page(uploads("uploaded")).pictures.upload(picture).session


@pytest.fixture(scope="module")
def compressed(uploaded, uploads) -> Session:
    return Page(uploads("compressed")).compress(uploaded).session


def _right(screen) -> np.ndarray:
    return shown(screen, "right")


def test_each_codec_has_its_own_controls_for_compressing(page):
    choice, rate, preset, seed = page.handlers.choose_codec("cdc")
    assert "texture from the decoder" in choice["info"]
    assert (rate["value"], rate["maximum"]) == (0.4, 1.0)
    assert (preset["visible"], seed["visible"]) == (False, False)
    choice, rate, preset, seed = page.handlers.choose_codec("diffc")
    assert "prefix" in choice["info"]
    assert (rate["value"], rate["maximum"]) == (1.0, 3.0)
    assert (preset["visible"], seed["visible"]) == (True, True)


def test_controls_for_decoding_follow_the_file(page, uploaded):
    first, *_, settled = page.handlers.encode(uploaded, Settings(0, 2.0, None, "fast", 0, "cdc"), "psnr_db")
    assert [name for _, name in first.decoder["choices"]] == ["deterministic", "stochastic"]
    assert first.decoder["value"] == "deterministic"
    assert visible_knobs(page.viewing, first.decoder["value"])["steps"]
    assert settled.used["visible"] is False
    stream = page.handlers.encode(settled.session, Settings(0, 2.0, None, "fast", 0, "diffc"), "psnr_db")
    opening, *_, last = stream
    assert [name for _, name in opening.decoder["choices"]] == ["mean", "flow", "ancestral"]
    assert opening.decoder["value"] == "mean"
    assert not visible_knobs(page.viewing, opening.decoder["value"])["steps"]
    assert opening.steps_plot["visible"] is False
    assert last.used["visible"] is True
    assert last.decoder is UNCHANGED


def test_an_encode_is_one_file_with_its_one_step_picture(page, uploaded):
    screens = list(page.handlers.encode(uploaded, Settings(0, 2.0, None, "balanced", 0, "cdc"), "psnr_db"))
    assert {screen.session.data for screen in screens} == {screens[0].session.data}
    assert visible_knobs(page.viewing, screens[0].decoder["value"])["steps"]
    assert screens[0].used["interactive"] is False
    assert screens[-1].used["visible"] is False
    assert screens[-1].strip == ""
    assert screens[-1].stage["right"]["caption"] == "CDC, deterministic, 1 step"
    assert screens[-1].download["interactive"] is True


def test_a_diffc_curve_of_the_same_picture_stays_in_the_plot(page, uploaded):
    session = page.compress(page.compress(uploaded, "diffc").session).session
    assert {"DiffC, average", "CDC, shown"} <= {trace.name for trace in page.painter.plot(session, "psnr_db").data}


def test_every_step_is_a_point_and_the_last_one_stays(page, compressed):
    screens = page.decode(compressed, "deterministic", 9)
    session = screens[-1].session
    assert [step for step, _ in session.runs[0].points] == list(range(1, 10))
    assert "step 1 of 9" in screens[0].status
    assert screens[0].stop["interactive"] is True
    assert "As sent (deterministic), 9 steps" in screens[-1].status
    assert screens[-1].stop["interactive"] is False
    assert session.shown.num_bytes == len(compressed.data)
    assert len(screens[-1].steps_plot["value"].data) == 1


def test_noise_changes_the_picture_and_not_the_bytes(page, compressed):
    one, other, same = (page.decode(compressed, "stochastic", 5, seed=noise)[-1] for noise in (1, 2, 1))
    assert not np.array_equal(_right(one), _right(other))
    assert np.array_equal(_right(one), _right(same))
    assert one.session.data == other.session.data
    assert one.session.runs[0].name == "gamma 0.8"


def test_a_new_file_is_decoded_as_chosen(page, compressed):
    session = page.open(compressed.data)[-1].session
    *_, last = page.viewing.finish(session, chosen(1, "stochastic", steps=4), Halves())
    assert last.session.shown.decoder == "stochastic"
    assert last.session.shown.num_steps == 4


def test_stopping_keeps_the_picture_of_the_last_step_and_says_so(page, compressed):
    stream = page.viewing.refine(compressed, chosen(1, "deterministic", steps=9), Halves())  # fmt: skip
    session = next(stream).session
    screen = page.handlers.stop(session, "psnr_db")
    assert "the picture after step 1 of 9. The file is whole." in screen.status
    assert screen.session.data == compressed.data
    assert list(stream) == [Screen()]


def test_another_choice_ends_what_is_going_on(page, compressed):
    stream = page.viewing.refine(compressed, chosen(1, "deterministic", steps=9), Halves())
    next(stream)
    page.viewing.interrupt()
    assert list(stream) == [Screen()]
    assert not page.engine.lock.locked()


def test_impossible_rates_and_steps_are_told_in_words(page, compressed):
    stream = page.handlers.encode(compressed, Settings(0, 1.0, 40, "fast", 0, "cdc"), "psnr_db")
    assert next(stream).session.data == compressed.data
    with pytest.raises(gr.Error, match="CDC needs"):
        next(stream)
    with pytest.raises(gr.Error, match="has no decoder 'flow'"):
        page.decode(compressed, "flow")


def test_opening_a_file_needs_no_original(page, compressed):
    last = page.open(compressed.data)[-1]
    assert "The whole file" in last.status
    assert [words for words, _ in last.compare["choices"]] == ["one step", "this file"]
    assert last.session.quick == last.session.left.png
    decoded = page.decode(last.session, "deterministic", 3)[-1]
    assert decoded.session.runs == ()
    assert "dB" not in decoded.argument


@pytest.mark.parametrize(("damage", "words"), [("cut", "fetch it again, whole"), ("flipped", "check value")])
def test_damaged_files_are_refused_in_words(page, compressed, damage, words):
    data = compressed.data[:-5] if damage == "cut" else compressed.data[:-1] + bytes([compressed.data[-1] ^ 1])
    with pytest.raises(gr.Error, match=words) as caught:
        page.open(data)
    assert caught.value.print_exception is False


def test_the_left_half_can_be_the_one_step_picture(page, compressed):
    session = page.decode(compressed, "deterministic", 9)[-1].session
    screen = Comparison(page.engine, page.painter, Turns()).compare(session, Halves("mean"))
    assert np.array_equal(shown(screen, "left"), load_picture(session.quick).pixels)
    assert screen.stage["left"]["caption"] == "one step"


def test_the_curve_grows_into_the_plot_and_is_computed_once(page, compressed):
    session = page.decode(compressed, "deterministic", 2)[-1].session
    plots = list(page.plotting.complete(session, "psnr_db"))
    lengths = [len(trace.x) for plot in plots for trace in plot.data if trace.name == "CDC, one step"]
    assert lengths == [1, 2, 3, 4]
    page.engine.sweep = None
    assert len(list(page.plotting.complete(session, "psnr_db"))) == 1
    assert list(page.plotting.complete(Session(), "psnr_db")) == [gr.skip()]


def test_a_sweep_goes_on_where_it_was_left_and_ends_quietly_when_it_fails(caplog):
    def failing():
        yield from (CurvePoint(n, n / 10, {"psnr_db": 20.0 + n}) for n in (1, 2))
        raise RuntimeError("out of memory")

    sweep = Sweep(failing())
    assert len(next(sweep.follow())) == 1
    assert [len(points) for points in sweep.follow()] == [1, 2]
    assert "out of memory" in caplog.text


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_samples_with_their_mean_spread_and_difference(page, uploaded, codec):
    session = page.compress(uploaded, codec).session
    *_, last = page.imagining.imagine(session, chosen(len(session.data), "", steps=3))
    captions = [words for _, words in last.samples["value"]]
    assert [words.split(", ")[0] for words in captions] == [
        *(f"sample {n} from {len(session.data):,} bytes" for n in (1, 2, 3, 4)),
        *("mean of 4", "spread", "error of the mean", "original"),
    ]
    pictures = [load_picture(path).pixels for path, _ in last.samples["value"]]
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[6], difference(pictures[4], load_picture(session.original).pixels))
    assert "4 samples" in last.status
    assert last.session is UNCHANGED


def test_samples_stop_when_something_else_begins(page, compressed):
    page.engine.step_seconds = 0.2
    stream = page.imagining.imagine(compressed, chosen(1, "deterministic", steps=9))
    assert "Drawing sample 1 of 4" in next(stream).status
    page.handlers.stop(compressed, "psnr_db")
    assert list(stream) == [Screen()]


def test_samples_need_a_file(page):
    with pytest.raises(gr.Error, match="no file yet"):
        list(page.imagining.imagine(Session(), Choices()))


def test_a_new_picture_takes_the_samples_of_the_old_one_away(page, picture):
    screen = page.pictures.upload(picture)
    assert screen.samples["visible"] is False
    assert screen.imagine["interactive"] is False
    assert screen.steps_plot["visible"] is False


def test_inspect_names_the_quantisation_step_and_no_search(page, compressed):
    report = Inspection(page.engine).of_session(compressed, 1)
    assert "quantisation step" in report
    assert "seed" not in report
    assert "<table" not in report
    assert "The whole file" in report


def test_knobs_belong_to_the_stochastic_decoder(page):
    own = ("gamma", "eta", "seed")
    assert [visible_knobs(page.viewing, "stochastic")[name] for name in own] == [True] * 3
    assert [visible_knobs(page.viewing, "deterministic")[name] for name in own] == [False] * 3


def test_a_few_runs_are_kept_one_of_each_name():
    runs: tuple[Run, ...] = ()
    for n in range(MAX_RUNS + 2):
        runs = with_run(runs, Run(f"gamma {n}", ((1, 20.0),)))
    assert [run.name for run in runs] == [f"gamma {n}" for n in range(2, MAX_RUNS + 2)]
    again = with_run(runs, Run("gamma 3", ((1, 25.0),)))
    assert [run.name for run in again] == [run.name for run in runs]
    assert again[1].points == ((1, 25.0),)
    assert with_run(runs, Run("empty")) == runs


def test_names_of_lines_are_parted_and_stay_below_the_top():
    assert apart([1.0, 1.1, 5.0], gap=1, high=9) == [1.0, 2.0, 5.0]
    assert apart([8.9, 8.8, 5.0], gap=1, high=9) == [9, 8, 5.0]
    assert apart([], gap=1, high=9) == []


def test_the_plot_of_steps_says_that_the_bytes_are_the_same():
    runs = Run("deterministic", ((1, 20.0), (2, 21.0))), Run("gamma 0.8", ((1, 20.0), (2, 21.01)))
    figure = steps_plot(runs, num_steps=17, num_bytes=3057)
    assert "all of the same 3,057 bytes" in figure.layout.xaxis.title.text
    assert figure.layout.xaxis.range[1] > 17
    low, high = sorted(note.y for note in figure.layout.annotations)
    assert high - low > 0.1
