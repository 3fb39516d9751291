"""The model menu: what it offers, what a download shows, and what is left when it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gradio as gr
import numpy as np
import pytest
from fake_models import BROKEN, CEILING, CUT_OFF, GATED, LATENT, OFFLINE, PIXEL, REFUSED, RELEASED, STEPS
from fakes import FakeEngine
from PIL import Image
from stage import shown

from diffdemo.engine import DownloadProgress
from diffdemo.ui.about import Storage
from diffdemo.ui.inspect import Inspection
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import card
from diffdemo.ui.models import choice as models
from diffdemo.ui.studio.choices import Settings
from diffdemo.ui.studio.menu import Menu, Shelf
from diffdemo.ui.studio.opening import Waiting
from diffdemo.ui.studio.screen import Screen
from diffdemo.ui.studio.wiring import Acts
from diffdemo.ui.turns import Turns

NOTHING = Waiting()


@dataclass
class Request:
    session_hash: str


ANNA, BERT = Request("anna"), Request("bert")


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def acts(fake) -> Acts:
    return Acts(fake, Turns(patience=0))


@pytest.fixture
def session(acts, tmp_path, large_picture) -> Session:
    path = tmp_path / "picture.png"
    Image.fromarray(large_picture).save(path)
    return acts.pictures.upload({"path": str(path)}, request=ANNA).session


def _fetch(fake: FakeEngine, name: str) -> None:
    assert [*fake.download(name)][-1].done


def _encode(acts: Acts, session: Session, model: str, prompt: str = "", side: int = 0) -> Screen:
    settings = Settings.read((side, 3.0, None, "fast", 0, "diffc", model, prompt))
    *_, last = acts.handlers.encode(session, settings, "psnr_db", ANNA)
    return last


@pytest.fixture
def foreign(acts, fake, session, tmp_path) -> str:
    """A file whose model is not here any more."""
    _fetch(fake, PIXEL)
    path = tmp_path / "foreign.difd"
    path.write_bytes(_encode(acts, session, PIXEL).session.data)
    fake.remove(PIXEL)
    return str(path)


def test_the_menu_belongs_to_the_codec_and_says_what_is_here(acts, fake):
    shelf = acts.menu.refresh("diffc", "fake", "", NOTHING)
    words = dict(shelf.model["choices"])
    assert words["fake (JPEG layers) · shipped"] == "fake"
    assert words["ddpm-cat-256 · 455 MB to download"] == PIXEL
    assert words["Stable Diffusion 3.5 · 5.1 GB to download, gated"] == GATED
    assert (shelf.card["visible"], shelf.fetch["visible"], shelf.look["visible"]) == (False, False, False)
    _fetch(fake, PIXEL)
    assert "ddpm-cat-256 · here" in dict(acts.menu.refresh("diffc", "fake", "", NOTHING).model["choices"])

    of_cdc = acts.menu.refresh("cdc", "fake", "", NOTHING)
    assert [name for _, name in of_cdc.model["choices"]] == ["fake-cdc"]
    assert of_cdc.model["value"] == "fake-cdc"
    assert of_cdc.look["visible"] is True


def test_a_card_says_what_a_download_is_before_it_begins(acts):
    shelf = acts.menu.choose("diffc", PIXEL, "", NOTHING)
    for words in ("DDPM: cats", "455 MB", "about 2 GB", "cats, 256 x 256", "Apache-2.0", "arXiv:2006.11239"):
        assert words in shelf.card["value"]
    assert 'href="https://huggingface.co/google/ddpm-cat-256" target="_blank"' in shelf.card["value"]
    assert "Gated" not in shelf.card["value"]
    assert (shelf.fetch["value"], shelf.fetch["visible"], shelf.fetch["interactive"]) == ("Download 455 MB", True, True)
    assert "Gated: accept its licence" in acts.menu.choose("diffc", GATED, "", NOTHING).card["value"]


def test_prompts_are_for_models_that_take_them(acts):
    assert acts.menu.choose("diffc", LATENT, "", NOTHING).prompt["visible"] is True
    assert acts.menu.choose("diffc", PIXEL, "", NOTHING).prompt["visible"] is False


def test_a_download_streams_and_ends_with_the_model_here(acts, fake):
    first, *between, last = acts.menu.fetch("diffc", PIXEL, ANNA)
    assert "0 of 455 MB" in first.arriving["value"]
    assert "91 of 455 MB · 11 MB/s · 32 s left" in between[0].arriving["value"]
    assert 'aria-valuenow="20"' in between[0].arriving["value"]
    assert len(between) == STEPS + 1
    assert (first.fetching, first.cancel["visible"], first.fetch["visible"]) == (PIXEL, True, False)
    assert "is here now" in last.arriving["value"]
    assert (last.fetching, last.cancel["visible"]) == ("", False)
    shelf = acts.menu.refresh("diffc", PIXEL, "", NOTHING)
    assert (shelf.model["value"], shelf.card["visible"]) == (PIXEL, False)


def test_during_a_download_another_one_waits_and_the_rest_can_be_chosen(acts):
    shelf = acts.menu.choose("diffc", LATENT, PIXEL, NOTHING)
    assert (shelf.fetch["visible"], shelf.fetch["interactive"]) == (True, False)
    assert acts.menu.choose("diffc", PIXEL, PIXEL, NOTHING).fetch["visible"] is False
    assert acts.menu.choose("diffc", "fake", PIXEL, NOTHING).arriving == gr.skip()
    assert acts.menu.choose("diffc", "fake", "", NOTHING).arriving["visible"] is False


@pytest.mark.parametrize(("name", "words"), [(BROKEN, CUT_OFF), (GATED, REFUSED)])
def test_a_failure_is_told_in_the_card_and_the_download_can_be_tried_again(acts, name, words):
    *_, last = acts.menu.fetch("diffc", name, ANNA)
    assert words in last.arriving["value"]
    assert 'role="alert"' in last.arriving["value"]
    assert last.fetching == ""
    shelf = acts.menu.refresh("diffc", name, "", NOTHING)
    assert (shelf.card["visible"], shelf.fetch["visible"], shelf.fetch["interactive"]) == (True, True, True)


def test_a_failure_that_nobody_expected_says_nothing_about_the_inside(acts, fake, caplog):
    def broken(name):
        raise RuntimeError("secret path")

    fake.download = broken
    (only,) = acts.menu.fetch("diffc", PIXEL, ANNA)
    assert "not your fault" in only.arriving["value"]
    assert "secret path" in caplog.text


def test_cancelling_ends_the_download_and_leaves_no_trace_of_it_on_the_page(fake):
    menu = Menu(fake, Turns(patience=0))
    stream = menu.fetch("diffc", PIXEL, ANNA)
    next(stream)
    shelf = menu.cancel(ANNA)
    assert "Cancelled" in shelf.arriving["value"]
    assert shelf.fetching == ""
    assert list(stream) == [Shelf()]
    assert fake.abandoned == [PIXEL]
    assert not fake.model(PIXEL).is_here


def test_a_visitor_cancels_nobody_elses_download(acts, fake):
    stream = acts.menu.fetch("diffc", PIXEL, ANNA)
    next(stream)
    acts.menu.cancel(BERT)
    assert "is here now" in [*stream][-1].arriving["value"]


def test_a_download_and_an_encode_leave_each_other_their_turns(acts, session):
    encode = acts.handlers.encode(session, Settings(0, 3.0, None, "fast", 0, "diffc", "fake", ""), "psnr_db", ANNA)
    next(encode)
    download = acts.menu.fetch("diffc", PIXEL, ANNA)
    next(download)
    assert "Compressed in" in [*encode][-1].status
    assert "is here now" in [*download][-1].arriving["value"]


def test_looking_at_the_hub_adds_to_the_menu(acts, fake):
    shelf = acts.menu.look("cdc", "fake-cdc", NOTHING)
    assert [name for _, name in shelf.model["choices"]] == ["fake-cdc", RELEASED]
    assert "1 more in the menu" in shelf.arriving["value"]
    assert "has them all" in acts.menu.look("cdc", "fake-cdc", NOTHING).arriving["value"]


def test_looking_at_the_hub_without_a_network_says_so(acts, fake):
    fake.is_offline = True
    shelf = acts.menu.look("cdc", "fake-cdc", NOTHING)
    assert OFFLINE in shelf.arriving["value"]
    assert shelf.model == gr.skip()


def test_the_picture_is_fitted_and_compared_at_that_size(acts, fake, session):
    _fetch(fake, PIXEL)
    last = _encode(acts, session, PIXEL)
    info = fake.describe(last.session.data)
    assert (info.model, info.width, info.height) == (PIXEL, 256, 256)
    assert shown(last, "left").shape == (256, 256, 3)
    assert last.notes == "200 x 192 pixels. Cut and scaled from 200 x 192, to the size that ddpm-cat-256 knows."
    assert "with ddpm-cat-256" in last.status
    back = _encode(acts, last.session, "fake")
    assert back.notes == "200 x 192 pixels."
    assert fake.describe(back.session.data).width == 200


def test_a_working_size_is_for_models_that_would_take_more(acts, fake, session):
    _fetch(fake, PIXEL)
    assert fake.describe(_encode(acts, session, "fake", side=100).session.data).width == 100
    last = _encode(acts, session, PIXEL, side=300)
    assert "from 200 x 192" in last.notes


def test_a_model_that_is_not_here_is_refused_before_anything_changes(acts, session):
    kept = _encode(acts, session, "fake").session
    stream = acts.handlers.encode(kept, Settings(0, 3.0, None, "fast", 0, "diffc", PIXEL, ""), "psnr_db", ANNA)
    with pytest.raises(gr.Error, match="ddpm-cat-256 is not here yet") as caught:
        next(stream)
    assert caught.value.print_exception is False


def test_the_model_of_another_codec_is_not_meant(acts, fake, session):
    *_, last = acts.handlers.encode(session, Settings(0, 2.0, None, "fast", 0, "cdc", "fake", ""), "psnr_db", ANNA)
    assert fake.describe(last.session.data).model == "fake-cdc"


def test_what_the_engine_prefers_is_meant_where_nothing_is_named(fake):
    assert models.chosen(fake, "diffc", None).name == "fake"
    prefers = [replace(each, default_model=PIXEL) for each in fake.codecs() if each.name == "diffc"]
    fake.codecs = lambda: prefers
    assert models.chosen(fake, "diffc", "fake-cdc").name == PIXEL
    assert models.chosen(fake, "diffc", "fake").name == "fake"


def test_prompts_travel_in_the_file_and_only_where_they_are_taken(acts, fake, session):
    _fetch(fake, LATENT)
    data = _encode(acts, session, LATENT, " a bear ").session.data
    assert fake.describe(data).facts["prompt"] == "a bear"
    assert fake.describe(_encode(acts, session, "fake", "a bear").session.data).facts["prompt"] is None
    report = Inspection(fake).of_session(Session(data=data), len(data))
    assert "a bear (6 bytes)" in report


def test_a_file_without_its_model_leaves_everything_and_offers_the_model(acts, foreign):
    (screen,) = acts.opening.open_file(foreign, "psnr_db", request=ANNA)
    assert "This file needs ddpm-cat-256 · 455 MB to download." in screen.status
    assert screen.session == gr.skip()
    waiting = screen.waiting
    assert waiting.model == PIXEL
    (*controls,) = acts.menu.offer("diffc", "fake", "", waiting)
    shelf = Shelf(*controls[4:])
    assert shelf.model["value"] == PIXEL
    assert "The file foreign.difd needs this model." in shelf.card["value"]
    choice, rate, preset, *_ = acts.menu.offer("cdc", "fake-cdc", "", waiting)
    assert (choice["value"], preset["visible"], rate["maximum"]) == ("diffc", True, 3.0)
    assert acts.menu.offer("cdc", "fake-cdc", "", NOTHING) == (*([gr.skip()] * 4), *Shelf())


def test_the_file_opens_when_its_model_has_come(acts, fake, foreign):
    (screen,) = acts.opening.open_file(foreign, "psnr_db", request=ANNA)
    assert acts.opening.release(screen.waiting, ANNA) == gr.skip()
    list(acts.menu.fetch("diffc", PIXEL, ANNA))
    ready = acts.opening.release(screen.waiting, ANNA)
    *_, last = acts.opening.open_released(ready, "psnr_db", request=ANNA)
    assert "This file is cut" in last.status
    assert last.session.model == PIXEL
    assert last.session.name == "foreign"


def test_the_file_does_not_open_over_what_its_owner_does_meanwhile(acts, foreign, session):
    (screen,) = acts.opening.open_file(foreign, "psnr_db", request=ANNA)
    encode = acts.handlers.encode(session, Settings(0, 3.0, None, "fast", 0, "diffc", "fake", ""), "psnr_db", ANNA)
    next(encode)
    list(acts.menu.fetch("diffc", PIXEL, ANNA))
    assert acts.opening.release(screen.waiting, ANNA) == gr.skip()
    assert "Compressed in" in [*encode][-1].status


def test_a_file_of_an_unknown_model_is_refused_in_words(acts, fake, foreign):
    del fake._models[PIXEL]
    with pytest.raises(gr.Error, match="a model that is not known here: its weights are called cafe0001"):
        list(acts.opening.open_file(foreign, "psnr_db", request=ANNA))
    assert "not known here (cafe0001)" in Inspection(fake).of_file(foreign, Session(), 1)


def test_inspect_names_a_model_that_is_not_here(fake, foreign):
    assert "ddpm-cat-256 · 455 MB to download (cafe0001)" in Inspection(fake).of_file(foreign, Session(), 1)


def test_the_ceiling_comes_into_the_plot_after_the_encode_and_is_found_once(acts, fake, session):
    _fetch(fake, LATENT)
    last = _encode(acts, session, LATENT)
    assert _heights(last.plot) == []
    (plot,) = acts.plotting.complete(last.session, "psnr_db", ANNA)
    assert _heights(plot) == [CEILING]
    assert "ceiling of the<br>autoencoder" in {note.text for note in plot.layout.annotations}
    fake.ceiling = None
    (again,) = acts.plotting.complete(last.session, "ms_ssim", ANNA)
    assert _heights(again) == []
    assert _heights(_encode(acts, session, "fake").plot) == []


def test_no_ceiling_is_drawn_where_there_is_none_or_it_fails(acts, fake, session, caplog):
    last = _encode(acts, session, "fake")
    assert list(acts.plotting.complete(last.session, "psnr_db", ANNA)) == [gr.skip()]
    _fetch(fake, LATENT)
    last = _encode(acts, session, LATENT)

    def broken(pixels, model):
        raise RuntimeError("out of memory")

    fake.ceiling = broken
    assert list(acts.plotting.complete(last.session, "psnr_db", ANNA)) == [gr.skip()]
    assert "out of memory" in caplog.text


def test_about_lists_models_and_removes_downloaded_ones(fake):
    storage = Storage(fake)
    table, where, removable, remove = storage.describe()
    assert "Stability Community" in table
    assert ">gated<" in table
    assert "Downloaded models take 0 MB in <code>cache/diffdemo</code>; 50 GB are free there." in where
    assert (removable["visible"], remove["visible"]) == (False, False)
    _fetch(fake, PIXEL)
    assert storage.describe()[2]["choices"] == [("ddpm-cat-256 · 455 MB", PIXEL)]
    assert storage.remove(PIXEL)[2]["choices"] == []
    assert not fake.model(PIXEL).is_here
    assert storage.remove(None)[0] == table


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(7_823_736, "7.8 MB"), (143e6, "143 MB"), (999.6e6, "1 GB"), (2_140e6, "2.1 GB"), (0, "0 MB"), (150e9, "150 GB")],
)
def test_volumes_in_words(num_bytes, words):
    assert card.volume(num_bytes) == words


def test_progress_in_words():
    def words(*moment):
        return card.progress(DownloadProgress("m", "f", *moment), "<m>")

    assert "0.4 of 2.1 GB · 11 MB/s · 2 min left" in words(400_000_000, 2_140_000_000, 11.4e6, 120.0, False)
    assert "0 of 455 MB</p>" in words(0, 455_000_000, None, None, False)
    assert "being checked" in words(455_000_000, 455_000_000, None, None, False)
    assert "width:0.0%" in words(0, 0, None, None, False)
    assert "<m>" not in words(0, 1, None, None, False)


def _heights(figure) -> list[float]:
    return [shape.y0 for shape in figure.layout.shapes if shape.y0 == shape.y1 and np.isfinite(shape.y0)]
