"""`python app.py` as a process: how it ends, and what it leaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image

ROOT = Path(__file__).parents[1]
PATIENCE = 240.0
"""Seconds for what a busy machine may take."""
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Page:
    """The process, its words, and the folder that stands for the system's temporary one.

    Args:
        folder: for temporary files.
        environment: what else is set.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        settings = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **environment}
        settings.pop("GRADIO_TEMP_DIR", None)
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--port", str(self.port), "--threads", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=settings,
            cwd=folder,
        )
        self.words: list[str] = []
        self.is_up = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.words.append(line)
            if re.search(r"Running on local URL", line):
                self.is_up.set()
        self.is_up.set()

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def left(self) -> list[Path]:
        """What lies in the temporary folder."""
        return sorted(self.folder.iterdir())


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    running = Page(tmp_path)
    try:
        assert running.is_up.wait(PATIENCE)
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_the_middle_of_an_encode_and_leaves_no_pictures(page, tmp_path_factory, number):
    picture = tmp_path_factory.mktemp("visitor") / "picture.png"
    Image.effect_noise((640, 480), 60).convert("RGB").save(picture)
    client = Client(f"http://127.0.0.1:{page.port}", verbose=False, analytics_enabled=False)
    job = client.submit(handle_file(str(picture)), bpp=4.0, preset="best", api_name="/compress")
    while not job.outputs():
        assert not job.done()
        threading.Event().wait(0.1)
    assert page.left() != []
    assert page.end(number) == 128 + number
    said = "".join(page.words)
    assert "diffdemo: stopping; files of visitors are deleted." in said
    assert "Traceback" not in said
    assert "terminate called" not in said
    assert page.left() == []


def test_a_setting_that_is_no_number_is_told_before_anything_starts(tmp_path):
    page = Page(tmp_path, DIFFDEMO_MAX_SECONDS="soon")
    assert page.process.wait(PATIENCE) == 2
    page.is_up.wait(PATIENCE)
    assert "DIFFDEMO_MAX_SECONDS is 'soon'; it must be a positive number." in "".join(page.words)
    assert page.left() == []
