"""Links: what goes in comes out, and nonsense from strangers is left out."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from diffdemo.ui.links.permalink import LONGEST_FILE, Place, from_query, to_query

CODECS = ("diffc", "cdc")
FULL = Place(
    codec="diffc",
    model="ddpm-cat-256",
    bpp=0.35,
    num_bytes=5000,
    preset="best",
    prompt="ein Kater, 20 % größer & älter",
    decoder="ancestral",
    knobs={"realism": 0.5, "gamma": 1.25, "eta": 0.0, "steps": 17, "seed": 4_294_967_295},
    example="astronaut",
    file=bytes(range(256)),
)


def back(place: Place) -> Place:
    return from_query(dict(parse_qsl(to_query(place), strict_parsing=bool(to_query(place)))), CODECS)


@pytest.mark.parametrize(
    "place", [Place(), FULL, Place(knobs={"seed": 0}), Place(knobs={"realism": 0.0}), Place(file=b"\xff\xfb\x00")]
)
def test_there_and_back(place):
    assert back(place) == place


def test_a_link_of_before_still_opens():
    query = "codec=diffc&model=photo-small&bpp=0.5&preset=best&decoder=flow&realism=0.7&seed=5&example=astronaut"
    knobs = {"realism": 0.7, "seed": 5}
    assert from_query(dict(parse_qsl(query)), CODECS) == Place(
        "diffc", "photo-small", 0.5, preset="best", decoder="flow", knobs=knobs, example="astronaut"
    )


def test_only_what_was_chosen_is_written():
    assert to_query(Place()) == ""
    assert to_query(Place(codec="cdc", bpp=0.4)) == "codec=cdc&bpp=0.4"


def test_a_long_file_stays_at_home():
    assert back(Place(example="coffee", file=b"x" * (LONGEST_FILE + 1))) == Place(example="coffee")
    assert len(to_query(Place(file=b"x" * LONGEST_FILE))) < 2048


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
        {"__theme": "dark", "view": "api"},
    ],
)
def test_nonsense_is_left_out_and_the_rest_counts(query):
    assert from_query(query, CODECS) == Place()
    assert from_query(query | {"example": "coffee"}, CODECS) == Place(example="coffee")
