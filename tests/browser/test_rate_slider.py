"""The slider of a codec with a model for each rate, in a real browser: where it stops, and what a link makes of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import pytest
from serving import serve

from diffdemo.engine import Engine
from tests.toy_codec import registered_family

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of an engine with such a codec, the model of whose highest rate is not here."""
    with registered_family(tmp_path_factory.mktemp("toys")) as specs:
        os.remove(next(spec.path for spec in specs if spec.rate == 6.5))
        with serve(Engine(device="cpu")) as address:
            yield address


def test_it_stops_at_the_rates_and_offers_what_is_missing(url: str, open_page: Callable[..., object]) -> None:
    page = open_page(url)
    page.locator("#codec label", has_text="Toys").click()
    level = page.locator("#level")
    level.get_by_text("Rate: 1.25 bits per pixel").wait_for()
    level.get_by_text("Toys has 3 rates").wait_for()
    for hidden in ("#model", "#bpp", "#level input[type=number]"):
        page.locator(hidden).first.wait_for(state="hidden")
    slider = level.get_by_role("slider")
    slider.press("ArrowRight")
    level.get_by_text("Rate: 6.5 bits per pixel").wait_for()
    page.locator("#card").get_by_text("toys 6.5").wait_for()
    page.get_by_role("button", name=re.compile("^Download .* MB$")).wait_for()
    slider.press("Home")
    level.get_by_text("Rate: 0.5 bits per pixel").wait_for()
    page.locator("#card").wait_for(state="hidden")
    page.get_by_role("button", name="Compress", exact=True).click()
    page.locator("#status").get_by_text(re.compile("toys 0.5|^As sent")).wait_for()
    page.locator("#used").wait_for(state="hidden")
    page.locator("#steps").wait_for(state="visible")
    page.locator("#codec label", has_text="DiffC").click()
    page.locator("#bpp").wait_for()
    page.locator("#model").wait_for()
    level.wait_for(state="hidden")


def test_a_link_brings_the_slider_to_its_model(url: str, open_page: Callable[..., object]) -> None:
    page = open_page(f"{url}?codec=toys&model=toys-0.5")
    page.locator("#level").get_by_text("Rate: 0.5 bits per pixel").wait_for()
    assert page.locator("#level").get_by_role("slider").input_value() == "0"
    page = open_page(f"{url}?codec=toys&bpp=6.5")
    page.locator("#level").get_by_text("Rate: 6.5 bits per pixel").wait_for()
    page.locator("#card").get_by_text("toys 6.5").wait_for()
