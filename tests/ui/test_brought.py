"""What links lead to and tabs bring back, by the gate of uploads: the page is as it was, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from stage import chosen, shown

from diffdemo.engine import KNOBS
from diffdemo.images import Pixels, to_png
from diffdemo.metrics.points import CurvePoint, measured
from diffdemo.ui.links.permalink import LONGEST_FILE, from_query, in_text
from diffdemo.ui.links.sharing import Sharing
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory import kept
from diffdemo.ui.memory.history import in_text as in_text_of
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import Earlier, Run, Tried
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.opening import Opening, Waiting
from diffdemo.ui.studio.pictures import LINK_GONE, ORIGINAL_GONE, Pictures
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns

METRIC = "psnr_db"
CODECS = ("diffc", "cdc")
CONTROLS = (
    *("codec", "bpp", "preset", "seed", "model", "num_bytes", "prompt", "decoder"),
    *(f"knob {name}" for name in KNOBS),
    *("left rate", "right rate", "view", "metric", "across", "scale", "lines", "sweeps", "others", "credit"),
)


class Page:
    """The handlers that a page has, and what happens by itself when it opens."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine, painter, turns = engine, Painter(engine, Baselines(engine)), Turns(patience=0)
        self.shelf = Shelf()
        self.pictures = Pictures(engine, painter, turns, self.shelf)
        self.handlers = Handlers(engine, painter, turns)
        self.opening = Opening(engine, painter, turns)
        self.viewing = Viewing(engine, painter, turns)
        self.sharing = Sharing(engine, self.opening, self.shelf)

    def opened(self, *files: str | None, query: str = "", tried: str = "", who: str = "someone") -> list[Screen]:
        """The screens up to where the file stands on the stage."""
        visitor = SimpleNamespace(session_hash=who)
        picture, original, file = [*files, None, None, None][:3]
        screens = [self.pictures.greet(picture, original, file, query, tried, visitor)]
        screens += self.handlers.open_example(screens[-1].session, METRIC, visitor)
        session = last(screens, "session")
        waiting = self.sharing.linked(session)
        if isinstance(waiting, Waiting):
            screens += self.opening.open_released(waiting, METRIC, session, visitor)
        return screens

    def finished(self, screens: list[Screen], query: str) -> Screen:
        """What follows when the controls say what the query says."""
        place = from_query(dict(parse_qsl(query)), CODECS)
        choices = chosen(last(screens, "used")["value"], place.decoder or "mean", **place.knobs)
        halves = Halves(last(screens, "compare")["value"], METRIC, last(screens, "against")["value"])
        visitor = SimpleNamespace(session_hash="someone")
        *_, screen = self.viewing.finish(last(screens, "session"), choices, halves, visitor)
        return screen


def last(screens: list[Screen], name: str) -> Any:
    """What a component shows after these screens."""
    return next(value for screen in screens[::-1] if (value := getattr(screen, name)) is not UNCHANGED)


@pytest.fixture
def page() -> Page:
    return Page(FakeEngine())


@pytest.fixture(autouse=True)
def told(monkeypatch) -> list[str]:
    """What is told in a corner of the page."""
    words: list[str] = []
    for name in ("Info", "Warning"):
        monkeypatch.setattr(gr, name, words.append)
    return words


@pytest.fixture
def pixels(page) -> Pixels:
    return page.engine.example_pixels("coffee")[:96, :128]


@pytest.fixture
def session(page, pixels) -> Session:
    *_, moment = page.engine.encode(pixels, num_bytes=6000)
    png = to_png(pixels)
    made = Session("portrait", source=png, original=png, data=moment.data, codec="diffc", model="fake")
    return made.with_frame(moment.frame)


@pytest.fixture
def of_cdc(page, pixels) -> Session:
    *_, moment = page.engine.encode(pixels, codec="cdc", bpp=1.0)
    png = to_png(pixels)
    return Session("texture", source=png, original=png, data=moment.data, codec="cdc").with_frame(moment.frame)


@pytest.fixture
def files(tmp_path, session) -> Iterator[tuple[str, str]]:
    """Picture and file of the session as a tab sends them."""
    for name, data in (("picture.png", session.source), ("portrait.difd", session.data)):
        (tmp_path / name).write_bytes(data)
    return str(tmp_path / "picture.png"), str(tmp_path / "portrait.difd")


# --- a tab that was loaded again -------------------------------------------------------------------------------------


