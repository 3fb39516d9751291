"""What the comparer is given: which pictures, at how many bytes, with which numbers, and the maps of both."""

from __future__ import annotations

import json
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from fake_models import PIXEL
from fakes import FakeEngine
from stage import chosen, shown

from diffdemo.codecs.records import Rates
from diffdemo.engine import CodecInfo
from diffdemo.engine.classical.files import available
from diffdemo.images import to_png
from diffdemo.metrics.maps import difference, error_map
from diffdemo.pictures import load_picture
from diffdemo.ui.compare import comparer
from diffdemo.ui.memory.session import Session, Side
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.programs.endpoints import Endpoints
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns


class Page:
    """The handlers of the stage, and a file of each codec."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.engine, self.turns = FakeEngine(), Turns(patience=0)
        self.painter = Painter(self.engine, Baselines(self.engine))
        self.comparison = Comparison(self.engine, self.painter, self.turns)
        self.viewing = Viewing(self.engine, self.painter, self.turns)
        self.handlers = Handlers(self.engine, self.painter, self.turns)
        self.pixels = pixels

    def compressed(self, codec: str = "diffc", bpp: float = 3.0) -> Session:
        session = Session(source=to_png(self.pixels))
        *_, last = self.handlers.encode(session, Settings(0, bpp, None, "balanced", 0, codec), "psnr_db")
        return last.session


class Look:
    def __init__(self, kind: str) -> None:
        self.kind = kind


@pytest.fixture(scope="module")
def page(large_picture) -> Page:
    return Page(large_picture)


@pytest.fixture(scope="module")
def compressed(page) -> Session:
    return page.compressed()


def test_at_first_the_original_is_beside_the_file(page, compressed):
    screen = page.painter.paint(compressed, "psnr_db")
    left, right = screen.stage["left"], screen.stage["right"]
    assert np.array_equal(shown(screen, "left"), page.pixels)
    assert (left["is_original"], right["is_original"]) == (True, False)
    assert left["numbers"] == "115,200 bytes raw · 24 bpp"
    assert right["numbers"].startswith(f"{len(compressed.data):,} bytes · 2.")
    assert "MS-SSIM 0." in right["numbers"]
    assert (screen.stage["width"], screen.stage["height"]) == (200, 192)


def test_the_value_is_small_and_its_names_give_nothing_away(page, compressed):
    stage = page.painter.paint(compressed, "psnr_db").stage
    assert len(json.dumps(stage)) < 2000
    assert {stage[side]["picture"]["path"].rpartition("/")[2] for side in ("left", "right")} == {"picture.png"}


def test_everything_that_is_installed_can_be_chosen(page, compressed):
    offered = page.painter.at_rest(compressed, "psnr_db", "").compare["choices"]
    assert [key for _, key in offered] == ["original", "ours", "diffc", "cdc", *available(), "mean"]
    assert ("DiffC", "diffc") in offered


def test_a_third_codec_appears_by_itself_once_its_model_is_here(large_picture, monkeypatch):
    third = CodecInfo("cod", "CoD-Lite", PIXEL, False, ("deterministic",), "One step.", Rates(0.03, 0.5), ())
    known = FakeEngine.codecs
    monkeypatch.setattr(FakeEngine, "codecs", lambda engine: [*known(engine), third])
    page = Page(large_picture)
    compressed = page.compressed()

    def offered() -> list[tuple[str, str]]:
        return page.painter.at_rest(compressed, "psnr_db", "").compare["choices"]

    assert ("CoD-Lite", "cod") not in offered()
    assert [*page.engine.download(PIXEL)][-1].done
    assert offered()[2:5] == [("DiffC", "diffc"), ("CDC", "cdc"), ("CoD-Lite", "cod")]
    choice, rate, preset, seed = page.handlers.choose_codec("cod")
    assert (choice["info"], rate["value"], rate["maximum"]) == ("One step.", 0.03, 0.5)
    assert rate["minimum"] <= 0.03
    assert (preset["visible"], seed["visible"]) == (False, False)


def test_any_two_can_be_compared_at_equal_bytes(page, compressed):
    screen = page.comparison.compare(compressed, Halves("jpeg", against="webp"))
    for side, codec, words in (("left", "jpeg", "JPEG"), ("right", "webp", "WebP")):
        expected = page.engine.classical(page.pixels, codec, num_bytes=len(compressed.data))
        assert np.array_equal(shown(screen, side), expected.pixels)
        assert screen.stage[side]["caption"] == words
        assert screen.stage[side]["numbers"].startswith(f"{expected.point.num_bytes:,} bytes")
        assert not screen.stage[side]["is_original"]


def test_what_was_chosen_for_the_picture_before_does_not_follow_to_the_next(page, compressed):
    """The browser had not heard of the new picture yet, and shows the halves and the decoder of that one by now."""
    late = Halves("jpeg", against="cdc", subject=replace(compressed, source=b"another").subject)
    assert page.comparison.compare(compressed, late) == Screen()
    assert list(page.comparison.oppose(compressed, late)) == [Screen()]
    half = len(compressed.data) // 2
    assert list(page.viewing.refine(compressed, chosen(half, "flow"), late)) == [Screen()]
    turn = page.viewing._turns.take(None)
    page.viewing.interrupt(compressed, late)
    assert not page.viewing._turns.is_over(turn), "nor does it end what goes on with this picture"
    in_time = replace(late, subject=page.painter.paint(compressed, "psnr_db").subject)
    assert page.comparison.compare(compressed, in_time) != Screen()
    page.viewing.interrupt(compressed, in_time)
    assert page.viewing._turns.is_over(turn)


def test_a_picture_stays_the_same_while_it_is_compressed_and_another_file_does_not(compressed):
    with_picture = replace(compressed, source=b"picture")
    assert with_picture.subject == replace(with_picture, turn=99, data=b"", original=b"smaller").subject
    alone = replace(compressed, source=b"", original=b"")
    assert alone.subject == replace(alone, data=alone.data[:50]).subject != replace(alone, turn=99).subject


def test_the_file_can_stand_on_the_left_and_changes_there(page, compressed):
    session = page.comparison.compare(compressed, Halves("ours", against="original")).session
    half = len(session.data) // 2
    *_, screen = page.viewing.refine(session, chosen(half, "mean"), Halves("ours", against="original"))
    assert screen.stage["left"]["numbers"].startswith(f"{half:,} bytes")
    assert screen.stage["right"]["is_original"]


def test_sides_follow_the_bytes_that_are_used(page, compressed):
    half = len(compressed.data) // 2
    *_, last = page.viewing.refine(compressed, chosen(half, "mean"), Halves("jpeg", against="avif"))
    expected = page.engine.classical(page.pixels, "avif", num_bytes=half)
    assert np.array_equal(shown(last, "right"), expected.pixels)


@pytest.mark.parametrize(("codec", "words"), [("diffc", "CDC, one step"), ("cdc", "DiffC, average")])
def test_the_other_codec_is_computed_when_it_is_asked_for(page, codec, words):
    session, other = page.compressed(codec), {"diffc": "cdc", "cdc": "diffc"}[codec]
    asked = page.comparison.compare(session, Halves(other))
    assert asked.stage is UNCHANGED
    assert asked.wanted
    *_, last = page.comparison.oppose(session, Halves(other))
    assert last.stage["left"]["caption"] == words
    assert int(last.stage["left"]["numbers"].split(" ")[0].replace(",", "")) <= len(session.data)
    assert last.status.count("Compressed with") == 1
    again = page.comparison.compare(last.session, Halves("original", against=other))
    assert again.wanted is UNCHANGED
    assert again.stage["right"]["caption"] == words


def test_the_other_codec_ends_with_its_turn(page, compressed):
    work = page.comparison.oppose(page.compressed("cdc"), Halves("diffc"))
    next(work)
    page.turns.take(None)
    assert all(value is UNCHANGED for screen in work for value in screen)


def test_the_other_codec_waits_for_what_is_going_on(page, compressed, monkeypatch):
    monkeypatch.setattr("diffdemo.ui.studio.decode._QUIET_SECONDS", -1.0)
    work = page.viewing.refine(compressed, chosen(len(compressed.data), "flow"), Halves())
    growing = next(work).session
    (waiting,) = page.comparison.oppose(growing, Halves("cdc"))
    assert "when what is going on has ended" in waiting.status
    *_, decoded = work
    (late,) = page.comparison.oppose(growing, Halves("cdc"))
    assert late.session is UNCHANGED, "it knows nothing of the end of the decode"
    *_, last = page.comparison.oppose(decoded.session, Halves("cdc"))
    assert last.stage["left"]["caption"] == "CDC, one step"
    assert last.stage["right"]["caption"] == "DiffC, sharp"


def test_fewer_bytes_bring_the_other_codec_again(page, compressed):
    *_, met = page.comparison.oppose(compressed, Halves("cdc"))
    half = len(compressed.data) // 2
    *_, last = page.viewing.refine(met.session, chosen(half, "mean"), Halves("cdc"))
    assert last.session.others[-1].wanted[1] == half
    assert last.session.others[-1].is_done
    assert last.stage["left"] != met.stage["left"]


def test_a_half_can_have_a_rate_of_its_own(page, compressed):
    asked = int(0.9 * 200 * 192 / 8)
    screen = page.comparison.compare(compressed, Halves("jpeg", against="webp"), "0.9 bpp", "")
    for side, codec, num_bytes in (("left", "jpeg", asked), ("right", "webp", len(compressed.data))):
        expected = page.engine.classical(page.pixels, codec, num_bytes=num_bytes)
        assert np.array_equal(shown(screen, side), expected.pixels)
        assert screen.stage[side]["numbers"].startswith(f"{expected.point.num_bytes:,} bytes")
    screen = page.comparison.compare(compressed, Halves("jpeg", against="jpeg"), "400 bytes", "0.9")
    assert screen.stage["left"]["caption"] == "JPEG, its smallest file"
    assert screen.stage["right"]["caption"] == "JPEG"


def test_a_chosen_rate_stays_when_the_slider_moves_and_equal_bytes_follow(page, compressed):
    session = page.comparison.compare(compressed, Halves("jpeg", against="webp"), "0.9 bpp", "").session
    half = len(compressed.data) // 2
    *_, last = page.viewing.refine(session, chosen(half, "mean"), Halves("jpeg", against="webp"))
    asked = page.engine.classical(page.pixels, "jpeg", num_bytes=int(0.9 * 200 * 192 / 8))
    equal = page.engine.classical(page.pixels, "webp", num_bytes=half)
    assert np.array_equal(shown(last, "left"), asked.pixels)
    assert np.array_equal(shown(last, "right"), equal.pixels)


def test_the_average_can_be_of_any_part_of_a_diffc_file(page, compressed):
    half = len(compressed.data) // 2
    screen = page.comparison.compare(compressed, Halves("mean", against="ours"), f"{half} bytes")
    assert np.array_equal(shown(screen, "left"), page.engine.preview(compressed.data, half).pixels)
    assert screen.stage["left"]["numbers"].startswith(f"{half:,} bytes")
    screen = page.comparison.compare(compressed, Halves("mean", against="ours"), "20 bpp")
    assert screen.stage["left"]["numbers"].startswith(f"{len(compressed.data):,} bytes")


def test_the_other_codec_can_stand_on_both_sides_at_two_rates(page, compressed):
    asked = Halves("cdc", against="cdc"), "0.9 bpp", "1.8 bpp"
    assert page.comparison.compare(compressed, *asked).wanted
    *_, last = page.comparison.oppose(compressed, *asked)
    assert [other.wanted[1] for other in last.session.others] == [4320, 8640]
    left, right = (last.stage[side]["numbers"] for side in ("left", "right"))
    assert float(left.split(" ")[3]) <= 0.9 < float(right.split(" ")[3]) <= 1.8
    assert "to the bytes that were chosen" in last.status
    again = page.comparison.compare(last.session, *asked)
    assert again.wanted is UNCHANGED
    assert (again.stage["left"], again.stage["right"]) == (last.stage["left"], last.stage["right"])
    *_, more = page.comparison.oppose(last.session, Halves("cdc", against="cdc"), "0.9 bpp", "")
    assert [other.wanted[1] for other in more.session.others] == [4320, len(compressed.data)]


def test_what_is_no_rate_is_refused_in_words(page, compressed):
    for act in (page.comparison.compare, lambda *choices: list(page.comparison.oppose(*choices))):
        with pytest.raises(gr.Error, match="“a lot” is no rate here"):
            act(compressed, Halves("cdc"), "a lot", "")


def test_a_rate_is_offered_where_it_means_something(page, compressed):
    def offered(session: Session, *keys: str) -> list[bool]:
        return [update["visible"] for update in page.comparison.offer(session, *keys)]

    assert offered(compressed, "original", "ours") == [False, False]
    assert offered(compressed, "jpeg", "cdc") == [True, True]
    assert offered(compressed, "mean", "ours") == [True, False]
    assert offered(page.compressed("cdc"), "mean", "webp") == [False, True]


def test_without_an_original_there_is_no_other_codec(page, compressed):
    alone = Session(data=compressed.data, shown=compressed.shown, codec="diffc")
    with pytest.raises(gr.Error, match="no original"):
        list(page.comparison.oppose(alone, Halves("cdc")))


@pytest.mark.parametrize(("kind", "draw"), [("difference", difference), ("error", error_map)])
def test_maps_are_of_the_pair_that_is_shown(page, compressed, kind, draw):
    screen = page.comparison.compare(compressed, Halves("jpeg"))
    brought = page.comparison.look(screen.session, Look(kind))
    assert brought["pair"] == screen.stage["pair"]
    assert brought["kind"] == kind
    expected = draw(shown(screen, "left"), shown(screen, "right"))
    assert np.array_equal(load_picture(brought["picture"]["path"]).pixels, expected)


def test_nothing_is_drawn_before_there_is_a_file(page, compressed):
    assert page.comparison.look(Session(), Look("error")) == gr.skip()
    assert page.comparison.look(compressed, Look("nonsense")) == gr.skip()


def test_a_lossless_copy_counts_as_the_original(large_picture):
    png = to_png(large_picture)
    value = comparer.pair(Side("original", png), Side("JPEG XL", png), png)
    assert value["left"]["is_original"] and value["right"]["is_original"]
    assert not comparer.pair(Side("a", png), Side("b", png), b"")["left"]["is_original"]


def test_the_difference_endpoint_draws_both_maps(page, tmp_path, large_picture, compressed):
    (tmp_path / "a.png").write_bytes(to_png(large_picture))
    (tmp_path / "b.png").write_bytes(compressed.shown.png)
    paths = Endpoints(page.engine).difference(str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    decoded = load_picture(compressed.shown.png).pixels
    for path, draw in zip(paths, (difference, error_map), strict=True):
        assert np.array_equal(load_picture(path).pixels, draw(large_picture, decoded))


@pytest.mark.parametrize(("key", "caption"), [("jpeg", "JPEG"), ("cdc", "CDC, one step")])
def test_a_half_chosen_in_mid_work_comes_back_when_that_has_ended(page, compressed, key, caption):
    """The end of an encode puts the original and the file on the stage, over what was chosen meanwhile."""
    growing = replace(compressed, shown=replace(compressed.shown, preview=b"small"))
    page.comparison.compare(growing, Halves(key))
    screens = list(page.comparison.catch_up(compressed, Halves("original")))
    assert screens[0].compare["value"] == key
    *_, last = [screen for screen in screens if screen.stage is not UNCHANGED]
    assert last.stage["left"]["caption"].startswith(caption)
    # Once, and not on another file.
    assert list(page.comparison.catch_up(compressed, Halves("original"))) == [Screen()]
    page.comparison.compare(growing, Halves(key))
    other = replace(compressed, turn=compressed.turn + 1)
    assert list(page.comparison.catch_up(other, Halves("original"))) == [Screen()]
    # What is chosen after the work is no matter of it.
    page.comparison.compare(growing, Halves(key))
    page.comparison.compare(compressed, Halves("original"))
    assert list(page.comparison.catch_up(compressed, Halves("original"))) == [Screen()]
