"""Somebody presses whatever there is, faster than the page answers: nothing fails, and nothing of before is left.

The acts follow from a seed, so that what is found is found again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import EXAMPLES, FakeEngine

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]  # warnings: see test_studio

QUIET_MS = 250
"""At most between two acts."""
FAILURES = re.compile("not in the list|not your fault|did not work|Traceback|undefined|NaN")


class Monkey:
    """Acts on a page at random; an act that cannot be done at the moment is left out."""

    def __init__(self, page, seed: int, file: Path) -> None:
        self.page, self.random, self.file = page, random.Random(seed), file
        self.log: list[str] = []

    def act(self) -> None:
        acts: list[Callable[[], None]] = [
            *[self.pick] * 3,
            *[self.move] * 4,
            *[self.press] * 3,
            *[self.check] * 5,
            self.open,
            self.choose_half,
        ]
        act = self.random.choice(acts)
        self.log.append(act.__name__)
        act()
        self.page.wait_for_timeout(self.random.randrange(QUIET_MS))

    def pick(self) -> None:
        self.page.locator("#examples button").nth(self.random.randrange(len(EXAMPLES))).click()

    def move(self) -> None:
        slider = self.page.locator('#used input[type="range"]:enabled')
        # At once: between two looks it may be disabled.
        boxes = slider.evaluate_all("(sliders) => sliders.map((slider) => slider.getBoundingClientRect().toJSON())")
        for box in (box for box in boxes if box["width"]):
            y = box["y"] + box["height"] / 2
            self.page.mouse.move(box["x"] + box["width"] * self.random.random(), y)
            self.page.mouse.down()
            self.page.mouse.move(box["x"] + box["width"] * self.random.random(), y, steps=4)
            self.page.mouse.up()

    def press(self) -> None:
        names = ("Compress", "Stop", "Film strip", "Where the bits went", "Zoom in", "Show all")
        button = self.page.get_by_role("button", name=self.random.choice(names), exact=True)
        button.evaluate("(button) => button.click()")  # At once: work may end between a look and a click.

    def check(self) -> None:
        group = self.random.choice(("#codec", "#decoder", "#metric", "#preset", "#stage .modes"))
        # At once: between two looks there may be others, or none.
        self.page.locator(f"{group} label:visible").evaluate_all(
            "(labels, share) => labels[Math.floor(share * labels.length)]?.click()", self.random.random()
        )

    def open(self) -> None:
        self.page.locator("#files input[accept='.difd']").set_input_files(self.file)

    def choose_half(self) -> None:
        self.page.get_by_label(self.random.choice(("Left", "Right")), exact=True).click()
        options = self.page.get_by_role("option")
        if count := options.count():
            options.nth(self.random.randrange(count)).click()


@pytest.fixture
def file(tmp_path) -> Path:
    engine = FakeEngine()
    *_, last = engine.encode(engine.example_pixels("coffee"), bpp=1.5)
    path = tmp_path / "kept.difd"
    path.write_bytes(last.data)
    return path


@pytest.mark.parametrize("acts", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_whatever_is_pressed_nothing_fails_and_nothing_is_stale(open_studio, file, acts):
    page = open_studio()
    monkey = Monkey(page, 16, file)
    for _ in range(acts):
        monkey.act()
        found = [text for text in page.locator(".toast-body").all_inner_texts() if FAILURES.search(text)]
        assert found == [], monkey.log
    # Whatever was going on ends with the next picture, and of it is everything that is seen then.
    stage = page.locator("#stage .side.right")
    # The one that was picked last is not picked by another click; of two, the second is another one.
    page.locator("#examples button").nth(len(EXAMPLES) - 1).click()
    for example in (EXAMPLES[1], EXAMPLES[0]):
        page.locator("#examples button").nth(EXAMPLES.index(example)).click()
        page.locator("#notes").get_by_text(f"{example.label}: ").wait_for()
    page.locator("#status").get_by_text("already compressed").wait_for()
    page.wait_for_function("!document.querySelector('#stage .side.right').textContent.includes('preview')")
    assert "DiffC" in stage.inner_text(), monkey.log
    assert page.locator("#film img").count() == 0, "a film of another picture"
    assert not FAILURES.search(page.locator("#middle").inner_text()), monkey.log
    shown = re.search(r"([\d,]+) bytes", stage.inner_text())[1]
    page.locator("#argument .headline").get_by_text(f"{shown} bytes").wait_for()
    assert page.locator('#used input[type="range"]').input_value() == shown.replace(",", "")