def test_picture_file_slider_and_halves_are_there_again(page, files, session):
    picture, file = files
    query = "used=2500&decoder=flow&compare=webp&left_rate=0.6+bpp&name=portrait"
    screens = page.opened(picture, None, file, query=query)
    back = last(screens, "session")
    assert (back.name, back.source, back.original, back.data) == ("portrait", *[session.source] * 2, session.data)
    assert last(screens, "used")["value"] == 2500
    assert last(screens, "compare")["value"] == "webp"
    screen = page.finished(screens, query)
    assert screen.session.shown.num_bytes == 2500
    assert screen.session.shown.decoder == "flow"
    assert screen.session.amounts == ("0.6 bpp", "")
    assert screen.stage["left"]["caption"].startswith("WebP")
    *_, again = page.viewing.finish(screen.session, chosen(2500, "mean"), Halves(), None)
    assert again == Screen(), "it is asked for once"


def test_what_was_tried_is_in_the_plots_again(page, files, session):
    *_, moment = page.engine.encode(session_pixels := pixels_of(session.original), codec="cdc", bpp=1.0)
    point = measured(session_pixels, moment.frame.pixels, 4321)
    tried = Tried("diffc", "flow, realism 0.5", point)
    earlier = Earlier("diffc", "DiffC", ("fake", "best"), (point, replace(point, num_bytes=5000, bpp=3.3)))
    text = in_text_of(replace(session, tried=(tried,), earlier=(earlier,), runs=(Run("sharp", ((1, 30.0),)),)))
    screens = page.opened(files[0], None, files[1], query="name=portrait&used=6000", tried=text)
    back = last(screens, "session")
    assert (back.tried, back.earlier, back.runs) == ((tried,), (earlier,), (Run("sharp", ((1, 30.0),)),))
    names = {trace.name for trace in last(screens, "plot").data}
    assert {"DiffC, fake, best", "flow, realism 0.5"} <= names
    assert last(screens, "kept")["tried"] == text, "and once more after the next reload"
    for wrong in ("{}", text[:-1], text.replace("4321", "-1")):
        assert last(page.opened(files[0], None, files[1], tried=wrong), "session").tried == ()


def test_what_was_tried_on_an_example_is_in_its_plot_again_and_in_no_other(page):
    point = CurvePoint(1234, 0.5, {"psnr_db": 30.0})
    text = in_text_of(Session(tried=(Tried("cdc", "one step", point),)))
    screens = page.opened(query="example=cat", tried=text)
    assert "one step" in {trace.name for trace in last(screens, "plot").data}
    picked = page.pictures.choose_example(SimpleNamespace(index=0), METRIC, last(screens, "session"))
    assert picked.session.tried == ()


def test_a_picture_without_a_file_is_there_again(page, files):
    (screen, *_) = page.opened(files[0], query="name=portrait&bpp=0.5")
    assert "Press Compress" in screen.status
    assert (screen.session.name, screen.session.data, screen.session.asked) == ("portrait", b"", None)
    assert "128 x 96 pixels" in screen.notes


def test_the_original_comes_along_where_it_is_not_the_picture_itself(page, files, tmp_path, session, pixels):
    large = tmp_path / "large.png"
    Image.fromarray(pixels).resize((256, 192)).save(large)
    screens = page.opened(str(large), files[0], files[1], query="name=portrait&used=6000")
    back = last(screens, "session")
    assert back.original == session.original
    assert back.source != back.original
    assert last(page.opened(str(large), None, files[1]), "session").original == b"", "one of another size is none"


def test_an_example_comes_back_by_its_name_and_its_own_file_need_not_travel(page, tmp_path):
    own = tmp_path / "cat.difd"
    own.write_bytes(page.engine.example_file("cat"))
    screens = page.opened(None, None, str(own), query="example=cat&used=1500&name=cat")
    back = last(screens, "session")
    assert (back.example, back.data) == ("cat", page.engine.example_file("cat"))
    assert "cat: " in back.notes
    assert last(screens, "used")["value"] == 1500
    *_, other = page.engine.encode(page.engine.example_pixels("cat"), num_bytes=3000)
    own.write_bytes(other.data)
    again = last(page.opened(None, None, str(own), query="example=cat"), "session")
    assert (again.example, again.data) == ("cat", other.data)
    assert again.original == to_png(page.engine.example_pixels("cat"))


def test_what_a_tab_brings_is_checked_as_an_upload_is(page, files, tmp_path, told):
    junk = tmp_path / "junk"
    junk.write_bytes(b"\x89PNG but no more than that")
    for brought in [(str(junk),), (files[0], None, str(junk)), (files[0], str(junk), files[1]), ("/etc/passwd",)]:
        told.clear()
        screens = page.opened(*brought, query="name=portrait")
        assert last(screens, "session").example == "astronaut", "an example stands there instead"
        assert len(told) == 1
    assert "no file that was sent" in told[0]


