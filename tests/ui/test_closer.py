"""The closer look: film, download in time, bits, card, and links that bring somebody back."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from stage import chosen

from diffdemo.engine import KNOBS
from diffdemo.images import to_png
from diffdemo.pictures import load_picture
from diffdemo.ui.closer import filmstrip
from diffdemo.ui.closer.acts import NO_MAP, NOT_EMBEDDED, Looks, legend
from diffdemo.ui.links.permalink import Place, from_query, to_query
from diffdemo.ui.links.sharing import Sharing
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.studio.choices import Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.opening import Opening
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.screen import UNCHANGED, Painter
from diffdemo.ui.turns import Turns


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def looks(fake) -> Looks:
    return Looks(fake, Turns(patience=0))


@pytest.fixture
def session(fake) -> Session:
    pixels = fake.example_pixels("coffee")[:96, :128]
    *_, last = fake.encode(pixels, num_bytes=6000)
    png = to_png(pixels)
    return Session("coffee", source=png, original=png, data=last.data, codec="diffc", model="fake").with_frame(
        last.frame
    )


@pytest.fixture
def of_cdc(fake) -> Session:
    pixels = fake.example_pixels("coffee")[:96, :128]
    *_, last = fake.encode(pixels, codec="cdc", bpp=1.0)
    return Session("coffee", original=to_png(pixels), data=last.data, codec="cdc", model="fake-cdc").with_frame(
        last.frame
    )


def asking(query: str) -> SimpleNamespace:
    return SimpleNamespace(query_params=dict(parse_qsl(query)), session_hash="someone")


def test_a_film_goes_from_coarse_to_fine_and_ends_with_the_file(fake, session):
    frames = filmstrip.film(fake, session.data)
    sizes = [frame.num_bytes for frame in frames]
    assert sizes == sorted(set(sizes))
    assert 4 <= len(sizes) <= filmstrip.COUNT
    assert sizes[-1] == max(s.end_bytes for s in fake.describe(session.data).steps if s.received)
    assert frames[-1].psnr_db > frames[0].psnr_db + 3


def test_the_film_strip_shows_pictures_with_their_sizes(looks, session):
    gallery, row = looks.film(session)
    assert row["visible"]
    for path, caption in gallery["value"]:
        assert load_picture(path).pixels.shape == (96, 128, 3)
        assert "bpp" in caption
        assert "dB" in caption


def test_a_download_takes_as_long_as_its_line_needs(fake, session, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(filmstrip.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(filmstrip.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    moments = list(filmstrip.arriving(fake, session.data, 16_000.0))
    assert moments[0].num_bytes == 0
    assert moments[-1].num_bytes == len(session.data)
    assert moments[-1].seconds == pytest.approx(8 * len(session.data) / 16_000)
    assert now[0] == pytest.approx(moments[-1].seconds, abs=1 / filmstrip.FRAMES_A_SECOND)
    amounts = [moment.num_bytes for moment in moments]
    assert amounts == sorted(amounts)
    assert "100.0%" in filmstrip.clock(moments[-1], "56k")


def test_nobody_waits_longer_than_minutes(fake, session, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(filmstrip.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(filmstrip.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + 5))
    last = list(filmstrip.arriving(fake, session.data, 10.0))[-1]
    assert last.seconds == pytest.approx(0.8 * len(session.data))
    assert now[0] <= filmstrip.LONGEST_SECONDS + 5


def test_the_play_button_streams_clock_and_pictures(looks, session, monkeypatch):
    monkeypatch.setattr(filmstrip.time, "sleep", lambda seconds: None)
    monkeypatch.setitem(filmstrip.LINES, "3g", ("3G phone", 1e6))
    screens = list(looks.play(session, "3g"))
    assert "3G phone" in screens[0][0]
    assert any(isinstance(picture, dict) and picture.get("value") for _, picture in screens)


def test_a_file_that_is_no_film_says_so(looks, of_cdc):
    for call in (lambda: looks.film(of_cdc), lambda: list(looks.play(of_cdc, "3g"))):
        with pytest.raises(gr.Error, match=NOT_EMBEDDED.format("CDC", "DiffC")):
            call()
    with pytest.raises(gr.Error, match="no file yet"):
        looks.film(Session())


def test_the_map_has_a_legend_in_numbers(looks, fake, session):
    picture, words = looks.bits(session, 3000)
    assert load_picture(picture["value"]).pixels.shape == (96, 128, 3)
    assert "each pixel" in words
    assert "3,000 bytes" in words
    assert "each 16x16 pixels" in legend(
        fake.bits_map(session.data).__class__(np.zeros((2, 2, 3), np.uint8), 16, 8, 1, 1)
    )


def test_without_an_original_there_is_no_map(looks, fake, session):
    elsewhere = Looks(FakeEngine(), Turns(patience=0))
    with pytest.raises(gr.Error, match=NO_MAP.format("DiffC")):
        elsewhere.bits(session, 0)


def test_the_card_is_a_picture_of_all_three(looks, session, of_cdc):
    for each in (session, of_cdc):
        card = load_picture(looks.card(each, "http://example.org/")["value"]).pixels
        assert card.shape[1] > 3 * 128
        assert card.shape[0] > load_picture(looks.card(each)["value"]).pixels.shape[0], "the address takes a line"
    with pytest.raises(gr.Error, match="needs the original"):
        looks.card(Session(data=session.data))


CODECS = ("diffc", "cdc")
CONTROLS = (
    *("codec", "bpp", "preset", "seed", "model", "num_bytes", "prompt", "decoder"),
    *(f"knob {name}" for name in KNOBS),
)


@pytest.fixture
def sharing(fake) -> Sharing:
    painter, turns = Painter(fake, Baselines(fake)), Turns(patience=0)
    return Sharing(fake, Opening(fake, painter, turns))


def link(sharing, session, decoder: str = "flow", codec: str = "diffc", **knobs) -> Place:
    settings = Settings(0, 0.5, None, "fast", 0, codec, "fake", "")
    choices = chosen(0, decoder, **({"realism": 0.5} | knobs))
    return from_query(dict(parse_qsl(sharing.link(session, settings, choices))), CODECS)


def test_a_link_says_what_is_chosen(sharing, session, of_cdc):
    assert link(sharing, session) == Place(
        "diffc", "fake", 0.5, None, "fast", decoder="flow", knobs={"realism": 0.5}, example="coffee"
    )
    drawn = link(sharing, session, "ancestral", seed=7)
    assert (drawn.decoder, drawn.knobs) == ("ancestral", {"seed": 7})
    textured = link(sharing, of_cdc, "stochastic", "cdc", seed=3)
    assert textured.decoder == "stochastic"
    assert textured.knobs == {"gamma": 0.8, "eta": 0.0, "seed": 3, "steps": 17}
    assert textured.preset == ""


def test_a_short_file_is_in_the_link_and_opens_from_it(sharing, fake):
    *_, last = fake.encode(fake.example_pixels("coffee")[:32, :32], num_bytes=1400)
    session = Session("mine", data=last.data, codec="diffc", model="fake")
    place = link(sharing, session)
    assert place.file == last.data
    assert place.example == ""
    waiting = sharing.linked(Session(turn=3), asking(to_query(place)))
    assert (waiting.data, waiting.model, waiting.turn) == (last.data, "fake", 3)
    assert sharing.linked(Session(), asking("codec=cdc")) == gr.skip()


def test_what_a_link_says_is_restored_and_nothing_else(sharing):
    def restored(query: str) -> dict:
        values = dict(zip(CONTROLS, sharing.restore(asking(query)), strict=True))
        return {name: value["value"] for name, value in values.items() if "value" in value}

    assert restored("") == {}
    assert restored("utm_source=x&bpp=9999") == {}
    found = restored("codec=cdc&bpp=0.4&decoder=stochastic&gamma=0.3&steps=5&seed=9")
    assert found["codec"] == "cdc"
    assert (found["bpp"], found["knob gamma"], found["knob steps"]) == (0.4, 0.3, 5)
    assert (found["knob seed"], found["model"]) == (9, "fake-cdc")
    assert "decoder" not in found, "it is none of the entries before there is a file of CDC"
    drawn = restored("decoder=ancestral&seed=4")
    assert drawn == {"decoder": "ancestral", "knob seed": 4}
    both = restored("codec=diffc&decoder=ancestral&seed=4")
    assert (both["knob seed"], "seed" in both) == (4, False), "a draw is no seed of the file"
    assert restored("codec=diffc&decoder=flow&seed=5")["seed"] == 5


def test_the_decoder_of_a_link_waits_for_a_file_of_its_codec(fake):
    painter, turns = Painter(fake, Baselines(fake)), Turns(patience=0)
    pictures, handlers = Pictures(fake, painter, turns), Handlers(fake, painter, turns)
    visitor = asking("codec=cdc&bpp=2&decoder=stochastic&example=cat")
    *_, opened = handlers.open_example(pictures.greet(visitor).session, "psnr_db", visitor)
    assert opened.decoder is UNCHANGED, "a DiffC file's are there already, and keep what was restored"
    first, *_ = handlers.encode(opened.session, Settings(bpp=2.0, codec="cdc"))
    assert first.decoder["value"] == "stochastic"
    back, *_ = handlers.encode(first.session, Settings(bpp=2.0, codec="diffc"))
    assert back.decoder["value"] == "mean"
    again, *_ = handlers.encode(back.session, Settings(bpp=2.0, codec="cdc"))
    assert again.decoder["value"] == "deterministic", "a link is followed once"


def test_greeting_shows_the_example_of_the_link(fake):
    pictures = Pictures(fake, Painter(fake, Baselines(fake)), Turns(patience=0))
    assert pictures.greet(asking("example=cat")).session.name == "cat"
    assert pictures.greet(asking("example=nonesuch")).session.name == "astronaut"
    waiting = pictures.greet(asking(to_query(Place(file=b"FAKE" + bytes(20)))))
    assert waiting.session.original == b""
    assert "this link" in waiting.status
