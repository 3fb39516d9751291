"""Whoever loads the page again, goes away and comes back, or gets a link, finds what was there: in a real browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import pytest
from fakes import EXAMPLES
from gradio.state_holder import StateHolder
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

OPENED = re.compile("The whole file|This file is cut")
KEPT = """([field, value]) => new Promise((resolve) => {
    const opening = indexedDB.open("diffdemo");
    const look = () => {
        const all = opening.result.transaction("tabs").objectStore("tabs").getAll();
        all.onsuccess = () => {
            const mine = all.result.find(({ tab }) => tab === sessionStorage.getItem("diffdemo-tab"));
            if (mine && new URLSearchParams(mine.query).get(field) === value) resolve(mine.file?.blob.size ?? 0);
            else setTimeout(look, 50);
        };
    };
    opening.onsuccess = look;
})"""
"""Bytes of the file that the tab has kept, once it has also kept that a field of its query has this value."""


@pytest.fixture
def portrait(tmp_path, fake_engine) -> str:
    path = tmp_path / "cat.png"  # It is called like an example, and is none.
    Image.fromarray(fake_engine.example_pixels("coffee")[:120, :160]).save(path)
    return str(path)


def _upload(page, path: str) -> None:
    page.locator('#source input[type="file"]').set_input_files(path)
    page.locator("#notes").get_by_text("160 x 120 pixels").wait_for()
    page.locator("#status").get_by_text("Press Compress").wait_for()


def _compressed(page, path: str) -> None:
    _upload(page, path)
    page.locator("#bpp input[type=number]").fill("3")
    page.locator("#bpp input[type=number]").press("Enter")
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()


def _choose_what_is_seen(page) -> str:
    """The decoder, the slider, a half and the zoom; gives the number of bytes at the slider."""
    page.get_by_label(re.compile("sharp")).check()
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    page.get_by_label("Left", exact=True).click()
    page.get_by_role("option", name="WebP", exact=True).click()
    page.locator("#stage .side.left").get_by_text("WebP").wait_for()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_text("Side by side").click()
    slider = page.get_by_label("range slider for Bytes of the file used")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    used = slider.input_value()
    page.locator("#argument .headline").get_by_text(f"{int(used):,} bytes").wait_for()
    return used


def _seen(page) -> dict[str, object]:
    halves = page.locator("#stage .side").all_inner_texts()
    used = page.get_by_label("range slider for Bytes of the file used").input_value()
    place = page.locator("#stage .comparer").get_attribute("data-place")
    return {"halves": halves, "used": used, "place": place, "notes": page.locator("#notes").inner_text()}


def _plotted(page) -> list[list[object]]:
    """Names and places of all that the plot draws."""
    draw = "({ name, x, y }) => [name, [...(x ?? [])], [...(y ?? [])]]"
    page.wait_for_function("document.querySelector('#plot .js-plotly-plot')?.data")
    return page.evaluate(f"document.querySelector('#plot .js-plotly-plot').data.map({draw})")


def _wait_until_seen(page, used: str) -> None:
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    page.locator("#argument .headline").get_by_text(f"{int(used):,} bytes").wait_for()
    page.locator("#stage .side.left").get_by_text("WebP").wait_for()


def test_a_reload_and_back_change_nothing_and_two_tabs_do_not_disturb_each_other(open_studio, portrait):
    page = open_studio()
    _compressed(page, portrait)
    used = _choose_what_is_seen(page)
    before, tried = _seen(page), [line for line in _plotted(page) if line[0] == "DiffC-F"]
    assert len(tried) == 1
    assert page.evaluate(KEPT, ["used", used]) > 1000

    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")  # It begins with the name that this tab has.
    other = opened.value
    _wait_until_seen(other, used)
    names = [each.evaluate("sessionStorage.getItem('diffdemo-tab')") for each in (page, other)]
    assert names[0] != names[1]
    other.locator("#examples button").nth(1).click()
    other.locator("#notes").get_by_text(f"{EXAMPLES[1].label}: ").wait_for()
    other.evaluate(KEPT, ["example", EXAMPLES[1].name])

    page.reload()
    _wait_until_seen(page, used)
    assert _seen(page) == before
    assert tried[0] in _plotted(page), "the decode that was tried"
    page.goto("about:blank")
    page.go_back()
    _wait_until_seen(page, used)
    assert _seen(page) == before
    other.reload()
    other.locator("#notes").get_by_text(f"{EXAMPLES[1].label}: ").wait_for()
    other.close()


def test_a_server_that_has_forgotten_the_page_gets_it_back(open_studio, portrait, monkeypatch):
    page = open_studio()
    _compressed(page, portrait)
    shown, used = page.locator("#argument .headline").inner_text(), _seen(page)["used"]
    page.evaluate(KEPT, ["used", used])
    known = StateHolder.__getitem__

    def forgetful(holder: StateHolder, session: str) -> object:
        holder.session_data.pop(session, None)
        monkeypatch.undo()
        return known(holder, session)

    monkeypatch.setattr(StateHolder, "__getitem__", forgetful)
    with page.expect_navigation():
        page.evaluate("diffdemoMemory.pulse()")
    page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    assert page.locator("#argument .headline").inner_text() == shown
    page.evaluate("document.reloaded = false")
    page.evaluate("diffdemoMemory.pulse()")  # What it knows it leaves alone.
    page.get_by_label(re.compile("sharp")).check()
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    assert page.evaluate("document.reloaded") is False


def test_who_leaves_in_mid_encode_is_warned_and_who_stopped_continues(open_studio, fake_engine, portrait):
    page = open_studio()
    _upload(page, portrait)
    page.locator("#bpp input[type=number]").fill("3")
    page.locator("#bpp input[type=number]").press("Enter")
    warned = []
    page.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    with fake_engine.held(4):
        page.get_by_role("button", name="Compress").click()
        page.locator("#status").get_by_text("step 3").wait_for()
        page.wait_for_function("diffdemoMemory.isEncoding()")
        page.evaluate("setTimeout(() => { location.reload(); document.hasStayed = true; })")
        page.wait_for_function("document.hasStayed")
        assert warned == ["beforeunload"]
        page.get_by_role("button", name="Stop").click()
        page.locator("#status").get_by_text("Stopped").wait_for()  # It is connected as before.
    slider = page.get_by_label("range slider for Bytes of the file used")
    begun = slider.get_attribute("max")
    assert page.evaluate(KEPT, ["used", begun]) == int(begun)
    page.reload()
    page.get_by_role("button", name="Continue").click()
    page.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()
    assert int(slider.get_attribute("max")) > int(begun)
    page.get_by_role("button", name="Continue").wait_for(state="detached")
    assert warned == ["beforeunload"]


def test_the_recipient_of_a_link_sees_what_the_sender_saw_or_is_told_why_not(
    fake_url, open_studio, open_page, portrait
):
    page = open_studio()
    _compressed(page, portrait)
    used = _choose_what_is_seen(page)
    page.get_by_label("MS-SSIM", exact=True).check()
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("location.search.includes('kept=')")
    page.locator(".toast-body").get_by_text("for a day").wait_for()
    assert "example" not in parse_qs(urlparse(page.url).query)
    received = open_page(page.url)
    _wait_until_seen(received, used)
    received.wait_for_function("document.querySelector('#plot .ytitle')?.textContent.includes('MS-SSIM')")
    sent, seen = _seen(page), _seen(received)
    assert (seen["halves"], seen["used"], seen["notes"]) == (sent["halves"], used, sent["notes"])
    assert seen["place"] == sent["place"]

    late = open_page(re.sub("kept=[^&]*", "kept=eAG-XgtNc", page.url))
    late.locator(".toast-body").get_by_text("is gone. Ask for the .difd file itself").wait_for()
    late.locator("#notes").get_by_text(f"{EXAMPLES[0].label}: ").wait_for()


def test_a_file_asks_for_its_original_and_gets_it_by_drop_or_upload(open_studio, fake_engine, portrait, tmp_path):
    page = open_studio()
    *_, moment = fake_engine.encode(fake_engine.example_pixels("coffee")[:120, :160], bpp=3.0)
    (tmp_path / "mine.difd").write_bytes(moment.data)
    page.locator("#files input[type=file]").first.set_input_files(tmp_path / "mine.difd")
    page.locator("#status").get_by_text(OPENED).wait_for()
    page.locator("#plot .annotation-text").get_by_text("not come with the file").first.wait_for()
    page.get_by_role("button", name="Compress").click()
    page.locator(".toast-body").get_by_text("came without its original").wait_for()
    wrong = tmp_path / "wrong.png"
    Image.new("RGB", (50, 60)).save(wrong)
    _drop(page, wrong)
    page.locator(".toast-body").get_by_text("that has 160 x 120 pixels, this picture has 50 x 60").wait_for()
    _drop(page, portrait)
    page.locator("#argument").get_by_text("JPEG reaches").wait_for()
    assert "dB" in page.locator("#argument .headline").inner_text()
    page.locator("#stage .side.left").get_by_text("original").wait_for()

    *_, moment = fake_engine.encode(fake_engine.example_pixels("cat")[:120, :160], bpp=3.0)
    (tmp_path / "theirs.difd").write_bytes(moment.data)
    page.locator("#files input[type=file]").first.set_input_files(tmp_path / "theirs.difd")
    page.locator("#argument").get_by_text("The file came alone").wait_for()
    Image.fromarray(fake_engine.example_pixels("cat")[:120, :160]).save(tmp_path / "theirs.png")
    page.locator('#source input[type="file"]').set_input_files(tmp_path / "theirs.png")
    page.locator("#argument").get_by_text("For this PSNR: JPEG").wait_for()


def _drop(page, path) -> None:
    """Let go of a file over the stage."""
    with open(path, "rb") as file:
        content = [*file.read()]
    page.evaluate(
        """(content) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(content)], "dropped.png", { type: "image/png" }));
            const how = { dataTransfer: files, bubbles: true, cancelable: true };
            document.querySelector("#stage .box").dispatchEvent(new DragEvent("drop", how));
        }""",
        content,
    )


def test_an_example_can_be_picked_again_after_a_file_was_opened(open_studio, fake_engine, tmp_path):
    page = open_studio()
    *_, moment = fake_engine.encode(fake_engine.example_pixels("coffee")[:120, :160], bpp=3.0)
    (tmp_path / "mine.difd").write_bytes(moment.data)
    example = page.locator("#examples button").nth(2)
    example.click()
    page.locator("#notes").get_by_text(f"{EXAMPLES[2].label}: ").wait_for()
    page.locator("#status").get_by_text("already compressed").wait_for()
    page.locator("#files input[type=file]").first.set_input_files(tmp_path / "mine.difd")
    page.locator("#status").get_by_text(OPENED).wait_for()
    example.click()
    page.locator("#notes").get_by_text(f"{EXAMPLES[2].label}: ").wait_for()
