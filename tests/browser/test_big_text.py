"""Big text for a projector: switched, remembered, asked for by a link; hands find what they reach for."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

SIZES = {"laptop": (1440, 900), "small laptop": (1280, 720)}


def _height(page) -> float:
    return page.locator("#argument .headline").bounding_box()["height"]


def _is_big(page) -> bool:
    return page.evaluate("document.documentElement.classList.contains('big')")


def test_it_is_switched_and_remembered_and_hands_find_what_they_reach_for(open_studio):
    page = open_studio()
    small = _height(page)
    page.locator("#plot .annotation-text").first.wait_for()
    letters = page.locator("#plot .ytitle").bounding_box()["height"]
    page.get_by_role("button", name="Big text").click()
    assert _height(page) == pytest.approx(1.5 * small, rel=0.05)
    page.wait_for_function(
        "least => document.querySelector('#plot .ytitle').getBoundingClientRect().height > least", arg=1.3 * letters
    )
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        decoder = page.locator("#decoder").bounding_box()
        assert decoder["y"] + decoder["height"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#stage .box").bounding_box()
    page.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + 20)
    divider = page.locator("#stage .divider").bounding_box()
    assert divider["x"] + divider["width"] / 2 == pytest.approx(box["x"] + 0.55 * box["width"], abs=3)
    term = page.locator("#stage .side.right i").first
    term.hover()
    note = page.get_by_role("tooltip").bounding_box()
    assert abs(note["y"] + note["height"] - term.bounding_box()["y"]) < 20 or note["y"] > term.bounding_box()["y"]
    page.reload()
    page.locator("#argument .headline").wait_for()
    assert _is_big(page)
    page.get_by_role("button", name="Big text").click()
    assert not _is_big(page)


def test_a_link_asks_for_it(fake_url, open_page):
    assert _is_big(open_page(f"{fake_url}?text=big"))
    assert not _is_big(open_page(f"{fake_url}?text=odd"))
