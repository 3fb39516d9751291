"""How long a new visitor waits for something worth seeing: the program itself, started as anybody starts it.

    python -m pytest -m slow -s tests/browser/test_first_paint.py        prints the numbers

Measured are the seconds until the server answers; from there, in a browser with an empty cache, until an example is to
be seen beside its result with the numbers, and until the page's own controls are there; and the bytes that have
come by then, and once the plot is drawn. Other programs on the machine count, and so does the first model that the
server gets ready at the same time.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
VISITS = 3
MAX_SECONDS = 10.0
"""Generous, for busy machines; the aim is 2."""
MAX_BYTES = 1_450_000
"""Of a first visit, plot included. About 0.4 MB are Plotly, 0.35 MB Gradio, 0.45 MB two pictures without loss."""

POSTER = """() => {
    const pictures = [...document.querySelectorAll('#poster img')];
    return pictures.length === 2 && pictures.every(each => each.complete && each.naturalWidth)
        && document.querySelector('#poster .headline').textContent.includes('bytes');
}"""


@pytest.fixture
def started() -> Iterator[tuple[str, float]]:
    """Address of the program, and seconds until it answered."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, began = f"http://127.0.0.1:{port}/", time.monotonic()
    program = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while True:
            assert program.poll() is None, "it ended"
            try:
                with urllib.request.urlopen(url, timeout=60):
                    break
            except OSError:
                time.sleep(0.05)
        yield url, time.monotonic() - began
    finally:
        program.terminate()
        program.wait()


def test_an_example_and_its_result_are_there_at_once(started, chromium):
    url, answered = started
    print(f"\nthe server answers after {answered:.1f} s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    waits = []
    for visit in range(1, VISITS + 1):
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(120_000)
        sizes = _transferred(context, page)
        began = time.monotonic()
        page.goto(url, wait_until="commit")
        page.wait_for_function(POSTER)
        waits.append(time.monotonic() - began)
        page.locator("#poster").wait_for(state="detached")
        usable, fetched = time.monotonic() - began, sum(sizes)
        assert "bytes" in page.locator("#argument .headline").inner_text()
        page.locator("#plot .annotation-text").first.wait_for()
        print(
            f"visit {visit}: an example with its result after {waits[-1]:.2f} s, all of the page after {usable:.1f} s, "
            f"{fetched:,} bytes, with the plot {sum(sizes):,}"
        )
        assert sum(sizes) < MAX_BYTES
        context.close()
    assert min(waits) < MAX_SECONDS


def _transferred(context, page) -> list[int]:
    """Bytes of each answer as they come over the network, headers included; the list grows."""
    sizes: list[int] = []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    return sizes
