"""Several callers who want the same model, and callers who lose interest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import REPOSITORY, WEIGHTS

from diffdemo.errors import Cancelled, DownloadError
from diffdemo.hub.fetch import progress, sharing
from diffdemo.hub.fetch.progress import Meter
from diffdemo.hub.fetch.sharing import SharedDownload
from diffdemo.hub.library import Library
from diffdemo.hub.records import DownloadProgress


@pytest.fixture
def gate(hub: HubServer) -> Iterator[threading.Event]:
    """Set it to let the weights through."""
    gate = threading.Event()
    hub.behave(REPOSITORY, WEIGHTS, gate=gate, gate_after=10_240)
    yield gate
    gate.set()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_simultaneous_requests_share_one_download(library: Library, hub: HubServer, gate: threading.Event) -> None:
    barrier = threading.Barrier(5)

    def watch() -> list[DownloadProgress]:
        moments = library.download("pixels")
        seen = [next(moments)]
        barrier.wait(300)
        return [*seen, *moments]

    with ThreadPoolExecutor(5) as pool:
        watchers = [pool.submit(watch) for _ in range(4)]
        barrier.wait(300)
        gate.set()
    assert all(watcher.result()[-1].done for watcher in watchers)
    assert hub.count("cdn", "GET") == 1
    assert hub.count("api/models") == 1


def test_who_comes_late_sees_where_it_stands(library: Library, hub: HubServer, gate: threading.Event) -> None:
    first = library.download("pixels")
    while next(first).num_bytes < 10_240:
        pass
    second = library.download("pixels")
    assert next(second).num_bytes >= 10_240
    gate.set()
    assert list(second)[-1].done
    assert list(first)[-1].done
    assert hub.count("cdn", "GET") == 1


def test_the_download_ends_with_its_last_watcher(library: Library, gate: threading.Event, home: Path) -> None:
    first, second = library.download("pixels"), library.download("pixels")
    next(first), next(second)
    first.close()
    shared = library._downloads["pixels"]
    assert not shared._meter._cancelled.is_set()
    threading.Timer(0.1, gate.set).start()
    second.close()
    until(lambda: not shared.is_running)
    assert isinstance(shared._failure, Cancelled)
    assert library.installed("pixels") is None


def test_whoever_closes_waits_until_the_files_rest(
    library: Library, hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.behave(REPOSITORY, WEIGHTS, seconds_per_piece=0.02)
    moments = library.download("pixels")
    next(moments)
    moments.close()
    assert not library._downloads["pixels"].is_running


def test_a_download_that_was_given_up_is_begun_anew(library: Library, hub: HubServer, gate: threading.Event) -> None:
    sharing_farewell, sharing.FAREWELL = sharing.FAREWELL, 0.0
    try:
        moments = library.download("pixels")
        while next(moments).num_bytes < 10_240:
            pass
        moments.close()
    finally:
        sharing.FAREWELL = sharing_farewell
    assert library._downloads["pixels"].is_running, "it hangs in the gate and has noticed nothing yet"
    again = library.download("pixels")
    assert not next(again).done
    gate.set()
    assert list(again)[-1].done


def test_an_iterator_that_was_never_begun_starts_nothing(library: Library, hub: HubServer) -> None:
    library.download("pixels").close()
    assert hub.requests == []


def test_all_watchers_learn_of_a_failure_and_the_next_one_tries_again(library: Library, hub: HubServer) -> None:
    gate = threading.Event()
    hub.behave(REPOSITORY, "config.json", gate=gate, times=1)
    hub.behave(REPOSITORY, WEIGHTS, status=403, on="bytes", times=1)
    watchers = [library.download("pixels"), library.download("pixels")]
    for watcher in watchers:
        next(watcher)
    gate.set()
    with pytest.raises(DownloadError, match="does not allow"):
        list(watchers[0])
    assert list(library.download("pixels"))[-1].done, "although one watcher has not heard of the failure yet"
    with pytest.raises(DownloadError, match="does not allow"):
        list(watchers[1])


def test_a_model_on_its_way_is_not_removed(library: Library, gate: threading.Event) -> None:
    moments = library.download("pixels")
    next(moments)
    with pytest.raises(DownloadError, match="is being downloaded"):
        library.remove("pixels")
    gate.set()
    assert list(moments)[-1].done
    assert library.remove("pixels") == 70_008


def test_two_libraries_do_not_disturb_each_other(
    library: Library, spec: object, hub: HubServer, gate: threading.Event, files: dict[str, bytes]
) -> None:
    other = Library((spec,), released=None)
    first, second = library.download("pixels"), other.download("pixels")
    next(first), next(second)
    until(lambda: hub.count("api/models") == 2)
    gate.set()
    assert list(first)[-1].done
    assert list(second)[-1].done
    assert hub.count("cdn", "GET") == 1, "the second one waits for the first one's lock"
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


def test_moments_come_several_times_a_second() -> None:
    stop = threading.Event()
    shared = SharedDownload(lambda meter: stop.wait(5), Meter("m", 10))
    assert shared.join()
    moments = shared.watch()
    began = time.monotonic()
    for _ in range(4):
        next(moments)
    assert 0.3 < time.monotonic() - began < 3
    stop.set()
    assert list(moments)[-1].done


def test_speed_is_that_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    meter = Meter("m", 2_000)
    meter.found(500)
    assert (meter.progress().bytes_per_second, meter.progress().seconds_left) == (None, None)
    for _ in range(10):
        now += 1
        meter.received(100)
    moment = meter.progress()
    assert moment.num_bytes == 1_500
    assert moment.bytes_per_second == pytest.approx(100, rel=0.01)
    assert moment.seconds_left == pytest.approx(5, rel=0.01)
    now += 60
    assert meter.progress().bytes_per_second < 10, "a stall is not averaged away"
    assert meter.progress(done=True).seconds_left == 0