def test_names_from_outside_are_names_of_files(page, files):
    screens = page.opened(*files[:1], None, files[1], query=urlencode({"name": "../../etc/cron.d/x" + "y" * 100}))
    name = last(screens, "session").name
    assert "/" not in name
    assert len(name) <= 40


def test_the_browser_is_told_what_to_keep_and_no_picture_twice(page, files, session):
    value = last(page.opened(files[0], None, files[1], query="name=portrait"), "kept")
    assert value["about"] == {"name": "portrait", "example": "", "goal": ""}
    assert value["original"] is None
    with open(value["file"]["path"], "rb") as file:
        assert file.read() == session.data
    assert kept.kept(Session(original=b"one", source=b"another"))["original"]["orig_name"] == "original.png"
    assert last(page.opened(query="example=cat"), "kept")["about"]["example"] == "cat"


def test_a_page_that_the_server_has_forgotten_is_told(page, session):
    assert page.pictures.is_known(Session()) == kept.GONE
    assert page.pictures.is_known(session) == gr.skip()


# --- an encode that was stopped --------------------------------------------------------------------------------------


def stopped(page, session: Session, steps: int = 2) -> Screen:
    """The page after Stop, so many steps into an encode."""
    encoding = page.handlers.encode(session, Settings(bpp=6.0))
    screens = [next(encoding) for _ in range(steps)]
    encoding.close()
    return page.handlers.stop(last(screens, "session"), METRIC)


def test_an_encode_that_was_stopped_goes_on_to_the_file_that_it_would_have_been(page, session):
    *_, whole = page.handlers.encode(session, Settings(bpp=6.0))
    assert whole.go_on["visible"] is False
    early = stopped(page, session)
    assert early.go_on["visible"] is True
    assert whole.session.data[: len(early.session.data)] == early.session.data != whole.session.data
    screens = list(page.handlers.go_on(early.session, METRIC))
    assert all(screen.session.data.startswith(early.session.data) for screen in screens)
    done = screens[-1]
    assert (done.session.data, done.session.goal, done.go_on["visible"]) == (whole.session.data, 0, False)
    with pytest.raises(gr.Error, match="no encode to go on with"):
        list(page.handlers.go_on(done.session, METRIC))


def test_it_goes_on_after_a_reload_too(page, session, files, tmp_path):
    early = stopped(page, session).session
    begun = tmp_path / "begun.difd"
    begun.write_bytes(early.data)
    about = kept.kept(early)["about"]
    screens = page.opened(files[0], None, str(begun), query=urlencode(about | {"used": len(early.data)}))
    assert last(screens, "go_on")["visible"] is True
    *_, done = page.handlers.go_on(last(screens, "session"), METRIC)
    *_, whole = page.handlers.encode(session, Settings(bpp=6.0))
    assert done.session.data == whole.session.data


def test_another_picture_or_file_leaves_nothing_to_go_on_with(page, session, files):
    early = stopped(page, session).session
    assert page.pictures.upload({"path": files[0]}, METRIC, early).session.goal == 0
    *_, opened = page.opening.open_file(files[1], METRIC, early)
    assert (opened.session.goal, opened.go_on["visible"]) == (0, False)


# --- a file and its original -----------------------------------------------------------------------------------------


@pytest.fixture
def alone(page, files) -> Screen:
    """The page with a file that came without its original."""
    *_, screen = page.opening.open_file(files[1], METRIC)
    return screen


def test_a_file_alone_asks_for_its_original_and_says_what_is_missing(page, alone):
    assert alone.beside["visible"] is True
    (words,) = [each.text for each in alone.plot.layout.annotations]
    assert "original" in words
    with pytest.raises(gr.Error, match="came without its original"):
        list(page.handlers.encode(alone.session, Settings()))


def test_with_its_original_a_file_is_measured_and_can_be_compared(page, alone, files, session):
    *_, screen = page.opening.add_original(files[0], METRIC, alone.session)
    assert screen.session.original == session.original
    assert screen.session.shown.psnr_db == pytest.approx(session.shown.psnr_db)
    assert screen.beside["visible"] is False
    assert {"original", "jpeg"} <= {value for _, value in screen.compare["choices"]}
    assert screen.plot.data
    *_, again = page.handlers.encode(screen.session, Settings(bpp=1.0))
    assert again.session.data


