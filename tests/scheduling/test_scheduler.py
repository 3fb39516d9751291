"""Jobs as their owners hold them: they wait, begin, yield, and end with whoever asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from diffdemo.codecs.records import Working
from diffdemo.engine.scheduling.job import Asker, Rank
from diffdemo.engine.scheduling.lanes import Device
from diffdemo.engine.scheduling.line import Underway
from diffdemo.engine.scheduling.scheduler import Running, Scheduler
from diffdemo.errors import Cancelled
from diffdemo.models.evaluation import evaluation

PATIENCE = 60.0


class Network:
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    @evaluation
    def call(self) -> int:
        self.calls += 1
        return self.calls


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(Device(lanes=1), memory=1)


def running(scheduler: Scheduler, network: Network, *, seconds: float = 60.0, **asker: object) -> Running[int]:
    """A job of ten items, each a call of the network."""
    job = scheduler.job(Asker(**asker), seconds=seconds, model="m")
    return scheduler.running(job, scheduler.each(job, (network.call() for _ in range(10))))


def test_a_job_yields_what_it_computes_and_makes_room(scheduler):
    network = Network()
    assert list(running(scheduler, network)) == [*range(1, 11)]
    assert list(running(scheduler, network)) == [*range(11, 21)]
    counts = scheduler.counts()
    assert (counts.jobs, counts.waiting, counts.running, counts.calls) == (2, 0, 0, {"m": 20})


def in_parts(scheduler: Scheduler, items: list[object], **asker: object) -> Running[str]:
    job = scheduler.job(Asker(**asker))
    return scheduler.running(job, scheduler.each(job, iter(items)))


def test_who_asks_is_told_how_far_a_job_is_and_who_does_not_gets_the_rest(scheduler):
    items = [Working(1, 4), Working(3, 4), "first", Working(4, 4), "second", Working(9, 9)]
    assert list(in_parts(scheduler, items)) == ["first", "second"]
    running = in_parts(scheduler, items)
    told = next(places := running.places())
    assert (type(told), told.done, told.total) == (Underway, 1, 4)
    assert told.seconds_left == pytest.approx(3 * running.seconds, rel=0.9)
    list(places)
    assert not list(running.places()), "there is something to look at"
    assert list(running) == ["first", "second"]
    assert list(running) == []


def test_a_job_ends_between_its_parts(scheduler):
    has_left: list[bool] = []
    running = in_parts(scheduler, [Working(1, 4), Working(2, 4), "result"], has_left=lambda: bool(has_left))
    places = running.places()
    next(places)
    has_left.append(True)
    with pytest.raises(Cancelled):
        list(places)
    with pytest.raises(Cancelled):
        next(running)
    assert scheduler.counts().running == 0


def test_what_goes_wrong_in_a_part_is_told_to_who_asks(scheduler):
    def broken() -> Iterator[object]:
        yield Working(1, 2)
        raise ValueError("broken")

    job = scheduler.job()
    running = scheduler.running(job, scheduler.each(job, broken()))
    with pytest.raises(ValueError, match="broken"):
        list(running.places())
    assert scheduler.counts().running == 0


def test_a_job_waits_its_turn_and_says_where_it_stands(scheduler):
    first, second = (running(scheduler, Network()) for _ in range(2))
    assert not list(first.places())
    next(first)
    places = second.places()
    place = next(places)
    assert place.before == 0
    assert 50 < place.seconds <= 60
    third = running(scheduler, Network())
    place = next(third.places())
    assert place.before == 1
    assert 110 < place.seconds <= 120
    first.close()
    assert not list(places), "it has begun"
    assert next(second) == 1


def test_whoever_waits_may_leave_the_line(scheduler):
    first, second, third = (running(scheduler, Network()) for _ in range(3))
    next(first)
    next(second.places())
    assert next(third.places()).before == 1
    second.close()
    assert next(third.places()).before == 0
    with pytest.raises(Cancelled):
        next(second)


def test_a_job_that_is_dropped_makes_room(scheduler):
    first, second = (running(scheduler, Network()) for _ in range(2))
    next(first)
    del first
    assert not list(second.places())


def test_a_job_whose_asker_has_left_ends_at_its_next_call(scheduler):
    has_left = threading.Event()
    network = Network()
    job = running(scheduler, network, has_left=has_left.is_set)
    assert next(job) == 1
    has_left.set()
    with pytest.raises(Cancelled):
        next(job)
    assert network.calls == 1
    assert scheduler.counts().running == 0


def test_a_job_that_computes_is_closed_from_elsewhere(scheduler):
    """As Gradio does it: one thread computes while another one closes."""
    network, began, let_go = Network(), threading.Event(), threading.Event()

    def work() -> Iterator[int]:
        began.set()
        assert let_go.wait(PATIENCE)
        yield network.call()

    job = scheduler.job(seconds=60.0)
    owned = scheduler.running(job, scheduler.each(job, work()))
    told: list[BaseException] = []

    def follow() -> None:
        try:
            next(owned)
        except Cancelled as error:
            told.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(PATIENCE)
    owned.close()
    assert scheduler.counts().running == 1, "its memory is still in use"
    let_go.set()
    thread.join(PATIENCE)
    assert told
    assert network.calls == 0
    assert scheduler.counts().running == 0


def test_what_fails_makes_room_and_harms_nobody_else(scheduler):
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("as it happens")

    job = scheduler.job(seconds=60.0)
    bad = scheduler.running(job, scheduler.each(job, fails()))
    good = running(scheduler, Network())
    next(bad)
    assert next(good.places()).before == 0, "it waits"
    with pytest.raises(ValueError, match="as it happens"):
        next(bad)
    assert list(good) == [*range(1, 11)]


def test_nothing_is_held_while_an_item_is_looked_at(scheduler):
    first = running(scheduler, Network(), seconds=1.0)
    next(first)
    assert list(running(scheduler, Network(), seconds=1.0)) == [*range(1, 11)], "in the same thread"
    assert next(first) == 2


def test_counts_are_exposed_in_the_format_of_prometheus(scheduler):
    list(running(scheduler, Network(), rank=Rank.PROGRAM))
    lines = scheduler.counts().exposed().splitlines()
    assert "# TYPE diffdemo_jobs_total counter" in lines
    assert "diffdemo_jobs_total 1" in lines
    assert 'diffdemo_network_calls_total{model="m"} 10' in lines
    assert "diffdemo_jobs_running 0" in lines


def test_a_job_that_is_closed_between_two_items_does_not_look_complete(scheduler):
    job = running(scheduler, Network())
    next(job)
    job.close()
    with pytest.raises(Cancelled):
        next(job)


def test_a_trial_is_timed_without_what_it_waits_and_with_all_threads():
    """Or a model that is first used on a busy page would be thought slow for ever."""
    scheduler = Scheduler(Device(lanes=1, threads=2), memory=1)
    before, threads = torch.get_num_threads(), []
    held, began = threading.Event(), threading.Event()
    other = scheduler.job(Asker())

    def hold() -> None:
        with scheduler.computing(other):
            scheduler._lanes.run(other, lambda: (began.set(), held.wait(PATIENCE)))

    holding = threading.Thread(target=hold)
    holding.start()
    assert began.wait(PATIENCE)
    timer = threading.Timer(0.5, held.set)
    timer.start()
    assert scheduler.timed(lambda: threads.append(torch.get_num_threads())) < 0.4
    holding.join(PATIENCE)
    assert threads == [2]
    assert torch.get_num_threads() == before
