"""A visitor who compares at rates of their own, in a real browser: by mouse, keyboard and touch."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


def _choose(page, label: str, name: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=name, exact=True).click()


def _rate(page, side: str) -> float:
    numbers = page.locator(f"#stage .side.{side} span").inner_text()
    return float(re.search(r"([\d.]+) bpp", numbers)[1])


def _wait_for_rate(page, side: str, least: float, most: float) -> None:
    page.wait_for_function(
        """([side, least, most]) => {
            const found = document.querySelector(`#stage .side.${side} span`).textContent.match(/([\\d.]+) bpp/);
            return found && least <= found[1] && found[1] <= most;
        }""",
        arg=[side, least, most],
    )


def test_rates_are_chosen_typed_and_taken_back_and_nothing_moves(studio_with_example):
    page = studio_with_example
    left, right = (page.get_by_label(f"{side} rate", exact=True) for side in ("Left", "Right"))
    assert left.count() == right.count() == 0
    places = [page.locator(part).bounding_box() for part in ("#stage .box", "#argument", "#used")]

    _choose(page, "Left", "JPEG")
    left.wait_for()
    assert left.input_value() == "equal bytes"
    _wait_for_rate(page, "left", 0.4, 1.0)  # Which of these it is depends on the example, and that on earlier tests.
    equal = _rate(page, "left")
    _choose(page, "Left rate", "0.3 bpp")
    _wait_for_rate(page, "left", 0.1, 0.3)

    left.focus()
    left.press("Control+a")
    page.keyboard.type("0.62")
    page.keyboard.press("Enter")
    _wait_for_rate(page, "left", 0.31, 0.62)

    _choose(page, "Right", "CDC")
    right.wait_for()
    page.locator("#stage .side.right").get_by_text("CDC, one step").wait_for()
    _choose(page, "Right rate", "2 bpp")
    page.locator("#status").get_by_text("to the bytes that were chosen").wait_for()
    _wait_for_rate(page, "right", 1.0, 2.0)
    assert 0.31 < _rate(page, "left") <= 0.62, "the other half stays as it was"
    assert [page.locator(part).bounding_box() for part in ("#stage .box", "#argument", "#used")] == places

    _choose(page, "Left rate", "equal bytes")
    _wait_for_rate(page, "left", equal, equal)
    _choose(page, "Left", "original")
    left.wait_for(state="detached")


def test_words_that_are_no_rate_are_answered(studio_with_example):
    page = studio_with_example
    _choose(page, "Left", "WebP")
    rate = page.get_by_label("Left rate", exact=True)
    rate.fill("a lot")
    rate.press("Enter")
    message = page.get_by_text("“a lot” is no rate here")
    message.wait_for()
    _choose(page, "Left rate", "equal bytes")
    _wait_for_rate(page, "left", 0.4, 1.0)


def test_phone(phone):
    page = phone
    page.locator("#halves").scroll_into_view_if_needed()
    _choose(page, "Left", "JPEG")
    rate = page.get_by_label("Left rate", exact=True)
    rate.wait_for()
    box = page.locator("#left-rate").bounding_box()
    assert box["x"] >= 0
    assert box["width"] > 80
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    _choose(page, "Left rate", "0.3 bpp")
    _wait_for_rate(page, "left", 0.1, 0.3)
    _choose(page, "Left", "original")
    rate.wait_for(state="detached")
