"""A visitor who compares, in a real browser: divider, zoom, maps, blind test, by mouse, keyboard and touch."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

WILSON = {
    (0, 1): (0.0, 0.7935),
    (1, 1): (0.2065, 1.0),
    (0, 2): (0.0, 0.6576),
    (1, 2): (0.0945, 0.9055),
    (2, 2): (0.3424, 1.0),
    (0, 3): (0.0, 0.5615),
    (1, 3): (0.0615, 0.7923),
    (2, 3): (0.2077, 0.9385),
    (3, 3): (0.4385, 1.0),
}
"""Score intervals at 95 %, by the number of right answers and of all, as in statsmodels' `proportion_confint`."""


@pytest.fixture
def comparing(studio_with_example) -> object:
    """The page with an example, nothing zoomed, names shown, the original on the left."""
    page = studio_with_example
    page.locator("#stage").get_by_text("Slider", exact=True).click()
    page.get_by_role("button", name="Show all").click()
    return page


def _places(page) -> list[list[int]]:
    """Left, top and width of both pictures, each within its pane."""
    script = """pictures => pictures.slice(0, 2).map(picture =>
        ["left", "top", "width"].map(side => Math.round(parseFloat(picture.style[side]))))"""
    return page.eval_on_selector_all("#stage .pane img", script)


def _middle(page) -> tuple[float, float]:
    box = page.locator("#stage .box").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _divider(page):
    return page.get_by_role("slider", name="Divider between the pictures")


def _at(page) -> int:
    return int(_divider(page).get_attribute("aria-valuenow"))


def _choose(page, side: str, name: str) -> None:
    page.get_by_label(side, exact=True).click()
    page.get_by_role("option", name=name, exact=True).click()


def test_the_divider_follows_keys_mouse_and_a_click(comparing):
    page = comparing
    divider = _divider(page)
    divider.focus()
    for key, expected in (("Home", 0), ("PageUp", 10), ("ArrowRight", 12), ("ArrowLeft", 10), ("End", 100)):
        divider.press(key)
        assert _at(page) == expected
    assert "100 percent" in divider.get_attribute("aria-valuetext")
    x, y = _middle(page)
    page.mouse.click(x, y)
    assert _at(page) == 50
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=3)
    page.mouse.up()
    assert 5 < _at(page) < 45


def test_both_pictures_zoom_and_move_as_one(comparing):
    page = comparing
    before = _places(page)
    x, y = _middle(page)
    page.mouse.move(x + 60, y)
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.wait_for_function("parseFloat(document.querySelector('#stage .pane img').style.width) > 700")
    left, right = _places(page)
    assert left == right != before[0]
    page.mouse.move(x + 100, y)
    page.mouse.down()
    page.mouse.move(x + 80, y - 30, steps=4)
    page.mouse.up()
    moved, same = _places(page)
    assert moved == same
    assert (moved[0] - left[0], moved[1] - left[1]) == (-20, -30)

    page.locator("#stage").get_by_text("Side by side").click()
    left, right = _places(page)
    assert left == right
    page.mouse.dblclick(x + 50, y)
    assert page.evaluate("getComputedStyle(document.querySelector('#stage .divider')).display") == "none"
    page.locator("#stage").get_by_text("Slider", exact=True).click()
    assert _places(page) == before


def test_keys_zoom_and_move(comparing):
    page = comparing
    before = _places(page)
    _divider(page).focus()
    for _ in range(8):
        page.keyboard.press("+")
    enlarged = _places(page)[0]
    assert enlarged[2] > 3 * before[0][2]
    assert page.locator("#stage img").first.evaluate("picture => picture.style.imageRendering") == "pixelated"
    page.get_by_role("button", name="Pixels").click()
    assert page.locator("#stage img").first.evaluate("picture => picture.style.imageRendering") == "auto"
    page.get_by_role("button", name="Pixels").click()
    _divider(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    assert _places(page)[0][0] == enlarged[0] - 40
    page.keyboard.press("0")
    assert _places(page) == before


def test_any_two_are_compared_and_the_zoom_stays(comparing):
    page = comparing
    page.get_by_role("button", name="Zoom in").click()
    before, top = _places(page), page.locator("#argument").bounding_box()["y"]
    _choose(page, "Left", "WebP")
    page.locator("#stage .side.left").get_by_text("WebP").wait_for()
    _choose(page, "Right", "CDC")
    page.locator("#stage .side.right").get_by_text("CDC, one step").wait_for()
    page.locator("#status").get_by_text("Compressed with CDC").wait_for()
    for side in ("left", "right"):
        numbers = page.locator(f"#stage .side.{side} span").inner_text()
        assert re.match(r"[\d,]+ bytes · \d\.\d+ bpp · [\d.]+ dB · MS-SSIM 0\.\d{4}", numbers), numbers
    assert _places(page) == before
    assert page.locator("#argument").bounding_box()["y"] == top
    assert page.get_by_role("button", name="Blind test").is_disabled()


def test_maps_are_drawn_of_the_pair_and_again_of_the_next(comparing):
    page = comparing
    sources = set()
    drawn = page.locator("#stage .pane.map:not(.waiting) img")
    for mode in ("Difference", "Error map"):
        page.locator("#stage").get_by_text(mode, exact=True).click()
        drawn.wait_for()
        sources.add(drawn.get_attribute("src"))
    _choose(page, "Right", "JPEG")
    page.locator("#stage .side.right").get_by_text("JPEG").wait_for()
    drawn.wait_for()
    sources.add(drawn.get_attribute("src"))
    assert len(sources) == 3
    assert all(page.request.get(source).headers["content-type"] == "image/png" for source in sources)


def test_the_blind_test_hides_asks_tells_and_counts(comparing):
    page = comparing
    names = page.locator("#stage .side b")
    page.get_by_role("button", name="Blind test").click()
    score = 0
    for asked in (1, 2, 3):
        assert names.all_inner_texts() == ["A", "B"]
        assert "bytes" not in page.locator("#stage").inner_text()
        assert page.locator("#argument").is_hidden()
        page.get_by_role("button", name="Left", exact=True).click()
        verdict = page.locator("#stage .verdict").inner_text()
        is_left = names.first.inner_text() == "original"
        score += is_left
        assert verdict.startswith("Yes" if is_left else "No")
        low, high = (round(100 * share) for share in WILSON[score, asked])
        assert f"{score} of {asked} right; 95 % interval {low} to {high} %" in verdict
        assert "bytes" in page.locator("#stage .sides").inner_text()
        page.get_by_role("button", name="Another round").press("Enter")
    page.get_by_role("button", name="Show names").click()
    assert names.first.inner_text() == "original"


def test_phone(phone):
    page = phone
    page.locator("#stage .box").scroll_into_view_if_needed()
    before = _places(page)
    x, y = _middle(page)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *xs: float) -> None:
        points = [{"x": at, "y": y, "id": number} for number, at in enumerate(xs)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x - 20)
    touch("touchStart", x - 20, x + 20)
    touch("touchMove", x - 60, x + 60)
    touch("touchMove", x - 80, x + 80)
    touch("touchEnd")
    left, right = _places(page)
    assert left == right
    assert left[2] > 2 * before[0][2]
    for _ in range(2):
        touch("touchStart", x)
        touch("touchEnd")
    assert _places(page) == before
    page.locator("#stage").get_by_text("Side by side").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in (".modes", ".zooms", ".sides"):
        box = page.locator(f"#stage {part}").bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= 390, part
    page.locator("#stage").get_by_text("Slider", exact=True).click()
