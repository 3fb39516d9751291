"""Several views of a state: beside each other where their job is alone, else in turn, and on a GPU in one batch."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from diffdemo.diffusion.views import Views
from diffdemo.engine.scheduling.job import Job
from diffdemo.errors import Cancelled
from tests.gaussian import GaussianDenoiser
from tests.scheduling.test_lanes import PATIENCE, Held, Threads, job, lanes_of

VIEWS = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2)


class Watched:
    """A network that doubles states, and knows how many calls of it there are at a time."""

    def __init__(self, seconds: float = 0.05) -> None:
        self.calls: list[int] = []
        self.threads: set[int] = set()
        self.most = 0
        self.seconds = seconds
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.calls.append(len(states))
            self.threads.add(torch.get_num_threads())
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        return 2 * states


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_job_alone_has_all_lanes_for_its_views():
    lanes, _ = lanes_of(lanes=2, threads=2)
    network, alone = Watched(), job(0)
    lanes.begin(alone)
    assert torch.equal(lanes.denoise(alone, network, VIEWS, 1.0), 2 * VIEWS), "in the order of the views"
    assert (network.most, network.calls, network.threads) == (2, [1, 1, 1, 1], {1})
    assert torch.equal(lanes.denoise(alone, network, VIEWS[:1], 1.0), 2 * VIEWS[:1])
    assert network.threads == {1, 2}, "one view has all threads"


def test_views_of_a_large_state_are_not_in_memory_together(monkeypatch):
    monkeypatch.setattr("diffdemo.engine.scheduling.lanes.MAX_PIXELS_TOGETHER", 3)
    lanes, _ = lanes_of(lanes=2, threads=2)
    network, alone = Watched(), job(0)
    lanes.begin(alone)
    assert torch.equal(lanes.denoise(alone, network, VIEWS, 1.0), 2 * VIEWS)
    assert (network.most, network.threads) == (1, {2})


def test_beside_another_job_views_take_one_lane_and_the_other_is_free_for_it():
    lanes, _ = lanes_of(lanes=2, threads=2)
    network, many, other = Watched(seconds=0.2), job(0), job(1)
    lanes.begin(many)
    lanes.begin(other)
    threads, done = Threads(), threading.Event()
    threads.start(lambda: (lanes.denoise(many, network, VIEWS, 1.0), done.set()))
    while not network.calls:
        time.sleep(0.01)
    assert lanes.run(other, lambda: not done.is_set()), "not after all of the views"
    threads.join()
    assert not threads.errors
    assert network.most == 1


def test_on_one_lane_views_are_one_batch():
    lanes, _ = lanes_of(lanes=1, largest_batch=16)
    network, alone = Watched(), job(0)
    lanes.begin(alone)
    assert torch.equal(lanes.denoise(alone, network, VIEWS, 1.0), 2 * VIEWS)
    assert network.calls == [4]


def test_more_views_than_a_batch_holds():
    lanes, _ = lanes_of(lanes=1, largest_batch=3)
    network, alone = Watched(), job(0)
    lanes.begin(alone)
    assert torch.equal(lanes.denoise(alone, network, VIEWS, 1.0), 2 * VIEWS)
    assert sorted(network.calls) == [1, 3]


def test_views_in_other_threads_have_the_precision_of_the_one_that_asks():
    lanes, _ = lanes_of(lanes=2)
    alone = job(0)
    lanes.begin(alone)
    weight = torch.eye(2)

    def network(states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        return states @ weight

    with torch.autocast("cpu", torch.bfloat16):
        assert lanes.denoise(alone, network, VIEWS, 1.0).dtype == torch.bfloat16
    assert lanes.denoise(alone, network, VIEWS, 1.0).dtype == torch.float32


def test_views_of_a_job_that_nobody_wants_all_leave():
    lanes, _ = lanes_of()
    unwanted, holder, held = job(0), job(1), Held()
    lanes.begin(holder)
    threads = Threads()
    threads.start(lambda: lanes.run(holder, held))
    assert held.began.wait(PATIENCE)
    thread = threads.start(lambda: lanes.denoise(unwanted, Watched(), VIEWS, 1.0))
    while len(lanes._waiting) < len(VIEWS):
        time.sleep(0.01)
    unwanted.is_closed = True
    thread.join(PATIENCE)
    assert not lanes._waiting
    assert [type(error) for error in threads.errors] == [Cancelled]
    held.let_go.set()
    threads.join()


def test_a_view_that_fails_fails_the_call():
    lanes, _ = lanes_of(lanes=2)
    alone: Job = job(0)
    lanes.begin(alone)

    def network(states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        if states[0, 0, 0, 0] == 3:
            raise ValueError("the last view")
        return states

    with pytest.raises(ValueError, match="the last view"):
        lanes.denoise(alone, network, VIEWS, 1.0)
    assert torch.equal(lanes.denoise(alone, network, VIEWS[:3], 1.0), VIEWS[:3]), "and leaves the lanes free"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_views_are_asked_for_in_one_call(count):
    class Counted(GaussianDenoiser):
        rows: list[int]

        def denoise(self, z: torch.Tensor, sigma: float) -> torch.Tensor:
            self.rows = [*getattr(self, "rows", []), len(z)]
            return super().denoise(z, sigma)

    denoiser = Counted(0.1)
    Views(denoiser, count).denoise(torch.zeros(1, 3, 4, 6), 0.5)
    assert denoiser.rows == [count]