def test_a_picture_of_its_size_is_the_original_of_a_file_that_came_alone(page, alone, files, session, tmp_path):
    screen = page.pictures.upload({"path": files[0]}, METRIC, alone.session)
    waiting = page.sharing.linked(screen.session)
    *_, opened = page.opening.open_released(waiting, METRIC, screen.session)
    assert (opened.session.data, opened.session.original) == (session.data, session.original)
    assert opened.session.shown.psnr_db == pytest.approx(session.shown.psnr_db)
    other = tmp_path / "other.png"
    Image.new("RGB", (40, 30)).save(other)
    another = page.pictures.upload({"path": str(other)}, METRIC, alone.session)
    assert another.session.data == b"", "one of another size is a picture to compress"
    assert page.sharing.linked(another.session) == gr.skip()


def test_an_original_may_be_larger_where_the_file_was_made_smaller(page, alone, pixels, tmp_path):
    large = tmp_path / "large.png"
    Image.fromarray(pixels).resize((256, 192)).save(large)
    *_, screen = page.opening.add_original(str(large), METRIC, alone.session)
    assert "Made smaller from 256 x 192" in screen.notes


@pytest.mark.parametrize("size", [(96, 128), (127, 96), (64, 64), (4, 400)])
def test_a_wrong_original_is_told_plainly_and_nothing_changes(page, alone, pixels, tmp_path, size):
    wrong = tmp_path / "wrong.png"
    Image.fromarray(pixels).resize(size).save(wrong)
    with pytest.raises(gr.Error, match=f"that has 128 x 96 pixels, this picture has {size[0]} x {size[1]}"):
        list(page.opening.add_original(str(wrong), METRIC, alone.session))


def test_the_file_of_the_picture_that_is_there_keeps_it(page, session, files, tmp_path):
    part = tmp_path / "part.difd"
    part.write_bytes(session.data[:3000])
    for path in (files[1], str(part)):
        *_, screen = page.opening.open_file(path, METRIC, session)
        assert screen.session.original == session.original
        assert screen.beside["visible"] is False
    *_, other = page.engine.encode(page.engine.example_pixels("cat")[:96, :128], num_bytes=5000)
    part.write_bytes(other.data)
    *_, screen = page.opening.open_file(str(part), METRIC, session)
    assert (screen.session.original, screen.session.source) == (b"", b"")


# --- links -----------------------------------------------------------------------------------------------------------


def test_a_link_of_an_example_names_it_and_needs_no_file(page):
    example = last(page.opened(query="example=coffee"), "session")
    assert page.sharing.share(example, 1200) == "example=coffee"


def test_a_link_of_an_upload_never_opens_an_example(page, session):
    """An upload may be called like one."""
    leads_to = page.sharing.share(
        Session("cat", source=session.source, original=session.original, data=session.data), 0
    )
    back = last(page.opened(query=leads_to), "session")
    assert (back.name, back.example, back.source, back.data) == ("cat", "", session.source, session.data)


def test_a_short_file_is_in_the_link_cut_at_the_slider(page, session, told):
    alone = Session("mine", data=session.data, codec="diffc")
    leads_to = dict(parse_qsl(page.sharing.share(alone, LONGEST_FILE)))
    assert leads_to == {"name": "mine", "file": in_text(session.data[:LONGEST_FILE])}
    assert "is in it" in told[-1]
    assert last(page.opened(query=urlencode(leads_to)), "session").data == session.data[:LONGEST_FILE]


def test_a_long_file_and_its_original_are_kept_for_a_day(page, session, of_cdc, told):
    leads_to = dict(parse_qsl(page.sharing.share(session, 4000)))
    assert set(leads_to) == {"name", "kept"}
    assert "for a day" in told[-1]
    back = last(page.opened(query=urlencode(leads_to)), "session")
    assert (back.name, back.original, back.data) == ("portrait", session.original, session.data[:4000])
    whole = last(page.opened(query=page.sharing.share(of_cdc, 0)), "session")
    assert whole.data == of_cdc.data, "a file that is not embedded is not cut"


def test_a_picture_alone_can_be_linked_to_and_nothing_cannot(page, session):
    leads_to = page.sharing.share(Session("portrait", source=session.source), 1)
    (screen, *_) = page.opened(query=leads_to)
    assert (screen.session.source, screen.session.data) == (session.source, b"")
    with pytest.raises(gr.Error, match="nothing to link to"):
        page.sharing.share(Session(), 1)


