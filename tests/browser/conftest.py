"""One browser and one page on a fake engine, watched for everything that a visitor should never meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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
class Watched:
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
def open_page(chromium: object) -> Iterator[Callable[..., object]]:
    """Opens an address at a size and in a colour scheme; at the end nothing may have gone wrong on any of the pages."""
    watched: list[Watched] = []

    def open_at(url: str, width: int = 1280, height: int = 800, scheme: str = "light") -> object:
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        watch = Watched(page)
        watched.append(watch)
        page.on("console", lambda message: message.type == "error" and watch.console_errors.append(message.text))
        page.on("pageerror", lambda error: watch.console_errors.append(str(error)))
        page.on("request", lambda request: _note_foreign(watch, request.url))
        page.set_default_timeout(20_000)
        page.goto(url)
        page.locator("#stage img").first.wait_for()
        return page

    yield open_at
    for watch in watched:
        watch.page.close()
        assert watch.console_errors == []
        assert watch.foreign_requests == []


@pytest.fixture
def open_studio(open_page: Callable[..., object], fake_url: str) -> Callable[..., object]:
    """Opens the page on the fake engine, with its example decoded."""

    def open_at(**options: object) -> object:
        page = open_page(fake_url, **options)
        page.locator("#status").get_by_text("already compressed").wait_for()
        return page

    return open_at


def _note_foreign(watch: Watched, url: str) -> None:
    parts = urlparse(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        watch.foreign_requests.append(url)
