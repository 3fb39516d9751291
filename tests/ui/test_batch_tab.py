"""The Batch tab: what its page shows while it works, when it is cancelled, and what programs get."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from serving import client_of, serve

from diffdemo.engine.batch.compress import Outcome
from diffdemo.metrics.points import CurvePoint
from diffdemo.pictures import load_picture
from diffdemo.ui.batch import tab as batch
from diffdemo.ui.batch.acts import Batch, Page
from diffdemo.ui.batch.plot import batch_plot
from diffdemo.ui.batch.table import batch_table, ended

JPEG = CurvePoint(900, 0.9, {"psnr_db": 28.0, "ms_ssim": 0.9})
DONE = Outcome("a<b>.png", 100, 80, 1000, 1.0, {"psnr_db": 30.0, "ms_ssim": 0.95}, 2.0, JPEG, "Turned upright.")
CODECS = FakeEngine().codecs()
FAILED = Outcome("c.png", error="'c.png' is not a picture.")


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def files(tmp_path, large_picture, texture) -> list[str]:
    paths = [tmp_path / "first.png", tmp_path / "words.png", tmp_path / "last.png"]
    Image.fromarray(large_picture).save(paths[0])
    paths[1].write_text("not a picture")
    Image.fromarray(texture).save(paths[2])
    return [str(path) for path in paths]


def start(acts: Batch, files: list[str], **changes: object) -> Iterator[Page]:
    """Press Start, and give what comes after that."""
    begun = acts.begin(files, "diffc")
    asked = {"bpp": 3.0, "num_bytes": None, "preset": "fast", "most_pixels": 1 << 20, "pictures": False} | changes
    return acts.run(files, "diffc", None, *asked.values(), begun.turn)


def is_changed(value: object) -> bool:
    return value != gr.skip()


def test_the_table_grows_and_the_rest_goes_on_after_an_error(fake, files):
    pages = list(start(Batch(fake), files))
    rows = [page.table.count("<tr") for page in pages if is_changed(page.table)]
    assert rows == [2, 3, 5, 5]
    assert "not a picture" in pages[-1].table
    assert "Picture 1 of 3" in pages[0].status
    assert "All 3 done" in pages[-1].status
    assert "2 files" in pages[-1].status
    assert "1 could not be compressed" in pages[-1].status


def test_the_end_offers_the_files(fake, files):
    seen = {}
    for page in start(Batch(fake), files, pictures=True):
        if is_changed(page.archive):
            # The folder is gone when the next page is asked for: Gradio has a copy by then.
            with zipfile.ZipFile(page.archive["value"]) as opened:
                seen = {name: opened.read(name) for name in opened.namelist()}
            sheet = Path(page.sheet["value"]).read_text()
    assert list(seen) == ["first.difd", "first.png", "last.difd", "last.png", "table.csv"]
    *_, frame = fake.decode(seen["first.difd"])
    assert np.array_equal(load_picture(seen["first.png"]).pixels, frame.pixels)
    assert sheet.startswith("picture,width")
    assert sheet.count("\n") == 4


def test_bytes_override_the_rate(fake, files):
    *_, last = start(Batch(fake), files[:1], num_bytes=2500.0)
    assert "1 file, 2," in last.status or "1 file, 1," in last.status


def test_cancel_keeps_what_is_done(fake, files):
    acts = Batch(fake)
    pages = start(acts, files)
    while not is_changed(next(pages).table):
        pass
    assert "Ending" in acts.cancel().status
    last = next(pages)
    assert "Cancelled after 1 of 3" in last.status
    assert last.start["interactive"]
    with zipfile.ZipFile(last.archive["value"]) as opened:
        assert opened.namelist() == ["first.difd", "table.csv"]
    assert next(pages, None) is None


def test_cancel_before_it_began_keeps_it_from_beginning(fake, files):
    acts = Batch(fake)
    pages = start(acts, files)
    cancelled = acts.cancel()
    assert "before it began" in cancelled.status
    assert cancelled.start["interactive"]
    assert list(pages) == [Page()]


def test_cancel_before_the_first_file_offers_none(fake, files):
    acts = Batch(fake)
    pages = start(acts, files)
    next(pages)
    acts.cancel()
    *_, last = pages
    assert "before the first picture" in last.status
    assert not is_changed(last.archive)
    assert not is_changed(last.sheet)


def test_only_errors_give_a_table_and_no_zip(fake, files):
    *_, last = start(Batch(fake), files[1:2])
    assert "none could be compressed" in last.status
    assert not is_changed(last.archive)
    assert is_changed(last.sheet)


@pytest.mark.parametrize(("count", "words"), [(0, "Choose some pictures"), (101, "101 pictures; at most 100")])
def test_nothing_begins_without_pictures_or_with_too_many(fake, count, words):
    with pytest.raises(gr.Error, match=words):
        Batch(fake).begin(["a.png"] * count, "diffc")


def test_a_model_that_is_not_here_is_refused_in_words(fake, files):
    acts = Batch(fake)
    missing = next(info for info in fake.models() if not info.is_here)
    turn = acts.begin(files, missing.codec).turn
    with pytest.raises(gr.Error, match="not here yet"):
        next(acts.run(files, missing.codec, missing.name, 1.0, None, "fast", 1 << 20, False, turn))


def test_a_codec_brings_its_controls(fake):
    sentence, _, rate, preset = Batch(fake).choose_codec("cdc", None)
    assert "texture" in sentence["info"]
    assert rate["maximum"] == 1.0
    assert not preset["visible"]


def test_only_models_that_are_here_are_offered(fake):
    menu = Batch(fake).refresh("diffc", None)
    here = [info.name for info in fake.models() if info.is_here and info.codec == "diffc"]
    assert [name for _, name in menu["choices"]] == here
    assert menu["visible"] == (len(here) > 1)


def test_names_from_outside_are_no_html():
    page = batch_table([DONE, FAILED])
    assert "a&lt;b&gt;.png" in page
    assert "<b>" not in page
    assert "Turned upright." in page
    assert 'class="failed"' in page


def test_means_stand_below_several_files():
    assert "tfoot" not in batch_table([DONE, FAILED])
    assert "mean of 2 files" in batch_table([DONE, DONE])


def test_words_for_one_file():
    assert "1 file, 1,000 bytes in all." in ended([DONE], 1, 2.0)


def test_means_beside_jpeg_are_of_the_pictures_that_have_one():
    """Without its hardest picture JPEG looks better than it is, and so does what is set beside it."""
    easy, hard = (
        replace(DONE, values={"psnr_db": 36.0}, jpeg=CurvePoint(2, 0.4, {"psnr_db": 33.8})),
        replace(DONE, values={"psnr_db": 27.2}, jpeg=None),
    )
    foot = batch_table([easy, hard]).partition("<tfoot>")[2]
    assert "<td>33.8 dB of 1, ours of these 36.0 dB</td>" in foot
    named = [note.text for note in batch_plot([easy, hard], "diffc", CODECS).layout.annotations]
    assert any("mean of 1<br>36.0 dB" in name for name in named)
    assert any("JPEG, mean of 1<br>33.8 dB" in name for name in named)


def test_the_plot_marks_each_picture_its_jpeg_and_the_means():
    pairs, jpegs, own, *marks = batch_plot([DONE, FAILED, DONE], "diffc", CODECS).data
    assert (list(own.x), list(own.y)) == ([1.0, 1.0], [30.0, 30.0])
    assert list(jpegs.y) == [28.0, 28.0]
    assert list(pairs.x)[:3] == [1.0, 0.9, None]
    assert [(mark.x[0], mark.y[0]) for mark in marks] == [(1.0, 30.0), (0.9, 28.0)]
    assert "a&lt;b&gt;" in own.text[0]


def test_the_plot_of_nothing_has_axes():
    figure = batch_plot([FAILED], "cdc", CODECS)
    assert figure.layout.annotations == ()
    assert figure.layout.xaxis.range[1] > 0


def test_lossless_files_have_no_place_in_the_plot():
    lossless = Outcome(
        "d.png",
        10,
        10,
        500,
        2.0,
        {"psnr_db": float("inf"), "ms_ssim": 1.0},
        1.0,
        CurvePoint(400, 1.6, {"psnr_db": float("inf"), "ms_ssim": 1.0}),
    )
    _, jpegs, own, *marks = batch_plot([lossless, DONE], "diffc", CODECS).data
    assert (len(own.x), len(jpegs.x)) == (1, 1)
    assert all(np.isfinite(mark.y[0]) for mark in marks)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A page of this tab alone, from outside."""

    def page(engine: FakeEngine) -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as demo, gr.Tabs(), gr.Tab("Batch") as tab:
            batch.wire(batch.build(tab, engine), engine)
        return demo.queue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.build_app", page)
        with serve(FakeEngine()) as url:
            connected = client_of(url)
            yield connected
            connected.close()


# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
@pytest.mark.filterwarnings("ignore")
def test_programs_get_the_zip_the_table_and_a_report(client, files):
    pictures = [handle_file(file) for file in files]
    archive, sheet, report = client.predict(pictures, 3.0, None, "fast", "diffc", "", 1 << 20, False, api_name="/batch")
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == ["first.difd", "last.difd", "table.csv"]
        assert Path(sheet).read_text() == opened.read("table.csv").decode().replace("\r\n", "\n")
    assert [bool(each["error"]) for each in report["pictures"]] == [False, True, False]
    assert report["means"]["files"] == 2


@pytest.mark.filterwarnings("ignore")
def test_programs_see_how_far_it_is(client, files):
    job = client.submit([handle_file(files[0])], 3.0, None, "fast", "diffc", "", 1 << 20, False, api_name="/batch")
    job.result(timeout=300)
    reports = [output[2] for output in job.outputs()]
    assert reports[0]["share"] == 0.0
    assert reports[-2]["share"] == 1.0
    assert "pictures" in reports[-1]


@pytest.mark.filterwarnings("ignore")
def test_programs_read_what_is_wrong(client):
    with pytest.raises(AppError, match="0 pictures were given"):
        client.predict([], 3.0, None, "fast", "diffc", "", 1 << 20, False, api_name="/batch")
