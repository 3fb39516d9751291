"""One browser with one tab, on a fake engine, watched for everything that a visitor should never meet."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
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
PATIENCE_MS = 300_000
"""A page that loads in two seconds takes twenty where six other programs want the processor."""


DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass
class Tab:
    """A tab, and what went wrong in it.

    There is one for all tests: to load the page again where it was takes half of what the first load takes, and a page
    that nobody looks at draws all the same.

    Attributes:
        page: as Playwright knows it.
        place: whose page is open and stays from test to test; empty for one that is for a single test.
    """

    page: object
    place: str = ""
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def check(self) -> None:
        assert self.console_errors == []
        assert self.foreign_requests == []

    def open(self, url: str, place: str = "") -> None:
        """Come to an address as somebody new, on a phone in the dark if that is the place."""
        self.leave()
        self.page.set_viewport_size(PHONE if place == "phone" else DESKTOP)
        self.page.emulate_media(color_scheme="dark" if place == "phone" else "light")
        self.page.goto(url)
        self.place = place

    def open_example(self, url: str, place: str = "") -> None:
        """The same, and wait for the example; where that place is open already, there is nothing to do."""
        if not place or place != self.place:
            self.open(url, place)
            self.page.locator("#status").get_by_text("already compressed").wait_for()

    def leave(self) -> None:
        """Forget this page, also what its end makes go wrong."""
        self.page.goto("about:blank")
        self.place = ""
        self.console_errors.clear()
        self.foreign_requests.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One place after the other: first the pages for single tests, then the one that lasts, then the phone's."""
    here = [number for number, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[number] for number in here), key=_place_in_order)
    for number, item in zip(here, ordered, strict=True):
        items[number] = item


def _place_in_order(item: pytest.Item) -> tuple[bool, bool]:
    return "phone" in item.fixturenames, "studio" in item.fixturenames


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


@pytest.fixture(scope="package")
def tab(chromium: object) -> Iterator[Tab]:
    page = chromium.new_page()
    tab = Tab(page)
    page.on("console", lambda message: _note_error(tab, message))
    page.on("pageerror", lambda error: tab.console_errors.append(str(error)))
    page.on("request", lambda request: _note_foreign(tab, request.url))
    page.set_default_timeout(PATIENCE_MS)
    yield tab
    page.close()


@pytest.fixture
def open_page(tab: Tab) -> Iterator[Callable[[str], object]]:
    """Opens an address, for a new visitor; at the end nothing may have gone wrong on the page.

    Ask for the server before asking for this: fixtures end in reverse, and a page whose server is gone complains.
    """

    def open_at(url: str) -> object:
        tab.open(url)
        tab.page.locator("#stage img").first.wait_for()
        return tab.page

    yield open_at
    errors = tab.console_errors + tab.foreign_requests
    tab.leave()
    assert errors == []


@pytest.fixture
def open_studio(fake_url: str, open_page: Callable[[str], object]) -> Callable[[], object]:
    """Opens the page on the fake engine, with its example decoded."""

    def open_it() -> object:
        page = open_page(fake_url)
        page.locator("#status").get_by_text("already compressed").wait_for()
        return page

    return open_it


@pytest.fixture
def own_page(fake_url: str, tab: Tab, request: pytest.FixtureRequest) -> Iterator[object]:
    """A page that no other file has seen, one for all its tests."""
    tab.open_example(fake_url, request.module.__name__)
    yield tab.page
    tab.check()


@pytest.fixture(scope="package")
def pick_example(tab: Tab) -> Callable[[], None]:
    """Picks another example than the last one, because nothing happens when one is picked twice."""
    others = cycle([*range(1, len(EXAMPLES)), 0])

    def pick() -> None:
        index = next(others)
        tab.page.locator("#examples button").nth(index).click()
        tab.page.locator("#notes").get_by_text(f"{EXAMPLES[index].label}: ").wait_for()

    return pick


@pytest.fixture
def studio(fake_url: str, tab: Tab) -> Iterator[object]:
    """The page on the fake engine, as a visitor finds it who has been there for a while.

    It is one page for all tests, as loading it takes seconds.
    """
    tab.open_example(fake_url, "studio")
    tab.page.get_by_role("tab", name="Studio").click()
    mean = tab.page.get_by_label(re.compile("safest average"))
    if not mean.is_checked():
        mean.check()
        tab.page.locator("#status").get_by_text(re.compile("^Safest average")).wait_for()
    yield tab.page
    tab.check()


@pytest.fixture
def studio_with_example(studio: object, pick_example: Callable[[], None]) -> object:
    """The same page, with an example decoded."""
    pick_example()
    studio.locator("#status").get_by_text("already compressed").wait_for()
    return studio


@pytest.fixture
def phone(fake_url: str, tab: Tab) -> Iterator[object]:
    """The page on the fake engine on a phone in the dark, one page for all tests like `studio`."""
    tab.open_example(fake_url, "phone")
    tab.page.get_by_role("tab", name="Studio").click()
    yield tab.page
    tab.check()


def _note_error(tab: Tab, message: object) -> None:
    url = message.location["url"]
    # Gradio also cancels what the server has not numbered yet, and is refused. It ends all the same: see `ui.turns`.
    is_early_cancel = "status of 422" in message.text and url.endswith(("/cancel", "/reset"))
    if message.type == "error" and not is_early_cancel:
        tab.console_errors.append(f"{message.text} ({url})")


def _note_foreign(tab: Tab, url: str) -> None:
    parts = urlparse(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        tab.foreign_requests.append(url)
