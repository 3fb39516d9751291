"""The stage comes first: picture, slider and decoder in view together, and nothing else on the page ever moves them."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

TOGETHER = ("#stage .box", "#used", "#decoder")
SIZES = {"laptop": (1440, 900), "small laptop": (1280, 720), "phone": (390, 844)}
ENLARGED = {"laptop at 200 %": (720, 450), "small laptop at 200 %": (640, 360)}
"""A page at twice its size has half as many pixels of its own."""
LEAST_SHARE = 0.3


def _places(page) -> list[list[int]]:
    """Left, top, width and height on the page, wherever it is scrolled to."""
    return [_place(page, part) for part in TOGETHER]


def _place(page, part: str) -> list[int]:
    box, scrolled = page.locator(part).bounding_box(), page.evaluate("window.scrollY")
    return [round(each) for each in (box["x"], box["y"] + scrolled, box["width"], box["height"])]


@pytest.mark.parametrize("size", [*SIZES, *ENLARGED])
def test_picture_slider_and_decoder_are_in_view_together(studio, size):
    page = studio
    width, height = (SIZES | ENLARGED)[size]
    page.set_viewport_size({"width": width, "height": height})
    try:
        page.evaluate("window.scrollTo(0, 0)")
        picture, slider, decoder = _places(page)
        assert picture[1] < slider[1] < decoder[1]
        assert decoder[1] + decoder[3] <= height
        assert slider[1] - (picture[1] + picture[3]) < 12, "the slider is not directly under the picture"
        assert picture[3] > LEAST_SHARE * height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_on_a_phone_the_slider_stays_while_anything_of_the_stage_is_seen(phone):
    for part in ("#stage .box", "#argument"):
        phone.locator(part).evaluate("part => part.scrollIntoView()")
        slider = phone.locator("#used").bounding_box()
        assert 0 <= slider["y"] <= 844 - slider["height"], part
    phone.evaluate("window.scrollTo(0, 0)")


def test_neither_plot_nor_settings_move_the_stage(studio_with_example):
    page = studio_with_example
    before = _places(page)
    page.get_by_role("button", name="Axes, lines, published").click()
    page.locator("#plot-others input").click()
    page.get_by_role("option", name="Kodak: CompressAI").click()
    page.locator("#plot .legend").get_by_text("Cheng 2020").wait_for()
    page.get_by_role("button", name="Advanced").click()
    assert _places(page) == before
    page.locator("#plot-others input").click()
    page.get_by_role("option", name="none").click()
    page.locator("#plot .legend").wait_for(state="detached")
    page.get_by_role("button", name="Axes, lines, published").click()
    page.get_by_role("button", name="Advanced").click()


def test_another_codec_or_decoder_moves_nothing(studio_with_example, pick_example):
    page = studio_with_example
    picture, _, decoder = _places(page)
    page.get_by_label(re.compile("one possible")).check()
    page.locator("#status").get_by_text(re.compile("^One possible")).wait_for()
    assert [_places(page)[0], _places(page)[2]] == [picture, decoder]
    knob = page.locator("#seed input").bounding_box()
    frame = page.locator("#decoding").bounding_box()
    assert frame["y"] <= knob["y"] <= frame["y"] + frame["height"] - knob["height"], (
        "there is room for what it can be told"
    )
    page.locator("#codec").get_by_label("CDC").check()
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^As sent .*, 17 steps")).wait_for()
    assert _place(page, "#stage .box") == picture
    assert _place(page, "#decoder")[1] == decoder[1]
    page.locator("#codec").get_by_label("DiffC").check()
    pick_example()  # The page is shared, and others expect a file of DiffC on it.
    page.locator("#status").get_by_text("already compressed").wait_for()
