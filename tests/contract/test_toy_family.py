"""A codec with a model for each rate, in one file: everywhere it is one codec, and the rate says which model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image
from serving import client_of, serve

from diffdemo.cli import parser
from diffdemo.engine import Engine
from diffdemo.engine.batch.compress import Order, compress_all
from diffdemo.errors import RateError
from diffdemo.images import Pixels, to_png
from diffdemo.measure import evaluate
from diffdemo.models.spec import ModelSpec
from diffdemo.ui.memory.session import Session
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.menu import Shelf
from diffdemo.ui.studio.opening import Waiting
from diffdemo.ui.studio.wiring import Acts
from diffdemo.ui.turns import Turns
from tests.toy_codec import registered_family

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")

RATES = (0.5, 1.25, 6.5)
LOW, MIDDLE, HIGH = NAMES = ("toys-0.5", "toys-1.25", "toys-6.5")


@pytest.fixture(scope="module", autouse=True)
def specs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModelSpec, ...]]:
    with registered_family(tmp_path_factory.mktemp("toys")) as listed:
        yield listed


@pytest.fixture(scope="module")
def engine(specs: object) -> Engine:
    return Engine(device="cpu", threads=1)


@pytest.fixture
def acts(engine: Engine) -> Acts:
    return Acts(engine, Turns(patience=0))


@pytest.fixture
def picture(texture: Pixels, tmp_path: Path) -> Path:
    path = tmp_path / "texture.png"
    Image.fromarray(texture).save(path)
    return path


@pytest.fixture
def without_high(specs: tuple[ModelSpec, ...]) -> Iterator[None]:
    """The model of the highest rate is not here."""
    path = next(spec.path for spec in specs if spec.name == HIGH)
    os.rename(path, f"{path}.away")
    yield
    os.rename(f"{path}.away", path)


def model_of(engine: Engine, pixels: Pixels, **target: object) -> str | None:
    *_, last = engine.encode(pixels, codec="toys", **target)
    return engine.describe(last.data).model


def test_a_rate_names_a_model(engine: Engine, texture: Pixels) -> None:
    (codec,) = (each for each in engine.codecs() if each.name == "toys")
    assert codec.stops == RATES
    assert codec.default_model == MIDDLE
    rates = {0.2: LOW, 0.5: LOW, 1.2: MIDDLE, 1.25: MIDDLE, 5.0: MIDDLE, 6.5: HIGH, 24: HIGH}
    assert {bpp: engine.model_at("toys", bpp=bpp).name for bpp in rates} == rates
    assert [model_of(engine, texture, bpp=bpp) for bpp in RATES] == [*NAMES]
    with pytest.raises(RateError, match=r"take 0\.5 bits per pixel, and 0\.1 were asked for"):
        engine.encode(texture, codec="toys", bpp=0.1)
    with pytest.raises(RateError, match=r"take 6\.5 bits per pixel, and 1 were asked for"):
        engine.encode(texture, model=HIGH, bpp=1.0)
    with pytest.raises(RateError, match="must be a positive number"):
        engine.encode(texture, codec="toys", bpp=-1)


def test_so_many_bytes_name_the_model_of_the_highest_rate_that_fits(engine: Engine, texture: Pixels) -> None:
    pixels = texture.shape[0] * texture.shape[1]
    for name, rate in zip(NAMES, RATES, strict=True):
        assert engine.model_at("toys", texture, num_bytes=int(rate * pixels / 8) + 400).name == name
    assert engine.model_at("toys", texture, num_bytes=1).name == LOW


@pytest.mark.usefixtures("without_high")
def test_of_those_that_fit_one_that_is_here_comes_first_but_a_rate_is_taken_at_its_word(texture: Pixels) -> None:
    engine = Engine(device="cpu")
    assert engine.model_at("toys", texture, num_bytes=1 << 20).name == MIDDLE
    assert engine.model_at("toys", bpp=6.5).name == HIGH


def test_one_curve_over_all_models(engine: Engine, acts: Acts, texture: Pixels) -> None:
    points = list(engine.sweep(texture, model=MIDDLE))
    assert len(points) == len(RATES)
    assert [point.num_bytes for point in points] == sorted(point.num_bytes for point in points)
    for settings in (Settings(codec="toys", model=LOW), Settings(codec="toys", model=HIGH)):
        *_, screen = acts.handlers.encode(Session(source=to_png(texture)), settings)
        *_, plot = acts.plotting.complete(screen.session, "psnr_db")
        (line,) = (trace for trace in plot.data if trace.name == "Toys, one step")
        assert [*line.x] == [point.bpp for point in points]


@pytest.mark.usefixtures("without_high")
def test_the_slider_stops_at_the_rates_and_offers_a_model_that_is_missing(texture: Pixels) -> None:
    acts = Acts(Engine(device="cpu"), Turns(patience=0))
    _, bpp, _, _ = acts.handlers.choose_codec("toys")
    assert bpp["visible"] is False
    shelf = acts.menu.choose("toys", "photo-small", "", Waiting())
    assert (shelf.level["maximum"], shelf.level["value"], shelf.level["visible"]) == (2, 1, True)
    assert shelf.level["label"] == "Rate: 1.25 bits per pixel"
    assert "3 rates, each with a model of its own: the slider stops at these" in shelf.level["info"]
    assert (shelf.model["value"], shelf.model["visible"]) == (MIDDLE, "hidden")
    assert shelf.card["visible"] is False
    snapped = acts.menu.snap("toys", 0, "", Waiting())
    assert (snapped.model["value"], snapped.level["label"]) == (LOW, "Rate: 0.5 bits per pixel")
    missing = acts.menu.snap("toys", 99, "", Waiting())
    assert missing.model["value"] == HIGH
    assert missing.card["visible"]
    assert missing.fetch["visible"]
    session = Session(source=to_png(texture))
    for num_bytes, model in ((1000, LOW), (4000, MIDDLE), (100_000, HIGH)):
        met = acts.menu.meet(session, num_bytes, "toys", MIDDLE, "", Waiting())
        assert met.model["value"] == model
    assert acts.menu.meet(session, None, "toys", MIDDLE, "", Waiting()) == Shelf()
    assert acts.menu.meet(session, 1000, "diffc", "photo-small", "", Waiting()) == Shelf()
    back = acts.menu.choose("diffc", HIGH, "", Waiting())
    assert (back.level["visible"], back.model["visible"]) == (False, True)
    assert acts.handlers.choose_codec("diffc")[1]["visible"] is True
    *_, screen = acts.handlers.encode(Session(source=to_png(texture)), Settings(codec="toys", model=LOW, bpp=3.0))
    assert screen.session.model == LOW


def test_on_a_half_of_the_stage_it_has_the_model_for_these_bytes(engine: Engine, acts: Acts, texture: Pixels) -> None:
    *_, screen = acts.handlers.encode(Session(source=to_png(texture)), Settings(codec="toys", model=MIDDLE))
    halves = Halves("original", against="toys")
    for bytes_of_half, model in ((1000, LOW), (30_000, HIGH)):
        *_, opposed = acts.comparison.oppose(screen.session, halves, "", f"{bytes_of_half} bytes")
        *_, alone = engine.encode(texture, model=model)
        assert f"{len(alone.data):,} bytes" in opposed.stage["right"]["numbers"]


@pytest.mark.usefixtures("without_high")
def test_what_would_make_more_of_the_bytes_of_a_half_is_said(texture: Pixels) -> None:
    acts = Acts(Engine(device="cpu"), Turns(patience=0))
    *_, screen = acts.handlers.encode(Session(source=to_png(texture)), Settings(codec="toys", model=LOW))
    for asked, is_told in (("30000 bytes", True), ("4000 bytes", False)):
        *_, last = acts.comparison.oppose(screen.session, Halves("original", against="toys"), "", asked)
        assert ("toys 6.5 would use more of them" in last.status) == is_told


def test_a_link_that_names_a_model_or_a_rate_finds_it(acts: Acts) -> None:
    for query, model in (("codec=toys&bpp=0.5", LOW), ("codec=toys&model=toys-6.5&bpp=1.25", HIGH)):
        assert acts.sharing.restore(query)[4]["value"] == model


def test_command_line(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.difd"
    for target, name in ((["--bpp", "6.5"], HIGH), (["--bytes", "1000"], LOW), ([], MIDDLE)):
        assert parser.main(["encode", str(picture), "-o", str(file), "--codec", "toys", *target, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["model"] == name


def test_endpoints_of_the_page(engine: Engine, picture: Path) -> None:
    with serve(engine) as url, closing(client_of(url)) as client:
        for bpp, num_bytes, name in ((6.5, None, HIGH), (6.5, 1000, LOW)):
            _, report = client.predict(handle_file(picture), bpp, num_bytes, codec="toys", api_name="/compress")
            assert report["model"] == name
        *_, compared = client.predict(handle_file(picture), 100_000, "jpeg", "toys", api_name="/compare_codecs")
        *_, alone = engine.encode(np.array(Image.open(picture)), model=HIGH)
        assert compared["ours"]["num_bytes"] == len(alone.data)
        for bpp, num_bytes in ((6.5, None), (1.0, 100_000)):
            *_, report = client.predict([handle_file(picture)], bpp, num_bytes, codec="toys", api_name="/batch")
            (entry,) = report["pictures"]
            assert entry["num_bytes"] == len(alone.data), entry["error"]


def test_batch_with_a_model_for_each_picture(engine: Engine, picture: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    with Image.open(picture) as opened:
        opened.resize((32, 32)).save(small)
    *_, last = compress_all(engine, [picture, small], Order("", num_bytes=1000, codec="toys"))
    large, little = last.outcomes
    assert not large.error
    assert little.bpp > large.bpp


def test_evaluation_has_one_curve(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    assert evaluate.main([str(picture.parent), "-o", str(results), "--codecs", "toys"]) == 0
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert {row["settings"]["model"] for row in rows if row["codec"].startswith("toys")} == set(NAMES)
    assert "toys deterministic against jpeg" in capsys.readouterr().out
