"""A visitor who chooses CDC, in a real browser, at two sizes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_cdc import MAGIC

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


def _compress(page) -> None:
    page.locator("#codec").get_by_label("CDC").check()
    page.locator("#codec").get_by_text("texture from the decoder").wait_for()
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^As sent .*, 17 steps")).wait_for()


def _shown(page) -> str:
    return page.locator("#stage img").nth(1).get_attribute("src")


def test_compress_more_steps_noise_samples_keep_and_open(open_studio, tmp_path):
    page = open_studio()
    _compress(page)
    assert page.get_by_label("range slider for Bytes of the file used").count() == 0
    assert page.get_by_text("Quality of search").count() == 0
    assert page.locator("#steps-plot .annotation-text").all_text_contents() == ["deterministic"]
    page.locator("#plot").get_by_text("CDC, one step").wait_for()
    size = page.locator("#argument .headline b").first.inner_text()

    page.get_by_label("number input for Denoising steps").fill("3")
    page.get_by_label("number input for Denoising steps").press("Tab")
    page.locator("#status").get_by_text(re.compile("^As sent .*, 3 steps")).wait_for()
    before = _shown(page)
    page.get_by_label(re.compile("grown from noise")).check()
    page.locator("#status").get_by_text(re.compile("^Grown from noise")).wait_for()
    assert page.get_by_label("range slider for Gamma").is_visible()
    assert _shown(page) != before
    assert page.locator("#argument .headline b").first.inner_text() == size

    page.get_by_role("button", name="Draw 4 samples").click()
    page.locator("#status").get_by_text("4 samples, in").wait_for()
    page.locator("#samples .thumbnail-item img").nth(7).wait_for()
    assert page.locator("#samples .thumbnail-item img").count() == 8

    with page.expect_download() as download:
        page.locator("#download").click()
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(MAGIC)
    assert size == f"{len(content):,} bytes"
    path = tmp_path / "cut.difd"
    path.write_bytes(content[:-1])
    page.locator("#files input[type=file]").set_input_files(path)
    page.get_by_text("fetch it again, whole").wait_for()
    assert page.locator("#argument .headline b").first.inner_text() == size


def test_another_choice_cancels_and_stop_keeps_the_last_step(open_studio, fake_engine, fake_engine_slowed):
    page = open_studio()
    _compress(page)
    with fake_engine_slowed(0.4):
        page.get_by_label(re.compile("grown from noise")).check()
        page.locator("#status").get_by_text(re.compile("step [2-9] of 17")).wait_for()
        with fake_engine.held(5):
            page.get_by_label("as sent").check()
            right = page.locator("#stage .side.right")
            right.get_by_text(re.compile("CDC, deterministic, step [1-4] of 17")).wait_for()
            page.get_by_role("button", name="Stop").click()
            page.locator("#status").get_by_text(re.compile(r"the picture after step \d of 17")).wait_for()
        page.wait_for_timeout(1000)  # What was cancelled must not speak afterwards.
    assert "the picture after step" in page.locator("#status").inner_text()


def test_phone(phone):
    page = phone
    _compress(page)
    page.get_by_label(re.compile("grown from noise")).check()
    page.get_by_label("range slider for Gamma").wait_for()
    page.get_by_role("button", name="Draw 4 samples").click()
    page.locator("#status").get_by_text("4 samples, in").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for control in ("#codec", "#bpp", "#steps", "#decoder", "#gamma", "#seed", "#imagine", "#download", "#samples"):
        box = page.locator(control).bounding_box()
        assert box["x"] >= 0, control
        assert box["x"] + box["width"] <= 390, control
