"""A visitor at the page, in a real browser, on an engine that answers at once."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from fakes import MAGIC
from PIL import Image
from skimage import data as pictures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore"),  # Gradio's use of pandas warns, and an error there would stop its queue
]

QUIET_MS = 1500
WATCH_HAND = """() => {
    window.hand = { seen: [], plot: document.querySelector('#plot .js-plotly-plot') };
    document.addEventListener('input', (event) => {
        const began = event.timeStamp;
        const picture = document.querySelector('#stage .pane.right img');
        picture.decode().then(() => requestAnimationFrame(() => setTimeout(() => {
            hand.seen.push(Math.round(performance.now() - began));
        })));
    });
}"""
"""How many milliseconds after each movement of a hand the picture that answers it has been drawn."""


def _upload(page, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    page.locator('#source input[type="file"]').set_input_files(path)


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _cat(side: int = 200) -> np.ndarray:
    return np.asarray(Image.fromarray(pictures.cat()).resize((side + 56, side)))


def _bytes_shown(page) -> int:
    return int(re.search(r"([\d,]+) bytes", page.locator("#argument .headline").inner_text()).group(1).replace(",", ""))


def _stage_sources(page) -> list[str]:
    return page.eval_on_selector_all("#stage .pane:not(.map) img", "images => images.map(image => image.src)")


def _wait_for_other(page, half: int, than: str) -> None:
    """Until a half of the stage shows another picture: it is swapped when that has loaded, a moment after the words."""
    page.wait_for_function(
        "([half, than]) => document.querySelectorAll('#stage .pane:not(.map) img')[half].src !== than", arg=[half, than]
    )


def test_opens_with_an_example_that_is_compressed(open_studio):
    page = open_studio()
    _wait_for_other(page, 1, _stage_sources(page)[0])
    assert _bytes_shown(page) > 1000
    assert "JPEG reaches" in page.locator("#argument").inner_text()
    page.locator("#plot .annotation-text").first.wait_for()  # Plotly comes after the picture.
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_upload_compress_cut_decode_compare_download(studio, tmp_path):
    page = studio
    _upload(page, tmp_path, "cat.png", _png(_cat()))
    page.locator("#notes").get_by_text("256 x 200 pixels").wait_for()
    page.locator("#bpp input[type=number]").fill("1")  # Whoever was here before may have wanted less.
    page.locator("#bpp input[type=number]").press("Enter")
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()
    whole = _bytes_shown(page)
    before = _stage_sources(page)[1]

    slider = page.get_by_label("range slider for Bytes of the file used")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    used = _bytes_shown(page)
    assert 0.4 * whole < used < 0.6 * whole
    _wait_for_other(page, 1, before)

    mean = _stage_sources(page)[1]
    page.get_by_label(re.compile("sharp")).check()
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    assert _bytes_shown(page) == used
    _wait_for_other(page, 1, mean)
    assert page.get_by_label("range slider for Realism").is_visible()

    original = _stage_sources(page)[0]
    page.get_by_label("Left", exact=True).click()
    page.get_by_role("option", name="JPEG", exact=True).click()
    page.locator("#stage .side.left").get_by_text("JPEG").wait_for()
    _wait_for_other(page, 0, original)

    with page.expect_download() as download:
        page.locator("#download").click()
    content = Path(download.value.path()).read_bytes()
    assert len(content) == used
    assert content.startswith(MAGIC)
    assert download.value.suggested_filename.endswith(f"-{used}.difd")


def test_scrubbing_is_answered_in_the_browser_and_at_rest_without_loss(studio_with_example):
    """From the hand to the pixels in 50 ms, without a request and without a new plot."""
    page = studio_with_example
    requests = ["of the example that has just been opened, whose plot is completed afterwards"]
    page.wait_for_function("performance.getEntriesByType('resource').some(each => each.name.endsWith('preview.webp'))")
    page.evaluate(WATCH_HAND)
    page.on("request", lambda request: requests.append(request.url))
    while requests:  # until the page has asked for nothing for a while
        requests.clear()
        page.wait_for_timeout(QUIET_MS)
    slider = page.get_by_label("range slider for Bytes of the file used")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.9, y)
    page.mouse.down()
    for share in (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.3, 0.4):
        page.mouse.move(box["x"] + box["width"] * share, y)
        page.wait_for_timeout(60)
    used = int(slider.input_value())
    right = page.locator("#stage .side.right")
    assert "preview" in right.inner_text()
    assert f"{used:,} bytes" in right.inner_text()
    assert "preview.webp" in _stage_sources(page)[1]
    seen = page.evaluate("hand.seen")
    assert len(seen) >= 8
    assert sorted(seen)[len(seen) // 2] <= 50, seen
    assert [url for url in requests if "preview.webp" not in url] == []
    assert page.evaluate("document.querySelector('#plot .shapelayer path').style.transform").startswith("translateX(-")
    page.mouse.up()
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    page.wait_for_function("!document.querySelector('#stage .side.right').textContent.includes('preview')")
    assert f"{used:,} bytes" in right.inner_text()
    assert _stage_sources(page)[1].endswith("picture.png")
    assert page.evaluate("document.querySelector('#plot .js-plotly-plot') === hand.plot"), "a new plot was made"


def test_keyboard_moves_the_slider_and_decodes(studio_with_example):
    page = studio_with_example
    slider = page.get_by_label("range slider for Bytes of the file used")
    slider.focus()
    slider.press("Home")
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    assert _bytes_shown(page) == int(slider.get_attribute("min"))


def test_keyboard_compresses_and_chooses_a_decoder(studio_with_example):
    page = studio_with_example
    page.locator("#bpp input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Compress", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator("#status").get_by_text("Compressed in").wait_for()
    page.get_by_role("radio", name="safest average").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#stage .side.right").get_by_text("sharp").wait_for()
    assert page.evaluate("document.activeElement.value") == "flow"
    page.keyboard.press("ArrowLeft")
    page.locator("#stage .side.right").get_by_text("safest average").wait_for()


def test_opens_a_cut_file_and_inspects_it(studio_with_example, tmp_path):
    page = studio_with_example
    with page.expect_download() as download:
        page.locator("#download").click()
    path = tmp_path / "half.difd"
    content = Path(download.value.path()).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    page.locator("#files input[type=file]").set_input_files(path)
    page.locator("#status").get_by_text("This file is cut").wait_for()
    page.locator("#stage .side.left").get_by_text("original").wait_for()  # It is a file of the picture that is there.
    page.get_by_role("tab", name="Inspect").click()
    page.locator("#report").get_by_text("missing").first.wait_for()


def test_odd_uploads_are_explained(studio, tmp_path):
    page = studio
    _upload(page, tmp_path, "notes.png", b"this is no picture")
    page.get_by_text("is not a picture that can be read here").wait_for()
    assert page.get_by_text("Traceback").count() == 0

    alpha = np.dstack([_cat(), np.full((200, 256), 120, np.uint8)])
    _upload(page, tmp_path, "alpha.png", _png(alpha))
    page.locator("#notes").get_by_text("Transparent areas are shown on white.").wait_for()

    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(_cat()).save(turned, "JPEG", exif=exif)
    _upload(page, tmp_path, "turned.jpg", turned.getvalue())
    page.locator("#notes").get_by_text("200 x 256 pixels. Turned upright").wait_for()


def test_large_pictures_are_offered_smaller(studio, tmp_path):
    page = studio
    _upload(page, tmp_path, "large.png", _png(np.asarray(Image.fromarray(_cat()).resize((1000, 800)))))
    page.get_by_label("512 px").wait_for()
    assert page.get_by_label("512 px").is_checked()
    page.get_by_text(re.compile("less work than the original|judged by the last encode")).wait_for()


def test_stop_keeps_a_valid_file(studio_with_example, fake_engine):
    page = studio_with_example
    page.get_by_label("number input for Rate").fill("3")
    with fake_engine.held(4):
        page.get_by_role("button", name="Compress").click()
        page.locator("#status").get_by_text(re.compile("step [2-9]")).wait_for()
        page.get_by_role("button", name="Stop").click()
        page.locator("#status").get_by_text("Stopped").wait_for()
    page.wait_for_timeout(700)  # What was cancelled must not speak afterwards.
    assert "Stopped" in page.locator("#status").inner_text()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert len(Path(download.value.path()).read_bytes()) == _bytes_shown(page)


def test_of_two_examples_the_later_one_opens(studio, pick_example, fake_engine_slowed):
    with fake_engine_slowed(0.1):
        pick_example()
        pick_example()
        picked = studio.locator("#notes").inner_text()
        studio.locator("#status").get_by_text("already compressed").wait_for()
    assert studio.locator("#notes").inner_text() == picked
    _wait_for_other(studio, 1, _stage_sources(studio)[0])


def test_an_upload_stays_while_the_example_before_it_falls_silent(studio, pick_example, fake_engine_slowed, tmp_path):
    studio.route("**/cancel", lambda route: None)  # lost: whoever is cancelled finds out by itself
    with fake_engine_slowed(0.5):
        pick_example()
        _upload(studio, tmp_path, "cat.png", _png(_cat()))
        studio.locator("#status").get_by_text("Ready").wait_for()
    studio.get_by_role("button", name="Compress").click()
    studio.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()  # The device was free again.
    assert "256 x 200 pixels" in studio.locator("#notes").inner_text()
    studio.unroute("**/cancel")


def test_phone(phone):
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        for name in ("Studio", "Inspect", "About"):
            phone.get_by_role("tab", name=name).click()
            phone.wait_for_timeout(100)
            assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_phone_shows_what_matters_first_and_is_made_for_fingers(phone):
    places = [
        phone.locator(part).bounding_box()["y"]
        for part in ("#stage .box", "#used", "#decoder", "#argument", "#source", "#plot", "#closer")
    ]
    assert places == sorted(places)
    small = phone.evaluate(
        """() => [...document.querySelectorAll('#main button, .choice label, #main input[type=range]')]
            .filter(each => each.offsetParent && each.getBoundingClientRect().height < 40)
            .map(each => each.id || each.textContent || each.className)"""
    )
    assert small == []
