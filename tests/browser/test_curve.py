"""The plot of rate and distortion as a control, in a real browser."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from fakes import EXAMPLES
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

SWITCHED_OFF = (
    "document.querySelector('#plot .js-plotly-plot').data"
    ".filter((each) => each.visible === 'legendonly').map((each) => each.name).join()"
)


def _area(page) -> dict:
    """The rectangle between the axes, in sight."""
    page.locator("#plot").scroll_into_view_if_needed()
    return page.locator("#plot .nsewdrag").bounding_box()


def _place(page, share: float) -> tuple[float, float]:
    box = _area(page)
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def _click(page, share: float) -> None:
    page.mouse.click(*_place(page, share))


def _bytes_shown(page) -> int:
    return int(re.search(r"([\d,]+) bytes", page.locator("#argument .headline").inner_text()).group(1).replace(",", ""))


def _slider(page, name: str) -> float:
    return float(page.locator(f'{name} input[type="range"]').input_value())


def _until_shown(page, num_bytes: float) -> None:
    page.locator("#argument .headline").get_by_text(re.compile(f"^{int(num_bytes):,} bytes")).wait_for()


def _open_controls(page) -> None:
    if not page.locator("#plot-across").is_visible():
        page.get_by_role("button", name="Axes, lines, published").click()
        page.locator("#plot-across").wait_for()


def _view(page) -> dict:
    layout = page.evaluate("document.querySelector('#plot .js-plotly-plot').layout")
    return {
        "type": layout["xaxis"]["type"],
        "title": layout["xaxis"]["title"]["text"],
        "range": layout["xaxis"]["range"],
    }


def _wait_for_axis(page, title: str, kind: str) -> None:
    page.wait_for_function(
        "([title, kind]) => { const axis = document.querySelector('#plot .js-plotly-plot').layout.xaxis;"
        " return axis.title.text === title && axis.type === kind; }",
        arg=[title, kind],
    )


def _reset(page) -> None:
    """The page lasts for other tests."""
    _open_controls(page)
    page.locator("#plot-across").get_by_label("bits per pixel").check()
    page.locator("#plot-scale").get_by_label("linear").check()
    _wait_for_axis(page, "bits per pixel", "linear")
    page.get_by_role("button", name="Axes, lines, published").click()


def test_a_click_and_a_drag_choose_how_much_of_the_file_is_used(studio_with_example):
    page = studio_with_example
    whole = _bytes_shown(page)
    before = page.locator("#argument").inner_text()
    highest = _view(page)["range"][1]
    _click(page, 0.3)
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    used = _slider(page, "#used")
    _until_shown(page, used)
    assert used == pytest.approx(0.3 * highest * 256 * 256 / 8, abs=40)
    assert page.locator("#argument").inner_text() != before

    page.mouse.move(*_place(page, 0.3))
    page.mouse.down()
    page.mouse.move(*_place(page, 0.5), steps=4)
    page.locator(".curve-mark").wait_for()
    page.locator("#stage .side.right i").get_by_text(f"{int(_slider(page, '#used')):,} bytes").wait_for()
    page.mouse.move(*_place(page, 0.99), steps=4)
    page.mouse.up()
    _until_shown(page, whole)
    assert page.locator(".curve-mark").count() == 0


def test_a_click_beside_the_axes_chooses_nothing(studio_with_example):
    page = studio_with_example
    whole = _bytes_shown(page)
    box = _area(page)
    page.mouse.click(box["x"] + box["width"] + 40, box["y"] + 40)
    page.mouse.click(box["x"] + 40, box["y"] + box["height"] + 25)
    assert _slider(page, "#used") == whole


def test_on_a_logarithmic_axis_of_bytes_the_click_is_where_it_seems(studio_with_example):
    page = studio_with_example
    _open_controls(page)
    page.locator("#plot-across").get_by_label("bytes").check()
    page.locator("#plot-scale").get_by_label("log").check()
    _wait_for_axis(page, "bytes of the file", "log")
    low, high = _view(page)["range"]
    _click(page, 0.5)
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    assert _slider(page, "#used") == pytest.approx(10 ** ((low + high) / 2), rel=0.02)
    _until_shown(page, _slider(page, "#used"))
    _reset(page)


def test_before_there_is_a_file_the_click_is_the_rate_of_the_next(studio, tmp_path):
    page = studio
    path = tmp_path / "grey.png"
    Image.effect_noise((160, 160), 60).convert("RGB").save(path)
    page.locator('#source input[type="file"]').set_input_files(path)
    page.locator("#status").get_by_text("Ready").wait_for()
    page.wait_for_function("document.querySelector('#plot .js-plotly-plot').layout.xaxis.range[1] === 0.5")
    page.locator('#used input[type="range"]:disabled').wait_for()
    _click(page, 0.6)
    assert _slider(page, "#bpp") == pytest.approx(0.3)
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()


def test_decodes_that_were_tried_stay_and_pointing_at_a_point_tells_its_numbers(studio_with_example):
    page = studio_with_example
    page.get_by_label(re.compile("sharp")).check()
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    _click(page, 0.5)
    _until_shown(page, _slider(page, "#used"))
    page.wait_for_function(
        "document.querySelector('#plot .js-plotly-plot').data.find((each) => each.name === 'DiffC-F')?.x.length === 2"
    )
    page.locator("#plot .nsewdrag").scroll_into_view_if_needed()
    page.mouse.move(*_place(page, 0.5))
    page.locator("#plot .scatterlayer .trace").first.wait_for()
    point = page.locator("#plot .scatterlayer .trace path.point").first.bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    page.locator("#plot .hovertext").get_by_text(re.compile(r"bytes · \d\.\d+ bpp")).wait_for()


def test_published_curves_come_with_their_source_and_go(studio_with_example):
    page = studio_with_example
    _open_controls(page)
    page.locator("#plot-others input").click()
    page.get_by_role("option", name="Kodak: CompressAI").click()
    credit = page.locator("#plot-credit")
    assert "github.com" in credit.get_by_role("link", name="CompressAI").get_attribute("href")
    page.locator("#plot .legend").get_by_text("Cheng 2020").wait_for()
    page.locator("#plot .legend .legendtoggle").nth(2).click()
    page.wait_for_function(f"{SWITCHED_OFF} === 'WebP'")
    page.locator("#metric").get_by_label("MS-SSIM").check()
    page.wait_for_function("document.querySelector('#plot .js-plotly-plot').layout.yaxis.title.text === 'MS-SSIM, dB'")
    page.wait_for_function(f"{SWITCHED_OFF} === 'WebP'")
    page.locator("#metric").get_by_label("PSNR").check()
    page.locator("#plot-others input").click()
    page.get_by_role("option", name="none").click()
    page.locator("#plot .legend").wait_for(state="detached")
    assert credit.inner_text().strip() == ""
    page.get_by_role("button", name="Axes, lines, published").click()


def test_lines_are_switched_off_by_keyboard(studio_with_example):
    page = studio_with_example
    names = page.locator("#plot .annotation-text")
    names.get_by_text("JPEG").wait_for()
    _open_controls(page)
    box = page.locator("#plot-lines").get_by_label("JPEG", exact=True)
    box.press("Space")
    names.get_by_text("JPEG").wait_for(state="detached")
    box.press("Space")
    names.get_by_text("JPEG").wait_for()
    page.get_by_role("button", name="Axes, lines, published").click()


def test_what_is_plotted_can_be_kept(studio_with_example):
    page = studio_with_example
    _open_controls(page)
    kept, names = {}, set()
    for kind in ("CSV", "JSON", "PNG", "SVG"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save {kind}").click()
        kept[kind] = Path(download.value.path()).read_bytes()
        names.add(download.value.suggested_filename.removesuffix(f".{kind.lower()}"))
    (name,) = names
    assert name.removesuffix("-curve") in [example.name for example in EXAMPLES]
    rows = list(csv.DictReader(kept["CSV"].decode().splitlines()))
    assert [row["line"] for row in rows] == [row["line"] for row in json.loads(kept["JSON"])]
    assert {"DiffC, average", "JPEG"} <= {row["line"] for row in rows}
    assert kept["PNG"].startswith(b"\x89PNG")
    assert b"<svg" in kept["SVG"]
    page.get_by_role("button", name="Axes, lines, published").click()


def test_phone(phone):
    _open_controls(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for control in ("#plot", "#plot-across", "#plot-lines", "#plot-others", "#plot-export"):
        box = phone.locator(control).bounding_box()
        assert box["x"] >= 0, control
        assert box["x"] + box["width"] <= 390, control
    phone.get_by_role("button", name="Axes, lines, published").click()
    _click(phone, 0.4)
    _until_shown(phone, _slider(phone, "#used"))


def test_a_plot_without_room_is_drawn_when_there_is_some(studio_with_example):
    page = studio_with_example
    squeezed = """(width) => new Promise((done) => {
      const place = document.querySelector("#plot .figure");
      place.style.width = width;
      requestAnimationFrame(() => requestAnimationFrame(() => done(place.layout.width)));
    })"""
    before = page.locator("#plot .figure").evaluate("place => place.layout.width")
    assert page.evaluate(squeezed, "90px") == before
    page.evaluate(squeezed, "240px")
    page.wait_for_function("document.querySelector('#plot .figure').layout.width === 240")
    page.evaluate(squeezed, "")
    page.wait_for_function(f"document.querySelector('#plot .figure').layout.width === {before}")
