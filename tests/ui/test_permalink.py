"""Links: what the page says is read back, nonsense from strangers is left out, and what they lead to is bounded."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from diffdemo.ui.links import shelf
from diffdemo.ui.links.permalink import LONGEST_FILE, Place, from_query, in_text, place_of
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory.session import Session

CODECS = ("diffc", "cdc")
FIELDS = {
    "codec": "diffc",
    "model": "ddpm-cat-256",
    "bpp": 0.35,
    "num_bytes": 5000,
    "preset": "best",
    "prompt": "ein Kater, 20 % größer & älter",
    "decoder": "ancestral",
    "example": "astronaut",
    "kept": "eAG-XgtNc",
    "name": "portrait",
    "side": 512,
    "file_seed": 7,
    "used": 2329,
    "compare": "jpeg",
    "against": "cdc",
    "left_rate": "0.3 bpp",
    "right_rate": "12000 bytes",
    "view": "ms_ssim bytes log -jpeg",
    "goal": 4000,
}
KNOBS = {"realism": 0.5, "gamma": 1.25, "eta": 0.0, "steps": 17, "seed": 4_294_967_295}


def test_there_and_back():
    file = bytes(range(256))
    query = urlencode(FIELDS | KNOBS | {"file": in_text(file)})
    assert place_of(f"?{query}", CODECS) == place_of(query, CODECS) == Place(**FIELDS, knobs=KNOBS, file=file)
    assert place_of(None, CODECS) == place_of("", CODECS) == Place()


def test_a_link_of_before_still_opens():
    query = "codec=diffc&model=photo-small&bpp=0.5&preset=best&decoder=flow&realism=0.7&seed=5&example=astronaut"
    knobs = {"realism": 0.7, "seed": 5}
    assert place_of(query, CODECS) == Place(
        "diffc", "photo-small", 0.5, preset="best", decoder="flow", knobs=knobs, example="astronaut"
    )


@pytest.mark.parametrize("file", [b"\xff\xfb\x00", b"x", b"x" * LONGEST_FILE])
def test_a_file_in_a_link_is_short_and_whole(file):
    assert len(in_text(file)) <= 2000
    assert from_query({"file": in_text(file)}, CODECS).file == file


def test_what_comes_next_says_nothing_about_the_file():
    assert not place_of("codec=cdc&bpp=0.4&example=cat&view=ms_ssim", CODECS).is_about_file
    for about in ("used=1200", "compare=jpeg", "against=cdc", "decoder=flow", "realism=0.5"):
        assert place_of(about, CODECS).is_about_file


@pytest.mark.parametrize(
    "query",
    [
        {"codec": "mp3"},
        {"bpp": "nan"},
        {"bpp": "1e9"},
        {"bpp": "a lot"},
        {"seed": "-1"},
        {"steps": "2.5"},
        {"steps": "9" * 5000},
        {"realism": "inf"},
        {"decoder": "<script>"},
        {"file": "****"},
        {"file": "A" * 100_000},
        {"file": "ü"},
        {"prompt": "x" * 301},
        {"model": "a\nb"},
        {"used": "0"},
        {"used": "1e99"},
        {"goal": "-1"},
        {"side": "99999999"},
        {"kept": "a\0b"},
        {"name": "x" * 301},
        {"compare": "\x1b[2J"},
        {"__theme": "dark", "view": ""},
    ],
)
def test_nonsense_is_left_out_and_the_rest_counts(query):
    assert from_query(query, CODECS) == Place()
    assert from_query(query | {"example": "coffee"}, CODECS) == Place(example="coffee")


def test_a_query_of_too_many_fields_is_none():
    assert place_of("&".join(f"x{n}=1" for n in range(1000)) + "&example=cat", CODECS) == Place()


def test_a_shelf_keeps_what_links_lead_to_under_a_name_that_says_nothing():
    session = Session("portrait", source=b"source", original=b"original", notes="12 x 8 pixels.", data=b"whole", turn=9)
    kept = Shelf()
    name = kept.put(session, b"who")
    assert kept.put(session, b"who") == name, "the same twice takes no more room"
    assert kept.put(session, b"whol") != name
    assert len(name) >= 24
    assert kept.get(name) == Session(
        "portrait", source=b"source", original=b"original", notes="12 x 8 pixels.", data=b"who"
    )
    assert kept.get("eAG-XgtNc") is None


def test_a_shelf_is_bounded_and_forgets(monkeypatch):
    monkeypatch.setattr(shelf, "BYTES", 1000)
    kept = Shelf()
    names = [kept.put(Session("picture", source=bytes([n]) * 300), b"file") for n in range(5)]
    assert [kept.get(name) is not None for name in names] == [False, False, True, True, True]
    monkeypatch.setattr(shelf, "SECONDS", -1)
    gone = Shelf()
    assert gone.get(gone.put(Session("picture", source=b"x"), b"file")) is None


def test_nobody_clears_away_what_others_have_on_the_shelf(monkeypatch):
    monkeypatch.setattr(shelf, "BYTES", 1000)
    kept = Shelf()
    theirs = [kept.put(Session("picture", source=bytes([n]) * 100), b"file", owner) for n, owner in enumerate("abc")]
    flood = [kept.put(Session("picture", source=b"x" * 100 + bytes([n])), b"file", "stranger") for n in range(50)]
    assert all(kept.get(name) for name in theirs)
    assert [kept.get(name) is not None for name in flood] == 44 * [False] + 6 * [True]
    kept.get(flood[-6])
    latest = kept.put(Session("picture", source=b"y" * 101), b"file", "stranger")
    assert kept.get(flood[-6]), "what was asked for last stays"
    assert kept.get(latest)
    assert not kept.get(flood[-5])


def test_who_keeps_what_others_have_kept_does_not_get_it_into_their_hands(monkeypatch):
    monkeypatch.setattr(shelf, "BYTES", 1000)
    kept, session = Shelf(), Session("picture", source=b"theirs" * 20)
    theirs = kept.put(session, b"file", "somebody")
    assert kept.put(session, b"file", "stranger") == theirs
    for n in range(50):
        kept.put(Session("picture", source=b"x" * 100 + bytes([n])), b"file", "stranger")
    assert kept.get(theirs)
