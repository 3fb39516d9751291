"""The wall in a real browser: it fills, zooms as one, flickers, stops, and is kept as files that need nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest

from diffdemo.pictures import load_picture

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


def _hang(page) -> None:
    page.get_by_role("button", name="Wall", exact=True).click()
    page.locator("#wall").get_by_role("button", name="Wall as HTML").and_(page.locator(":enabled")).wait_for()


def _places(wall) -> list[str]:
    return wall.locator("img").evaluate_all(
        "all => all.map(each => ['left', 'top', 'width', 'height'].map(side => each.style[side]).join(' '))"
    )


def _captions(wall) -> list[str]:
    return wall.locator("figcaption b").all_inner_texts()


@pytest.fixture
def wall(studio_with_example):
    _hang(studio_with_example)
    return studio_with_example.locator("#wall")


def test_it_hangs_with_numbers_zooms_as_one_and_goes_with_the_file(wall, pick_example):
    page = wall.page
    captions = _captions(wall)
    assert captions[0] == "original"
    assert {"JPEG", "WebP", "DiffC, average", "CDC, deterministic"} <= set(captions)
    numbers = wall.locator("figcaption span").all_inner_texts()
    assert all(re.match(r"[\d,]+ bytes · \d[\d.]* bpp · [\d.]+ dB", each) for each in numbers[1:]), numbers
    assert all(source.endswith(".png") for source in wall.locator("img").evaluate_all("all => all.map(i => i.src)"))
    before = _places(wall)
    assert len(set(before)) == 1
    pane = wall.locator(".pane").nth(3)
    pane.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "before => document.querySelector('#wall img').style.width !== before", arg=before[0].split()[2]
    )
    zoomed = _places(wall)
    assert len(set(zoomed)) == 1
    pane.focus()
    page.keyboard.press("ArrowRight")
    assert len(set(_places(wall))) == 1
    assert _places(wall) != zoomed
    wall.get_by_role("button", name="Show all").click()
    assert _places(wall) == before
    pick_example()
    wall.locator(".wall").wait_for(state="hidden")


def test_any_two_flicker_by_key_and_by_clock(wall):
    page = wall.page
    for caption in ("JPEG", "DiffC, average"):
        figure = wall.locator("figure").filter(has=page.locator("b").get_by_text(caption, exact=True))
        figure.get_by_role("button", name="Flicker").click()
    front = wall.locator("figure:not(.behind) figcaption b:visible")
    assert front.all_inner_texts() == ["JPEG"]
    page.keyboard.press("f")
    assert front.all_inner_texts() == ["DiffC, average"]
    wall.get_by_role("button", name="2 Hz").click()
    for caption in ("JPEG", "DiffC, average", "JPEG"):
        front.get_by_text(caption, exact=True).wait_for()
    wall.get_by_role("button", name="Swap").click()
    assert wall.get_by_role("button", name="2 Hz").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    assert wall.locator("figure:visible").count() == len(_captions(wall))


def test_it_is_kept_as_a_page_that_works_by_itself_and_as_a_picture(wall, chromium, tmp_path):
    page = wall.page
    with page.expect_download() as coming:
        wall.get_by_role("button", name="Wall as HTML").click()
    assert coming.value.suggested_filename.endswith("-wall.html")
    coming.value.save_as(tmp_path / "wall.html")
    with page.expect_download() as coming:
        wall.get_by_role("button", name="Wall as PNG").click()
    coming.value.save_as(tmp_path / "wall.png")
    assert load_picture(tmp_path / "wall.png").pixels.shape[1] > 4 * 360
    alone = chromium.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else errors.append(request.url)
    )
    alone.goto((tmp_path / "wall.html").as_uri())
    kept = alone.locator(".wall")
    assert _captions(kept) == _captions(wall)
    assert alone.evaluate("[...document.images].every(each => each.complete && each.naturalWidth > 1)")
    kept.get_by_role("button", name="Zoom in").click()
    assert len(set(_places(kept))) == 1
    for number in (1, 2):
        kept.get_by_role("button", name="Flicker").nth(number).click()
    alone.keyboard.press("f")
    assert kept.locator("figure:visible figcaption b").all_inner_texts()[-1] == _captions(wall)[2]
    assert kept.get_by_role("button", name="Wall as PNG").is_hidden()
    assert errors == []
    alone.close()


def test_stop_keeps_what_is_done(studio_with_example, fake_engine_slowed):
    page = studio_with_example
    with fake_engine_slowed(0.5):
        page.get_by_role("button", name="Wall", exact=True).click()
        wall = page.locator("#wall")
        wall.locator("figure.here:not(.preview)").nth(2).wait_for()
        wall.get_by_role("button", name="Stop").click()
        wall.get_by_text("Stopped. What is there is complete.").wait_for()
    assert 2 < wall.locator("figure").count() < 10
    assert np.all([each.endswith(".png") for each in wall.locator("img").evaluate_all("all => all.map(i => i.src)")])


def test_phone(phone):
    _hang(phone)
    wall = phone.locator("#wall")
    wall.scroll_into_view_if_needed()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for number in (1, 2):
        wall.get_by_role("button", name="Flicker").nth(number).click()
    box = wall.locator("figure:visible .pane").first.bounding_box()
    assert box["width"] > 330
    wall.get_by_role("button", name="All pictures").click()
