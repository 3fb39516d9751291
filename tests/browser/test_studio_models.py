"""A visitor who chooses models, in a real browser: downloads that arrive, that are cancelled, and that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_models import BROKEN, CUT_OFF, LATENT, PIXEL

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


@pytest.fixture
def nothing_downloaded(fake_engine) -> Iterator[None]:
    """The fake engine is the same for all tests; what one of them downloads is gone for the next."""
    yield
    for name in (PIXEL, LATENT):
        fake_engine.remove(name)


def _choose(page, words: str) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=words).click()


def _compress(page, label: str) -> None:
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile(f"^Compressed in .* with {label}")).wait_for()


def test_choose_download_compress_elsewhere_meanwhile_and_with_it(
    nothing_downloaded, open_studio, fake_engine, fake_engine_slowed, tmp_path
):
    page = open_studio()
    top = page.get_by_role("button", name="Compress").bounding_box()["y"]
    _choose(page, PIXEL)
    card = page.locator("#card")
    card.get_by_text("DDPM: cats").wait_for()
    assert card.get_by_role("link", name="Apache-2.0").get_attribute("target") == "_blank"
    assert abs(page.get_by_role("button", name="Compress").bounding_box()["y"] - top) < 20
    page.get_by_role("button", name="Compress").click()
    page.get_by_text("ddpm-cat-256 is not here yet").first.wait_for()

    with fake_engine_slowed(0.3):
        page.get_by_role("button", name="Download 455 MB").click()
        page.locator("#arriving").get_by_text(re.compile(r"\d+ of 455 MB · 11 MB/s · \d+ s left")).wait_for()
        _choose(page, "fake (JPEG layers)")
        with fake_engine.held(3):
            page.get_by_role("button", name="Compress").click()
            page.locator("#status").get_by_text("Compressing").wait_for()
            page.locator("#arriving").get_by_text("ddpm-cat-256 is here now").wait_for()
    page.locator("#status").get_by_text("with fake (JPEG layers)").wait_for()

    _choose(page, f"{PIXEL} · here")
    page.locator("#arriving").wait_for(state="hidden")
    _compress(page, PIXEL)
    with page.expect_download() as download:
        page.locator("#download").click()
    (tmp_path / "cat.difd").write_bytes(Path(download.value.path()).read_bytes())

    page.get_by_role("tab", name="About").click()
    page.locator("#remove").click()
    page.locator("#storage").get_by_text("take 0 MB").wait_for()
    page.get_by_role("tab", name="Studio").click()
    _opens_once_its_model_is_here(page, tmp_path / "cat.difd")


def _opens_once_its_model_is_here(page, path: Path) -> None:
    before = page.locator("#argument .headline").inner_text()
    page.locator("#codec").get_by_label("CDC").check()
    page.locator("#look").wait_for()
    page.locator("#files input[type=file]").set_input_files(path)
    page.locator("#card").get_by_text("The file cat.difd needs this model.").wait_for()
    assert page.locator("#codec").get_by_label("DiffC").is_checked()
    assert page.locator("#argument .headline").inner_text() == before
    page.get_by_role("button", name="Download 455 MB").click()
    page.locator("#status").get_by_text(re.compile("^This file is cut|^The whole file")).wait_for()
    assert "dB" not in page.locator("#argument").inner_text()


def test_a_failed_and_a_cancelled_download_leave_everything(studio_with_example, fake_engine_slowed):
    page = studio_with_example
    before = page.locator("#argument").inner_text()
    _choose(page, BROKEN)
    page.locator("#fetch").click()
    page.locator("#arriving").get_by_text(CUT_OFF).wait_for()
    assert page.get_by_role("button", name="Download 455 MB").is_enabled()

    with fake_engine_slowed(0.3):
        page.locator("#fetch").click()
        page.get_by_role("button", name="Cancel").click()
        page.locator("#arriving").get_by_text("Cancelled").wait_for()
        page.wait_for_timeout(600)  # What was cancelled must not speak afterwards.
    assert "Cancelled" in page.locator("#arriving").inner_text()
    assert page.locator("#argument").inner_text() == before
    _choose(page, "fake (JPEG layers)")
    _compress(page, "fake")


def test_a_menu_that_closes_over_the_slider_decodes_nothing(studio_with_example):
    page = studio_with_example
    slider = page.get_by_label("range slider for Bytes of the file used").bounding_box()
    page.locator("#argument").hover()
    page.mouse.down()
    page.mouse.move(slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert "already compressed" in page.locator("#status").inner_text()


def test_a_prompt_is_counted_while_it_is_typed(nothing_downloaded, studio, fake_engine):
    assert [*fake_engine.download(LATENT)][-1].done
    _choose(studio, "Stable Diffusion 1.5")
    studio.locator("#prompt textarea").fill("ein Bär")
    studio.locator("#prompt").get_by_text("Part of the file: 8 bytes.").wait_for()
    studio.locator("#prompt textarea").fill("")
    _choose(studio, "fake (JPEG layers)")
    studio.locator("#prompt").wait_for(state="hidden")


def test_phone(phone):
    phone.locator("#codec").get_by_label("DiffC").check()
    _choose(phone, "Stable Diffusion 3.5")
    phone.locator("#card").get_by_text("Gated").wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for control in ("#model", "#card", "#fetch"):
        box = phone.locator(control).bounding_box()
        assert box["x"] >= 0, control
        assert box["x"] + box["width"] <= 390, control
    _choose(phone, "fake (JPEG layers)")
    phone.locator("#card").wait_for(state="hidden")
