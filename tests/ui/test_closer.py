"""The closer look: film, download in time, bits and card."""

from __future__ import annotations

import re

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine

from diffdemo.images import to_png
from diffdemo.pictures import load_picture
from diffdemo.ui.closer import filmstrip
from diffdemo.ui.closer.acts import NO_MAP, NOT_EMBEDDED, Looks, legend
from diffdemo.ui.memory.session import Session
from diffdemo.ui.turns import Turns

PARTS = ("are on the map", "are the header", "have no place")


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


def test_the_map_has_a_legend_whose_numbers_are_those_of_the_file(looks, fake, session):
    picture, words = looks.bits(session, 3000)
    assert load_picture(picture["value"]).pixels.shape == (96, 128, 3)
    assert "each pixel" in words
    assert "Of 3,000 bytes, " in words
    shown, header, others = (int(re.search(rf"([\d,]+) {kind}", words)[1].replace(",", "")) for kind in PARTS)
    assert shown + header + others == 3000
    assert header == fake.describe(session.data).header_bytes
    small = fake.bits_map(session.data).__class__(np.zeros((2, 2, 3), np.uint8), 16, 8 * 1641, 1, 1)
    assert "Of 2,329 bytes, 1,641 are on the map, 26 are the header, and 662 have no place" in legend(small, 26, 2329)
    assert "each 16x16 pixels" in legend(small, 26, 2329)


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
