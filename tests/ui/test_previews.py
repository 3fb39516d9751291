"""Previews: what the browser gets once of a file, so that the slider needs no server; and that nothing lossy stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from stage import shown

from diffdemo.engine.records import Frame
from diffdemo.metrics.distortion import psnr_db
from diffdemo.pictures import load_picture
from diffdemo.ui.compare import previews
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.studio.choices import Choices, Halves, Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns


class Page:
    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.painter, turns = Painter(self.engine, Baselines(self.engine)), Turns()
        events = (self.engine, self.painter, turns)
        self.pictures, self.handlers, self.viewing = Pictures(*events, Shelf()), Handlers(*events), Viewing(*events)

    def compressed(self) -> list[Screen]:
        return list(self.handlers.encode(self.pictures.greet().session, Settings(bpp=3.0)))


@pytest.fixture
def page() -> Page:
    return Page()


def test_a_file_at_rest_comes_with_a_preview_of_each_step_and_its_quality(page):
    last = page.compressed()[-1]
    session, found = last.session, last.previews
    ends = [step.end_bytes for step in page.engine.describe(session.data).steps if step.received]
    assert [frame["bytes"] for frame in found["frames"]] == ends
    assert found["pixels"] == 256 * 256
    for frame, end in zip(found["frames"], ends, strict=True):
        exact = page.engine.preview(session.data, end)
        assert frame["quality"] == f"{exact.psnr_db:.1f} dB"
        assert psnr_db(exact.pixels, load_picture(frame["picture"]["path"]).pixels) > 27


def test_previews_are_small_also_of_large_pictures():
    noise = np.random.default_rng(1).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(noise).resize((24, 18)).resize((1200, 900)))
    assert load_picture(previews.small(smooth)).pixels.shape == (480, 640, 3)
    assert len(previews.small(smooth)) < 40_000


def test_a_file_of_many_steps_has_a_bounded_number_of_previews_and_the_last_of_them(page, monkeypatch):
    session = page.compressed()[-1].session
    monkeypatch.setattr(previews, "_MOST", 2)
    ends = [step.end_bytes for step in page.engine.describe(session.data).steps if step.received]
    found = [frame["bytes"] for frame in previews.along(page.engine, session.data, "DiffC")["frames"]]
    assert len(found) <= 2 < len(ends)
    assert found[-1] == ends[-1]
    assert set(found) < set(ends)


def test_on_the_way_the_stage_shows_previews_and_at_rest_never(page):
    *growing, last = page.compressed()
    assert {screen.stage["right"]["is_preview"] for screen in growing} == {True}
    assert {screen.previews["frames"] == [] for screen in growing} == {True}
    assert last.stage["right"]["is_preview"] is False
    exact: Frame = page.engine.preview(last.session.data, len(last.session.data))
    assert np.array_equal(shown(last, "right"), exact.pixels)


def test_a_codec_whose_files_cannot_be_cut_has_none(page):
    session = page.pictures.greet().session
    *_, last = page.handlers.encode(session, Settings(bpp=1.0, codec="cdc", model="fake-cdc"))
    assert last.previews == previews.NONE


def test_another_part_of_the_file_sends_no_new_plot_and_what_is_new_in_it_does(page):
    session = page.compressed()[-1].session
    half = len(session.data) // 2
    *_, moved = page.viewing.refine(session, Choices(half, "mean"), Halves())
    assert moved.plot is UNCHANGED
    assert moved.stage["bytes"] == half
    *_, sharp = page.viewing.refine(moved.session, Choices(half, "flow"), Halves())
    assert sharp.plot is not UNCHANGED, "the decode that was tried is a new point"
    *_, again = page.viewing.refine(replace(sharp.session, plotted=""), Choices(half, "mean"), Halves())
    assert again.plot is not UNCHANGED, "it is not known what the page has"
