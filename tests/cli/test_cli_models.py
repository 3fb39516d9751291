"""`diffdemo models`, `download` and `remove`, against a server that speaks the Hub's protocol."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, environment, point_to
from huggingface_hub import constants
from huggingface_hub.utils import close_session
from processes import start

from diffdemo.cli import parser
from diffdemo.models.registry import FROM_HUB, RELEASED_CDC, SHIPPED

NAME, REPOSITORY = "ddpm-cifar10-32", "google/ddpm-cifar10-32"
WEIGHTS = "diffusion_pytorch_model.safetensors"
FILES = {"config.json": b"{}", "scheduler_config.json": b"{}", WEIGHTS: os.urandom(100_000)}
NUM_BYTES = 100_004
CHECKPOINT = "epsilon_param/big-l1-vimeo-d64-t20000-b0.0128-vbrFalse-noise-linear-aux-1.0_0_ckpt.pt"
KNOWN = ["cdc-x-b0.0032", "cdc-x-b0.0064", "cdc-x-b0.0128"]
KNOWN += ["cdc-x-b0.0512-lpips", "cdc-x-b0.1024-lpips", "cdc-x-b0.2048-lpips"]
"""Checkpoints of CDC that are listed before the Hub is asked."""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add(REPOSITORY, FILES)
        server.add(RELEASED_CDC.repository, {CHECKPOINT: b"weights"})
        yield server


@pytest.fixture(autouse=True)
def home(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    point_to(hub.url, tmp_path / "home", monkeypatch)
    yield tmp_path / "home"
    close_session()


def models(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """Line of the table by name, and the lines below it under ""."""
    assert parser.main(["models", *options]) == 0
    table, below = capsys.readouterr().out.split("\n\n")
    return {line.split()[0]: line for line in table.splitlines()} | {"": below}


def test_the_table(home: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    lines = models(capsys)
    assert list(lines) == ["model", *(spec.name for spec in (*SHIPPED, *FROM_HUB)), *KNOWN, ""]
    assert lines["model"].split() == ["model", "codec", "size", "where", "memory", "licence", "pictures"]
    for part in ("cdc", "20.2 MB", "shipped", "1.0 GB", "CC BY-SA 4.0", "photographs"):
        assert f"  {part}" in lines["cdc-small"]
    assert " Hub " in lines[NAME]
    assert f"0.0 MB in {home / 'hub'}, " in lines[""]
    assert " free." in lines[""]
    assert hub.requests == []


def test_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["models", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    model = next(m for m in report["models"] if m["name"] == NAME)
    assert (model["codec"], model["licence"], model["is_here"], model["is_gated"]) == (
        "diffc",
        "Apache-2.0",
        False,
        False,
    )
    assert model["page"].endswith(REPOSITORY)
    assert report["cache"]["folder"] == str(home / "hub")
    assert report["cache"]["num_bytes"] == 0
    assert report["cache"]["free_bytes"] > 0


def test_released_checkpoints_are_asked_for(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    before = models(capsys)
    assert "cdc-eps-b0.0128" not in before
    for name in KNOWN:
        for part in (" Hub ", "  MIT  "):
            assert part in before[name]
    assert "  MIT  " in models(capsys, "--refresh")["cdc-eps-b0.0128"]
    hub.calm()
    after = models(capsys)
    assert "cdc-eps-b0.0128" in after
    assert not set(KNOWN) & set(after), "the Hub said that they are gone"
    assert hub.requests == []


def test_from_the_hub_and_away_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["download", NAME]) == 0
    out, err = capsys.readouterr()
    assert err == "", "no progress where there is no terminal"
    assert f"bytes    {NUM_BYTES:,}" in out
    lines = models(capsys)
    assert " here " in lines[NAME]
    assert ": 0.1 MB in" in lines[""]
    assert parser.main(["download", NAME]) == 0
    assert capsys.readouterr().out == f"'{NAME}' is here already.\n"
    assert parser.main(["remove", NAME]) == 0
    assert capsys.readouterr().out == f"'{NAME}' was removed: 0.1 MB.\n"
    assert " Hub " in models(capsys)[NAME]
    assert parser.main(["remove", NAME]) == 0
    assert capsys.readouterr().out == f"There is nothing of '{NAME}' to remove.\n"


def test_progress_on_a_terminal(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.write", lambda text: said.append(text) or len(text))
    hub.behave(REPOSITORY, WEIGHTS, seconds_per_piece=0.006)
    assert parser.main(["download", NAME]) == 0
    lines = [line.strip() for line in "".join(said).split("\r")]
    assert lines[-2:] == ["", ""], "the line is wiped at the end"
    during = next(line for line in lines if "MB/s" in line)
    for part in (NAME, " % ", "of 0.1 MB", " s left"):
        assert part.replace(" %", "%") in during


def test_what_goes_wrong(hub: HubServer, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], str]) -> None:
    assert parser.main(["download", "nobody"]) == 1
    assert "nobody" in failure()
    assert parser.main(["remove", "photo-small"]) == 1
    assert "cannot be removed" in failure()
    hub.add(REPOSITORY, FILES, gated=True)
    assert parser.main(["download", NAME]) == 1
    assert f"Please open https://huggingface.co/{REPOSITORY}, accept its licence" in failure()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for command in (["download", NAME], ["models", "--refresh"]):
        assert parser.main(command) == 1
        assert "HF_HUB_OFFLINE" in failure()


@pytest.mark.parametrize("command", ["download", "remove", "download a b", "models a"])
def test_wrong_command_lines(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parser.main(command.split())
    assert raised.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what runs in the background deaf to interrupts, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_download_goes_on_in_the_next_process(hub: HubServer, home: Path) -> None:
    def download() -> subprocess.Popen[str]:
        variables = os.environ | environment(hub.url, home)
        return start("download", NAME, env=variables, anew=["diffdemo", "huggingface_hub"])

    gate = threading.Event()
    hub.behave(REPOSITORY, WEIGHTS, gate=gate, gate_after=51_200, times=1)
    process = download()
    deadline = time.monotonic() + 300
    while not any(part.stat().st_size == 51_200 for part in home.rglob("*.incomplete")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    gate.set()
    assert (process.returncode, out) == (130, "")
    assert err == "diffdemo: interrupted; what has arrived is kept, and the same command goes on from there\n"
    process = download()
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert f"bytes    {NUM_BYTES:,}" in out
    assert [r.start for r in hub.requests if r.path.startswith("cdn") and r.method == "GET"] == [0, 51_200]
