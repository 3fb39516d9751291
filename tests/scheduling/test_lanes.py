"""Turns of networks: how many at a time, whose is next, and what goes along in one batch."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from diffdemo.codecs.diffc import DiffC
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.scheduling.counts import Counting
from diffdemo.engine.scheduling.job import Asker, Job, Rank
from diffdemo.engine.scheduling.lanes import Device, Lanes
from diffdemo.engine.scheduling.scheduler import Scheduler
from diffdemo.engine.store import load_shipped
from diffdemo.errors import Cancelled, MemoryBudgetError
from diffdemo.images import to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.evaluation import denoised, evaluation

PATIENCE = 60.0


class Held:
    """A call of a network that goes on until it is let go."""

    def __init__(self) -> None:
        self.began, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.let_go.wait(PATIENCE)


class Threads:
    """Jobs, each in a thread of its own."""

    def __init__(self) -> None:
        self._all: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def start(self, call: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                call()
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        self._all.append(thread)
        thread.start()
        return thread

    def join(self) -> None:
        for thread in self._all:
            thread.join(PATIENCE)


def lanes_of(**device: object) -> tuple[Lanes, Counting]:
    counting = Counting()
    return Lanes(Device(**{"lanes": 1} | device), counting), counting


def job(number: int, rank: Rank = Rank.PERSON, **known: object) -> Job:
    return Job(Asker(f"session {number}", rank), number, model="m", **known)


@contextmanager
def blocked(lanes: Lanes) -> Iterator[Threads]:
    """While the only lane is taken, let requests line up; at the end they are served."""
    held, threads, holder = Held(), Threads(), job(-1)
    lanes.begin(holder)
    threads.start(lambda: lanes.run(holder, held))
    assert held.began.wait(PATIENCE)
    try:
        yield threads
    finally:
        held.let_go.set()
        threads.join()
        lanes.pause(holder)


def wait_for(lanes: Lanes, count: int) -> None:
    for _ in range(6000):
        if len(lanes._waiting) == count:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{len(lanes._waiting)} wait, not {count}")


def test_no_more_calls_at_a_time_than_there_are_lanes():
    lanes, _ = lanes_of(lanes=2)
    calls, threads = [Held() for _ in range(3)], Threads()
    for number, held in enumerate(calls):
        lanes.begin(job(number))
        threads.start(lambda number=number, held=held: lanes.run(job(number), held))
        assert held.began.wait(PATIENCE if number < 2 else 0.05) == (number < 2)
    calls[0].let_go.set()
    assert calls[2].began.wait(PATIENCE), "a lane is free again"
    for held in calls:
        held.let_go.set()
    threads.join()
    assert not threads.errors


def test_who_has_had_least_is_next_and_a_person_counts_more():
    lanes, _ = lanes_of()
    jobs = {
        name: job(number, rank)
        for number, (name, rank) in enumerate([("batch", Rank.BATCH), ("greedy", Rank.PERSON), ("modest", Rank.PERSON)])
    }
    for each in jobs.values():
        lanes.begin(each)
    # What they have had: the batch as long as the modest one, at four times the price.
    lanes._service |= {jobs["batch"].session: 4.0, jobs["greedy"].session: 3.0, jobs["modest"].session: 1.0}
    served: list[str] = []
    with blocked(lanes) as threads:
        for count, (name, each) in enumerate(jobs.items(), 1):
            threads.start(lambda name=name, each=each: lanes.run(each, lambda: served.append(name)))
            wait_for(lanes, count)
    assert served == ["modest", "greedy", "batch"]


def test_a_newcomer_does_not_make_up_for_the_time_before_it_came():
    lanes, _ = lanes_of()
    lanes.begin(job(0))
    lanes._service[job(0).session] = 100.0
    lanes.begin(job(1))
    assert lanes._service[job(1).session] == 100.0


def test_what_a_call_takes_is_charged_by_rank(monkeypatch):
    lanes, _ = lanes_of()
    clock = [0.0]
    monkeypatch.setattr("diffdemo.engine.scheduling.lanes.time.monotonic", lambda: clock[0])
    for number, rank in enumerate(Rank):
        each = job(number, rank)
        lanes.begin(each)
        lanes._service[each.session] = 0.0
        lanes.run(each, lambda: clock.__setitem__(0, clock[0] + 0.05))
        assert lanes._service[each.session] == pytest.approx(0.05 * 2**number)
    assert Rank.NOBODY.price == 8


def test_calls_of_one_network_and_shape_share_a_batch_and_get_their_own_answers():
    lanes, counting = lanes_of(largest_batch=3)
    batches: list[int] = []

    def network(states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        batches.append(len(states))
        return states * sigmas.view(-1, 1, 1, 1)

    answers: dict[int, torch.Tensor] = {}
    jobs = [job(number) for number in range(5)]
    for each in jobs:
        lanes.begin(each)
    with blocked(lanes) as threads:
        for number, each in enumerate(jobs):
            side = 4 if number < 4 else 6
            z = torch.full((1, 3, side, side), float(number))

            def ask(number: int = number, each: Job = each, z: torch.Tensor = z) -> None:
                answers[number] = lanes.denoise(each, network, z, 10.0)

            threads.start(ask)
            wait_for(lanes, number + 1)
    assert not threads.errors
    assert sorted(batches) == [1, 1, 3], "three at most, and none of another shape"
    for number in range(5):
        assert answers[number].shape[0] == 1
        assert torch.all(answers[number] == 10.0 * number)
    counts = counting.counts(0, 0)
    assert counts.evaluations["m"] == 5 + 1
    assert counts.calls["m"] == 3 + 1


def test_a_batch_that_fails_is_tried_one_by_one_and_only_the_culprit_is_told():
    lanes, _ = lanes_of(largest_batch=4)

    def network(states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        if len(states) > 1:
            raise torch.OutOfMemoryError("too many")
        if sigmas[0] == 2:
            raise ValueError("sigma is 2")
        return states

    jobs = [job(number) for number in range(4)]
    for each in jobs:
        lanes.begin(each)
    answered: list[int] = []
    with blocked(lanes) as threads:
        for number, each in enumerate(jobs):

            def ask(number: int = number, each: Job = each) -> None:
                lanes.denoise(each, network, torch.zeros(1, 3, 2, 2), float(number))
                answered.append(number)

            threads.start(ask)
            wait_for(lanes, number + 1)
    assert sorted(answered) == [0, 1, 3]
    assert [str(error) for error in threads.errors] == ["sigma is 2"]


def test_a_job_that_nobody_wants_leaves_while_it_waits():
    lanes, _ = lanes_of()
    unwanted = job(0)
    with blocked(lanes) as threads:
        thread = threads.start(lambda: lanes.run(unwanted, lambda: None))
        wait_for(lanes, 1)
        unwanted.is_closed = True
        thread.join(PATIENCE)
        assert not lanes._waiting
    assert [type(error) for error in threads.errors] == [Cancelled]


def test_jobs_beside_each_other_share_the_threads_and_one_alone_has_them_all():
    lanes, _ = lanes_of(lanes=2, threads=2)
    before = torch.get_num_threads()
    try:
        alone, other = job(0), job(1)
        lanes.begin(alone)
        assert lanes.run(alone, torch.get_num_threads) == 2
        lanes.begin(other)
        assert lanes.run(alone, torch.get_num_threads) == 1
        lanes.pause(other)
        assert lanes.run(alone, torch.get_num_threads) == 2
    finally:
        torch.set_num_threads(before)


def test_out_of_memory_is_told_in_words():
    scheduler = Scheduler(Device(lanes=1), memory=1)
    with pytest.raises(MemoryBudgetError, match="ran out of memory"), scheduler.at_once():
        raise torch.OutOfMemoryError("CUDA")


def test_what_a_network_calls_is_part_of_its_call():
    class Nested:
        @evaluation
        def outer(self) -> int:
            return self.inner() + 1

        @evaluation
        def inner(self) -> int:
            return denoised(lambda states, sigmas: states, torch.zeros(1, 3, 1, 1), 1.0).shape[1]

    with Scheduler(Device(lanes=1), memory=1).at_once():
        assert Nested().outer() == 4


@pytest.mark.parametrize("count", [2, 5, 16])
def test_a_state_in_a_batch_gets_the_answer_that_it_gets_alone(count):
    """At most 0.01 dB between them; float32 rounds differently in other shapes."""
    denoiser = load_shipped(DiffC, choose_device("cpu")).space.denoiser()
    network = denoiser._answers  # type: ignore[attr-defined]
    picture = to_image(example_centre("astronaut", 32))
    noise = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    sigmas = torch.logspace(-1.5, 1, count)
    states = picture + sigmas.view(-1, 1, 1, 1) * noise
    together = network(states, sigmas)
    for number in range(count):
        alone = denoiser.denoise(states[number : number + 1], float(sigmas[number]))
        pixels = [to_pixels(each) for each in (picture, alone, together[number : number + 1])]
        assert psnr_db(pixels[0], pixels[1]) == pytest.approx(psnr_db(pixels[0], pixels[2]), abs=0.01)


def test_the_retry_after_a_batch_does_not_hold_on_to_what_the_batch_held():
    lanes, _ = lanes_of(largest_batch=2)
    held: list[weakref.ref] = []
    still_there: list[bool] = []

    def network(states: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        if len(states) > 1:
            activations = torch.zeros(10)
            held.append(weakref.ref(activations))
            raise torch.OutOfMemoryError("too many")
        still_there.extend(each() is not None for each in held)
        return states

    jobs = [job(number) for number in range(2)]
    for each in jobs:
        lanes.begin(each)
    gc.disable()
    try:
        with blocked(lanes) as threads:
            for number, each in enumerate(jobs):
                threads.start(lambda each=each: lanes.denoise(each, network, torch.zeros(1, 3, 2, 2), 1.0))
                wait_for(lanes, number + 1)
    finally:
        gc.enable()
    assert still_there == [False, False]


def test_the_number_of_threads_is_as_it_was_after_a_call():
    lanes, _ = lanes_of(lanes=2, threads=2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for number in range(2):
            lanes.begin(job(number))
        assert lanes.run(job(0), torch.get_num_threads) == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
