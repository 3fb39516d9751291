"""One browser and one page on a fake engine, watched for everything that a visitor should never meet."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlparse

import pytest
from fakes import EXAMPLES, FakeEngine
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
PATIENCE_MS = 120_000
"""A page that loads in two seconds takes twenty where six other programs want the processor."""


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: object
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def check(self) -> None:
        assert self.console_errors == []
        assert self.foreign_requests == []


@pytest.fixture(scope="package")
def fake_engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="package")
def fake_url(fake_engine: FakeEngine) -> Iterator[str]:
    with serve(fake_engine) as url:
        yield url


@pytest.fixture
def fake_engine_slowed(fake_engine: FakeEngine) -> object:
    @contextmanager
    def slowed(step_seconds: float) -> Iterator[None]:
        before, fake_engine.step_seconds = fake_engine.step_seconds, step_seconds
        try:
            yield
        finally:
            fake_engine.step_seconds = before

    return slowed


@pytest.fixture(scope="package")
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
    """Opens an address at a size and in a colour scheme; at the end nothing may have gone wrong on any of the pages.

    Ask for the server before asking for this: fixtures end in reverse, and a page whose server is gone complains.
    """
    pages: list[Watched] = []

    def open_at(url: str, **options: object) -> object:
        pages.append(_watched_page(chromium, **options))
        pages[-1].page.goto(url)
        pages[-1].page.locator("#stage img").first.wait_for()
        return pages[-1].page

    yield open_at
    for watched in pages:
        watched.page.close()
        watched.check()


@pytest.fixture
def open_studio(fake_url: str, open_page: Callable[..., object]) -> Callable[..., object]:
    """Opens the page on the fake engine, with its example decoded."""

    def open_at(**options: object) -> object:
        page = open_page(fake_url, **options)
        page.locator("#status").get_by_text("already compressed").wait_for()
        return page

    return open_at


@pytest.fixture(scope="package")
def lasting_studio(fake_url: str, chromium: object) -> Iterator[Watched]:
    yield from _lasting(fake_url, _watched_page(chromium))


@pytest.fixture(scope="package")
def lasting_phone(fake_url: str, chromium: object) -> Iterator[Watched]:
    yield from _lasting(fake_url, _watched_page(chromium, width=390, height=844, scheme="dark"))


@pytest.fixture(scope="module")
def own_page(fake_url: str, chromium: object) -> Iterator[Watched]:
    """A page that no other file has seen."""
    yield from _lasting(fake_url, _watched_page(chromium))


@pytest.fixture(scope="package")
def pick_example(lasting_studio: Watched) -> Callable[[], None]:
    """Picks another example than the last one, because nothing happens when one is picked twice."""
    others = cycle([*range(1, len(EXAMPLES)), 0])

    def pick() -> None:
        index = next(others)
        lasting_studio.page.locator("#examples button").nth(index).click()
        lasting_studio.page.locator("#notes").get_by_text(f"{EXAMPLES[index].label}: ").wait_for()

    return pick


@pytest.fixture
def studio(lasting_studio: Watched) -> Iterator[object]:
    """The page on the fake engine, as a visitor finds it who has been there for a while.

    It is one page for all tests, as loading it takes seconds.
    """
    page = lasting_studio.page
    page.get_by_role("tab", name="Studio").click()
    mean = page.get_by_label(re.compile("safest average"))
    if not mean.is_checked():
        mean.check()
        page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    yield page
    lasting_studio.check()


@pytest.fixture
def studio_with_example(studio: object, pick_example: Callable[[], None]) -> object:
    """The same page, with an example decoded."""
    pick_example()
    studio.locator("#status").get_by_text("already compressed").wait_for()
    return studio


@pytest.fixture
def phone(lasting_phone: Watched) -> Iterator[object]:
    """The page on the fake engine on a phone in the dark, one page for all tests like `studio`."""
    lasting_phone.page.get_by_role("tab", name="Studio").click()
    yield lasting_phone.page
    lasting_phone.check()


def _lasting(url: str, watched: Watched) -> Iterator[Watched]:
    watched.page.goto(url)
    watched.page.locator("#status").get_by_text("already compressed").wait_for()
    yield watched
    watched.page.close()


def _watched_page(chromium: object, width: int = 1280, height: int = 800, scheme: str = "light") -> Watched:
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    watched = Watched(page)
    page.on("console", lambda message: _note_error(watched, message))
    page.on("pageerror", lambda error: watched.console_errors.append(str(error)))
    page.on("request", lambda request: _note_foreign(watched, request.url))
    page.set_default_timeout(PATIENCE_MS)
    return watched


def _note_error(watched: Watched, message: object) -> None:
    url = message.location["url"]
    # Gradio also cancels what the server has not numbered yet, and is refused. It ends all the same: see `ui.turns`.
    is_early_cancel = "status of 422" in message.text and url.endswith(("/cancel", "/reset"))
    if message.type == "error" and not is_early_cancel:
        watched.console_errors.append(f"{message.text} ({url})")


def _note_foreign(watched: Watched, url: str) -> None:
    parts = urlparse(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        watched.foreign_requests.append(url)
