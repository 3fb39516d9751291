"""Every tab in both colour schemes and at both sizes, judged by axe: nothing serious in what is ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

axe = pytest.importorskip("axe_playwright_python.base")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore"),  # Gradio's use of pandas warns, and an error there would stop its queue
]

SERIOUS = ("serious", "critical")
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}

OF_GRADIO = {
    # The button around the picture of a `gr.Image` has no name, and the picture's own text is always empty.
    ("button-name", ".image-container > button"),
    # A message that pops up is a button that folds it, with another in it that closes it.
    ("nested-interactive", ".toast-header"),
}
"""What Gradio's own markup is found guilty of, and what we therefore cannot mend: rule, and elements it is about."""

_JUDGE = """
async ([ofGradio, serious]) => {
    const {violations} = await axe.run(document, {resultTypes: ['violations']});
    return violations.filter(rule => serious.includes(rule.impact)).flatMap(rule => rule.nodes
        .filter(node => !ofGradio.some(([id, selector]) =>
            id === rule.id && document.querySelector(node.target.at(-1))?.matches(selector)))
        .map(node => `${rule.id} (${rule.impact}): ${node.target.join(' ')}: ${node.html.slice(0, 160)}`));
}
"""


_NO_PLOT_IS_TO_COME = """
() => ![...document.querySelectorAll('[aria-label="Empty value"]')].some(place => place.checkVisibility())
"""
"""Gradio holds a plot's place with something that axe finds fault with."""


@pytest.fixture
def page(own_page) -> Iterator[object]:
    """One page for all tests but the last, because to load it takes longer than to judge it."""
    page = own_page.page
    page.set_viewport_size(SIZES["desktop"])
    page.emulate_media(color_scheme="light")
    open_tab(page, "Studio")
    yield page
    own_page.check()


def findings(page) -> list[str]:
    """What axe finds serious on the page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.AXE_SCRIPT)
    return page.evaluate(_JUDGE, [[list(pair) for pair in OF_GRADIO], SERIOUS])


def tabs_of(page) -> list[str]:
    """All of them, also those for which a narrow page has a menu."""
    return page.locator('#tabs [role="tab"], #tabs .overflow-dropdown button').evaluate_all(
        "tabs => [...new Set(tabs.map(tab => tab.textContent.trim()))].filter(Boolean)"
    )


def open_tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.is_visible():
        tab.click()
    else:
        page.locator("#tabs .overflow-menu > button").first.click()
        page.locator("#tabs .overflow-dropdown button").get_by_text(name, exact=True).click()
    page.wait_for_timeout(800)  # What a tab loads when it is opened, and what fades in.
    page.wait_for_function(_NO_PLOT_IS_TO_COME)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_on_any_tab(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.locator(f"body{'.dark' if scheme == 'dark' else ':not(.dark)'}").wait_for()
    found = []
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        names = tabs_of(page)
        assert {"Studio", "Inspect", "About"} <= set(names)
        for name in names:
            open_tab(page, name)
            found += [f"{name}, {size}: {finding}" for finding in findings(page)]
    assert found == []


def test_nothing_serious_in_what_unfolds(page):
    for button in page.locator("#tabs .label-wrap:visible").all():
        button.click()
    page.wait_for_timeout(500)
    assert findings(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_serious_where_a_half_has_a_rate_of_its_own(page, size):
    page.set_viewport_size(SIZES[size])
    page.get_by_label("Left", exact=True).click()
    page.get_by_role("option", name="JPEG", exact=True).click()
    page.get_by_label("Left rate", exact=True).wait_for()
    page.wait_for_timeout(500)
    assert findings(page) == []


def test_a_fault_of_ours_is_found(open_studio):
    page = open_studio()
    page.locator("#plot .annotation-text").first.wait_for()
    page.evaluate("document.querySelector('#status').innerHTML = '<p style=\"color: #bbb; background: #fff\">pale</p>'")
    page.evaluate("document.querySelector('#notes').innerHTML = '<button></button>'")
    rules = {finding.split()[0] for finding in findings(page)}
    assert rules == {"color-contrast", "button-name"}
