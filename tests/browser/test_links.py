"""Links and the closer look, in a real browser: what a link names is there, and what the buttons promise appears."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

from diffdemo.ui.links.permalink import in_text


def test_a_link_names_example_codec_and_rate(fake_url, open_page):
    page = open_page(f"{fake_url}?codec=cdc&bpp=0.6&example=coffee")
    page.locator("#status").get_by_text("already compressed").wait_for()
    page.locator("#notes").get_by_text("Rachel Michetti").wait_for()
    assert page.locator("#codec input:checked").get_attribute("value") == "cdc"
    assert page.locator("#bpp input[type=number]").input_value() == "0.6"


def test_a_short_file_opens_out_of_its_link(fake_url, fake_engine, open_page):
    *_, last = fake_engine.encode(fake_engine.example_pixels("cat")[:40, :40], num_bytes=1400)
    page = open_page(f"{fake_url}?decoder=flow&realism=0.5&file={in_text(last.data)}")
    page.locator("#status").get_by_text(re.compile("^Sharp")).wait_for()
    assert page.locator("#decoder input:checked").get_attribute("value") == "flow"
    assert page.locator("#download").is_enabled()


def test_the_closer_look(open_studio):
    page = open_studio()
    page.get_by_role("button", name="Film strip").click()
    page.locator("#film img").nth(1).wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.locator("#clock").get_by_text(re.compile("3G phone")).wait_for()
    page.get_by_role("button", name="Halt").click()
    page.get_by_role("button", name="Where the bits went").click()
    page.locator("#bits-legend").get_by_text("Dark is nothing").wait_for()
    page.get_by_role("button", name="Result card").click()
    page.locator("#result-card img").wait_for()
    with page.expect_download() as coming:
        page.locator("#result-card").get_by_role("button", name="Download").click()
    assert coming.value.suggested_filename == "astronaut-card.png"
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("location.search.includes('example=astronaut')")
    used = page.get_by_label("range slider for Bytes of the file used").input_value()
    assert parse_qs(urlparse(page.url).query) == {"bpp": ["1"], "used": [used], "example": ["astronaut"]}
