"""Downloads that were stopped or cut off, and go on where they were."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import REPOSITORY, WEIGHTS, noise

from diffdemo.errors import DownloadError
from diffdemo.hub.fetch import sharing
from diffdemo.hub.library import Library


def partials(home: Path) -> list[int]:
    return [path.stat().st_size for path in home.rglob("*.incomplete")]


def starts(hub: HubServer) -> list[int]:
    """Where each request for the weights' bytes began."""
    return [r.start for r in hub.requests if r.path.startswith("cdn") and r.method == "GET"]


def stop_midway(library: Library, hub: HubServer, after: int = 20_480) -> None:
    """Begin a download and lose interest once so many bytes of the weights have arrived."""
    gate = threading.Event()
    hub.behave(REPOSITORY, WEIGHTS, gate=gate, gate_after=after, times=1)
    try:
        moments = library.download("pixels")
        while next(moments).num_bytes < after:
            pass
        moments.close()
    finally:
        gate.set()


@pytest.fixture(autouse=True)
def no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for the test keeps the work from noticing that nobody wants it any more."""
    monkeypatch.setattr(sharing, "FAREWELL", 0.0)


def test_a_stopped_download_is_resumed(library: Library, hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    stop_midway(library, hub)
    assert library.installed("pixels") is None
    assert partials(home) == [20_480]
    hub.calm()
    *_, last = library.download("pixels")
    assert last.done
    assert starts(hub) == [20_480]
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


def test_resumed_bytes_count_as_here_but_not_as_speed(library: Library, hub: HubServer) -> None:
    stop_midway(library, hub)
    gate = threading.Event()
    hub.behave(REPOSITORY, WEIGHTS, gate=gate)
    moments = library.download("pixels")
    moment = next(m for m in moments if m.num_bytes > 8)
    assert (moment.num_bytes, moment.total_bytes) == (8 + 20_480, 70_008)
    assert (moment.file, moment.bytes_per_second or 0) == (WEIGHTS, pytest.approx(0, abs=50))
    gate.set()
    assert list(moments)[-1].done


def test_a_server_without_ranges_sends_everything_again(
    library: Library, hub: HubServer, files: dict[str, bytes]
) -> None:
    stop_midway(library, hub)
    hub.calm()
    hub.behave(REPOSITORY, WEIGHTS, knows_ranges=False)
    *_, last = library.download("pixels")
    assert (last.num_bytes, last.done) == (70_008, True)
    assert starts(hub) == [20_480]
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


def test_bytes_that_come_again_are_not_counted_twice(library: Library, hub: HubServer) -> None:
    stop_midway(library, hub)
    gate = threading.Event()
    hub.behave(REPOSITORY, WEIGHTS, knows_ranges=False, gate=gate, gate_after=1_024)
    moments = library.download("pixels")
    seen = [next(m.num_bytes for m in moments if m.bytes_per_second)]
    gate.set()
    assert seen == [8 + 1_024]
    assert list(moments)[-1].done


def test_a_damaged_part_is_thrown_away(library: Library, hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    stop_midway(library, hub)
    (part,) = home.rglob("*.incomplete")
    part.write_bytes(noise(20_480, seed=5))
    with pytest.raises(DownloadError, match=r"not the file that was expected: SHA-256 .* It was deleted"):
        list(library.download("pixels"))
    assert partials(home) == []
    assert list(library.download("pixels"))[-1].done


@pytest.mark.parametrize("length", [70_000, 70_001, 90_000])
def test_a_part_that_is_no_part(length: int, library: Library, hub: HubServer, home: Path) -> None:
    stop_midway(library, hub)
    (part,) = home.rglob("*.incomplete")
    part.write_bytes(noise(length))
    assert list(library.download("pixels"))[-1].done
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == noise(70_000)


def test_a_part_that_is_longer_than_what_the_server_has(library: Library, hub: HubServer, home: Path) -> None:
    stop_midway(library, hub)
    hub.behave(REPOSITORY, WEIGHTS, content=b"short", times=2)
    with pytest.raises(DownloadError, match=r"5 bytes instead of 70,000"):
        list(library.download("pixels"))
    assert partials(home) == []
    assert list(library.download("pixels"))[-1].done


def test_a_connection_that_is_cut_is_taken_up_again(library: Library, hub: HubServer, files: dict[str, bytes]) -> None:
    hub.behave(REPOSITORY, WEIGHTS, cut_after=15_000)
    *_, last = library.download("pixels")
    assert last.done, "every attempt brings something, so none is the last"
    assert starts(hub) == [0, 15_000, 30_000, 45_000, 60_000]
    assert hub.bytes_sent(REPOSITORY, WEIGHTS) == 70_000