def test_who_comes_too_late_is_told_why(page, session, told):
    leads_to = dict(parse_qsl(page.sharing.share(session, 1000)))
    assert set(leads_to) == {"name", "kept", "file"}
    page.shelf._kept.clear()
    back = last(page.opened(query=urlencode(leads_to)), "session")
    assert (back.data, back.original) == (session.data[:1000], b"")
    assert told[-1] == ORIGINAL_GONE
    page.opened(query="name=portrait&kept=eAG-XgtNc")
    assert told[-1] == LINK_GONE


def test_the_recipient_sees_what_the_sender_saw(page, session):
    query = f"{page.sharing.share(session, 3000)}&used=3000&decoder=ancestral&seed=3&compare=jpeg"
    sender = page.viewing.refine(session, chosen(3000, "ancestral", seed=3), Halves("jpeg"), None)
    screens = page.opened(query=query)
    *_, seen = sender
    screen = page.finished(screens, query)
    for side in ("left", "right"):
        assert np.array_equal(shown(screen, side), shown(seen, side))
        assert screen.stage[side]["numbers"] == seen.stage[side]["numbers"]


def test_the_file_of_a_link_may_need_a_model_that_is_not_here(page, monkeypatch, session):
    missing = next(each for each in page.engine.models() if not each.is_here)
    monkeypatch.setattr(page.opening, "missing", lambda data, info: missing)
    with pytest.raises(gr.Error, match="Download it in the model menu"):
        page.sharing.linked(Session(data=session.data))


# --- controls --------------------------------------------------------------------------------------------------------


def test_what_a_link_says_is_restored_and_nothing_else(page):
    def restored(query: str) -> dict:
        values = dict(zip(CONTROLS, page.sharing.restore(query), strict=True))
        given = {name: value.get("value") if isinstance(value, dict) else value for name, value in values.items()}
        return {name: value for name, value in given.items() if value is not None}

    assert restored("") == {}
    assert restored("?utm_source=x&bpp=9999") == {}
    found = restored("codec=cdc&bpp=0.4&decoder=stochastic&gamma=0.3&steps=5&seed=9")
    assert found["codec"] == "cdc"
    assert (found["bpp"], found["knob gamma"], found["knob steps"]) == (0.4, 0.3, 5)
    assert (found["knob seed"], found["model"]) == (9, "fake-cdc")
    assert "decoder" not in found, "it is none of the entries before there is a file of CDC"
    assert restored("decoder=ancestral&seed=4") == {"decoder": "ancestral", "knob seed": 4}
    both = restored("codec=diffc&decoder=ancestral&seed=4")
    assert (both["knob seed"], "seed" in both) == (4, False), "a draw is no seed of the file"
    assert restored("codec=diffc&decoder=flow&seed=5")["seed"] == 5
    apart = restored("codec=diffc&decoder=flow&seed=5&file_seed=6")
    assert (apart["knob seed"], apart["seed"]) == (5, 6)
    assert restored("left_rate=0.3+bpp&right_rate=900+bytes") == {"left rate": "0.3 bpp", "right rate": "900 bytes"}


def test_the_plot_is_restored_with_the_controls_that_say_it(page):
    values = dict(zip(CONTROLS, page.sharing.restore(urlencode({"view": "ms_ssim bytes log -jpeg"})), strict=True))
    assert values["view"] == "ms_ssim bytes log -jpeg"
    assert (values["metric"], values["across"], values["scale"]) == ("ms_ssim", "bytes", "log")
    assert "jpeg" not in values["lines"]
    assert "webp" in values["lines"]
    nonsense = dict(zip(CONTROLS, page.sharing.restore("view=%2Bnonesuch+nonsense"), strict=True))
    assert (nonsense["metric"], nonsense["others"]) == (METRIC, "")


def test_the_decoder_of_a_link_waits_for_a_file_of_its_codec(page):
    opened = last(page.opened(query="codec=cdc&bpp=2&decoder=stochastic&example=cat"), "session")
    first, *_ = page.handlers.encode(opened, Settings(bpp=2.0, codec="cdc"))
    assert first.decoder["value"] == "stochastic"
    back, *_ = page.handlers.encode(first.session, Settings(bpp=2.0, codec="diffc"))
    assert back.decoder["value"] == "mean"
    again, *_ = page.handlers.encode(back.session, Settings(bpp=2.0, codec="cdc"))
    assert again.decoder["value"] == "deterministic", "a link is followed once"


def test_greeting_shows_the_example_of_the_link(page):
    assert page.pictures.greet(query="example=cat").session.name == "cat"
    assert page.pictures.greet(query="example=nonesuch").session.name == "astronaut"
    assert page.pictures.greet().session.name == "astronaut"
