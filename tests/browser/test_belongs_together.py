"""What is seen belongs together, and nothing that was asked for is lost by asking for more."""

from __future__ import annotations

import re

import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


def _choose(page, side: str, entry: str) -> None:
    page.get_by_label(side, exact=True).click()
    page.get_by_role("option", name=entry, exact=True).click()


def _picture(tmp_path, size: tuple[int, int]):
    path = tmp_path / "noise.png"
    Image.effect_noise(size, 60).convert("RGB").save(path)
    return path


def test_a_half_that_is_chosen_during_a_decode_comes_after_it(open_studio, fake_engine_slowed):
    page = open_studio()
    with fake_engine_slowed(0.8):
        page.get_by_label(re.compile("sharp")).check()
        page.locator("#status").get_by_text(re.compile("^Decoding")).wait_for()
        _choose(page, "Left", "CDC")
        page.locator("#status").get_by_text("Compressed with CDC").wait_for()
    assert page.locator("#stage .side.right b").inner_text() == "DiffC, sharp"
    assert page.locator("#stage .side.left b").inner_text() == "CDC, one step"
    sources = page.locator("#stage .pane:not(.map) img").evaluate_all("all => all.map(each => each.src)")
    assert all(source.endswith(".png") for source in sources)


def test_a_half_that_is_chosen_during_an_encode_comes_after_it(open_studio, fake_engine):
    page = open_studio()
    with fake_engine.held(2):
        page.get_by_role("button", name="Compress").click()
        page.locator("#status").get_by_text(re.compile("^Compressing: step 1")).wait_for()
        _choose(page, "Left", "CDC")
        page.locator("#status").get_by_text("The other codec comes when what is going on has ended").wait_for()
    page.locator("#stage .side.left").get_by_text("CDC, one step").wait_for()
    download = page.locator("#download").inner_text()
    whole = int(re.search(r"[\d,]+", download)[0].replace(",", ""))
    assert whole == int(page.locator('#used input[type="range"]').get_attribute("max")), (
        "the encode has ended by itself"
    )
    assert "·" in page.locator("#stage .side.left span").inner_text()


def test_samples_come_after_a_decode_that_goes_on(open_studio, fake_engine_slowed):
    page = open_studio()
    with fake_engine_slowed(0.8):
        page.get_by_label(re.compile("sharp")).check()
        page.locator("#status").get_by_text(re.compile("^Decoding")).wait_for()
        page.get_by_role("button", name="Draw 4 samples").click()
        page.get_by_text("Samples come when what is going on has ended").wait_for()
        page.locator("#stage .side.right").get_by_text("DiffC, sharp, preview").wait_for(state="detached")
        page.locator("#stage .side.right").get_by_text("DiffC, sharp").wait_for()
    page.locator("#status").get_by_text("4 samples, in").wait_for()


def test_the_other_half_is_dimmed_until_it_has_as_many_bytes(open_studio, fake_engine_slowed):
    page = open_studio()
    _choose(page, "Left", "JPEG")
    left, right = page.locator("#stage .side.left"), page.locator("#stage .side.right")
    left.get_by_text("JPEG").wait_for()
    before = left.locator("i").first.inner_text()
    page.evaluate("""() => {
        window.together = [];
        const bytes = (side) => document.querySelector(`#stage .side.${side} i`)?.textContent;
        const dimmed = (part) => Number(getComputedStyle(document.querySelector(part)).opacity) < 1;
        const areDimmed = () => dimmed("#stage .side.left") && dimmed("#stage .pane.left");
        new MutationObserver(() => together.push([bytes("left"), bytes("right"), areDimmed()])).observe(
            document.querySelector("#stage .sides"), { childList: true, subtree: true, characterData: true });
    }""")
    with fake_engine_slowed(0.1):
        box = page.locator('#used input[type="range"]').bounding_box()
        page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "before => document.querySelector('#stage .side.left i').textContent !== before", arg=before
        )
    page.wait_for_function("!document.querySelector('#stage .comparer').classList.contains('unsettled')")
    seen = page.evaluate("together")
    stale = [is_dimmed for theirs, ours, is_dimmed in seen if theirs == before and ours != seen[0][1]]
    assert stale
    assert all(stale)
    assert float(left.evaluate("each => getComputedStyle(each).opacity")) == 1
    assert right.locator("i").first.inner_text() != seen[0][1] or len(seen) == 1


def test_a_picture_of_another_shape_is_never_squashed_into_the_place_of_the_next(open_studio, tmp_path):
    page = open_studio()
    page.evaluate("""() => {
        window.squashed = [];
        const look = () => {
            for (const image of document.querySelectorAll("#stage .pane:not(.map) img")) {
                const shown = image.getBoundingClientRect();
                const isThere = getComputedStyle(image).visibility === "visible" && image.naturalWidth && shown.height;
                const [place, own] = [shown.width / shown.height, image.naturalWidth / image.naturalHeight];
                if (isThere && Math.abs(place / own - 1) > 0.02) squashed.push([place, own]);
            }
            requestAnimationFrame(look);
        };
        look();
    }""")
    page.route("**/*.png", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.locator('#source input[type="file"]').set_input_files(_picture(tmp_path, (240, 80)))
    page.locator("#notes").get_by_text("240 x 80").wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('#stage .pane:not(.map) img')].every(each => each.naturalWidth === 240)"
    )
    page.unroute_all(behavior="wait")
    assert page.evaluate("squashed") == []


def test_a_picture_that_cannot_be_read_leaves_all_that_is_there(open_studio, tmp_path):
    page = open_studio()
    page.get_by_role("button", name="Film strip").click()
    page.locator("#film img").nth(1).wait_for()
    page.get_by_role("button", name="Where the bits went").click()
    page.locator("#bits-legend").get_by_text("Dark is nothing").wait_for()
    before = page.locator("#argument .headline").inner_text()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    page.locator('#source input[type="file"]').set_input_files(broken)
    page.locator(".toast-body").wait_for()
    assert page.locator("#film img").nth(1).is_visible()
    assert page.locator("#bits-legend").get_by_text("Dark is nothing").is_visible()
    assert page.locator("#argument .headline").inner_text() == before
    page.locator('#source input[type="file"]').set_input_files(_picture(tmp_path, (64, 64)))
    page.locator("#film").wait_for(state="hidden")
    page.locator("#bits-legend").get_by_text("Dark is nothing").wait_for(state="detached")
