"""The shortest way through the page on the real engine: what the fake one promises has to hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from serving import serve

from diffdemo.engine import Engine
from diffdemo.images import to_png
from diffdemo.pictures import load_picture

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio


@pytest.fixture
def real_url(engine: Engine) -> Iterator[str]:
    with serve(engine) as url:
        yield url


@pytest.fixture
def open_real_studio(real_url: str, open_page: Callable[..., object]) -> Callable[[], object]:
    """Opens the page on the real engine, whose server outlives it."""
    return lambda: open_page(real_url)


def test_compress_show_download(open_real_studio, engine, gradient, tmp_path):
    page = open_real_studio()
    page.set_default_timeout(180_000)
    path = tmp_path / "gradient.png"
    path.write_bytes(to_png(gradient))
    page.locator('#source input[type="file"]').set_input_files(path)
    page.locator("#status").get_by_text("Ready").wait_for()
    page.get_by_text("Advanced").click()
    page.get_by_label("Exact size in bytes").fill("250")
    page.get_by_role("button", name="Compress").click()
    page.locator("#status").get_by_text(re.compile("^Compressed in")).wait_for()

    with page.expect_download() as download:
        page.locator("#download").click()
    data = Path(download.value.path()).read_bytes()
    assert 200 < len(data) <= 250
    shown = page.request.get(page.locator("#stage img").nth(1).get_attribute("src")).body()
    *_, frame = engine.decode(data)
    assert np.array_equal(load_picture(shown).pixels, frame.pixels)
