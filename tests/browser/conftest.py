"""One browser and one page on a fake engine, watched for everything that a visitor should never meet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlparse

import pytest
from fakes import FakeEngine
from serving import serve

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Studio:
    """A page, and what went wrong on it."""

    page: object
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def fake_engine() -> FakeEngine:
    return FakeEngine(step_seconds=0.02)


@pytest.fixture(scope="session")
def fake_url(fake_engine: FakeEngine) -> Iterator[str]:
    with serve(fake_engine) as url:
        yield url


@pytest.fixture
def fake_engine_slowed(fake_engine: FakeEngine) -> object:
    @contextmanager
    def slowed(step_seconds: float) -> Iterator[None]:
        before, fake_engine.step_seconds = fake_engine.step_seconds, step_seconds
        yield
        fake_engine.step_seconds = before

    return slowed


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"no browser at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_studio(chromium: object, fake_url: str) -> Iterator[object]:
    """Opens the page at a size and colour scheme; at the end nothing may have gone wrong on any of them."""
    opened: list[Studio] = []

    def open_at(width: int = 1280, height: int = 800, scheme: str = "light") -> object:
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        studio = Studio(page)
        opened.append(studio)
        page.on("console", lambda message: message.type == "error" and studio.console_errors.append(message.text))
        page.on("pageerror", lambda error: studio.console_errors.append(str(error)))
        page.on("request", lambda request: _note_foreign(studio, request.url))
        page.set_default_timeout(10_000)
        page.goto(fake_url)
        page.locator("#status").get_by_text("already compressed").wait_for()
        return page

    yield open_at
    for studio in opened:
        studio.page.close()
        assert studio.console_errors == []
        assert studio.foreign_requests == []


def _note_foreign(studio: Studio, url: str) -> None:
    parts = urlparse(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        studio.foreign_requests.append(url)
