"""The tour, and what terms mean, on the page that is there: by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


def test_the_tour_moves_slider_and_decoder_of_this_very_file(studio_with_example):
    page = studio_with_example
    slider = page.locator('#used input[type="range"]')
    least, most = (int(slider.get_attribute(end)) for end in ("min", "max"))
    page.get_by_role("button", name="Tour", exact=True).click()
    tour = page.get_by_role("dialog", name="Tour")
    tour.get_by_text("1 of 3: Noise").wait_for()
    page.locator("#argument .headline").get_by_text(re.compile(f"^{least:,} bytes")).wait_for()
    page.keyboard.press("Enter")
    tour.get_by_text("2 of 3: Bits").wait_for()
    page.locator("#argument .headline").get_by_text(re.compile(f"^{most:,} bytes")).wait_for()
    page.keyboard.press("Enter")
    tour.get_by_text("3 of 3: Imagination").wait_for()
    page.locator("#stage .side.right").get_by_text("sharp").wait_for()
    page.locator("#argument .headline").get_by_text(re.compile(f"^{round(most / 20):,} bytes")).wait_for()
    tour.get_by_role("button", name="Done").click()
    tour.wait_for(state="detached")


def test_the_tour_can_be_left_at_any_time(studio_with_example):
    page = studio_with_example
    page.get_by_role("button", name="Tour", exact=True).click()
    page.get_by_role("button", name="Next").click()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog", name="Tour").count() == 0
    assert page.evaluate("document.activeElement.id") == "tour"
    moved = page.locator('#used input[type="range"]').input_value()
    page.wait_for_timeout(300)
    assert page.locator('#used input[type="range"]').input_value() == moved, "it went on by itself"


def test_terms_are_explained_where_somebody_points_or_comes_by(studio_with_example):
    page = studio_with_example
    meaning = page.get_by_role("tooltip")
    page.locator("#argument .headline").get_by_text(re.compile(" bpp$")).hover()
    meaning.get_by_text("divided by the number of pixels").wait_for()
    page.locator("#stage .side.right i").get_by_text(re.compile(" dB$")).click()
    meaning.get_by_text("how far the pixels are from the original").wait_for()
    page.keyboard.press("Escape")
    assert meaning.count() == 0
    page.get_by_label("safest average").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    meaning.get_by_text("Posterior mean").wait_for()
    box = meaning.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    page.keyboard.press("Escape")
