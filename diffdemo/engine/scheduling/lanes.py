"""Turns of networks on one device: who computes next, beside whom, and in one batch with whom.

A job asks for one evaluation after the other, and in between searches, measures and paints without holding anything
up. Whoever has had least of the device is next (fair queueing by service received), so that a thumbnail passes between
the steps of a photograph.

On a processor, jobs compute beside each other, with a share of the threads each: two evaluations with one thread each
take less than one after the other with two. So do several views of one state, where their job is alone. On a GPU there
is one lane, and what waits for the same network with states of the same shape goes along in one batch (continuous
batching: Yu et al. 2022, "Orca").
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from diffdemo.diffusion.rough import in_bfloat16
from diffdemo.engine.scheduling.counts import Counting
from diffdemo.engine.scheduling.job import Job
from diffdemo.models.evaluation import AT_ONCE, Network, evaluated_by

THREADS = torch.get_num_threads()
"""Of PyTorch on the processor, before anything has changed their number."""
LOOK_SECONDS = 0.5
"""After which a job that waits for its turn sees whether it is still wanted."""
MAX_PIXELS_TOGETHER = 1 << 18
"""Of a state whose views a processor computes beside each other: of larger ones, whose features take hundreds of
megabytes, threads wait for each other for a small part of the time only."""

# A request that has its turn must find a thread at once: many more than there can be requests.
_others = ThreadPoolExecutor(max_workers=1024, thread_name_prefix="lane")


@dataclass(frozen=True, slots=True)
class Device:
    """How one device is shared.

    Attributes:
        lanes: calls of networks at a time.
        threads: of a processor that they share; 0 where they run elsewhere.
        largest_batch: states in one call.
        window: seconds for which a call waits for others that may go along.
    """

    lanes: int
    threads: int = 0
    largest_batch: int = 1
    window: float = 0.0

    @classmethod
    def of(cls, device: torch.device) -> Device:
        """What suits a device of PyTorch."""
        if device.type == "cpu":
            return cls(lanes=THREADS, threads=THREADS)
        return cls(lanes=1, largest_batch=16, window=0.003)


@dataclass(eq=False, slots=True)
class _Request:
    """One call of a network that waits for its turn.

    Attributes:
        compute: answers a batch of requests, of which this is the first.
        key: what requests have in common that may share a batch; None for one that may not.
        is_timed: whether it has all threads.
        rows: states of the same call, each of which is a request.
        batch: once its turn has come; empty where another request takes it along.
    """

    job: Job
    compute: Callable[[Sequence[_Request]], Sequence[Any]]
    key: Hashable = None
    is_timed: bool = False
    rows: int = 1
    z: Tensor | None = None
    sigma: float = 0.0
    batch: list[_Request] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None


class Lanes:
    """Gives turns.

    Args:
        device: how it is shared.
        counting: is told of every call.
    """

    def __init__(self, device: Device, counting: Counting) -> None:
        self._device = device
        self._counting = counting
        self._lock = threading.Lock()
        self._free = device.lanes
        self._waiting: list[_Request] = []
        self._served: Counter[Job] = Counter()
        self._computing: Counter[str] = Counter()
        self._service: dict[str, float] = {}

    @property
    def computing(self) -> int:
        """Jobs that compute now, whether with a network or not."""
        return sum(self._computing.values())

    def begin(self, job: Job) -> None:
        """A job goes on computing. Its session has had as much as those that had least of the others, or more."""
        with self._lock:
            least = min((self._service[session] for session in self._computing), default=0.0)
            self._service[job.session] = max(self._service.get(job.session, 0.0), least)
            self._computing[job.session] += 1

    def pause(self, job: Job) -> None:
        """It has come to a result; what it does next may take as long as its owner likes."""
        with self._lock:
            self._computing[job.session] -= 1
            self._computing = +self._computing
            if not self._computing:
                self._service.clear()

    def run(self, job: Job, call: Callable[[], Any], *, is_timed: bool = False) -> Any:
        """What a call gives that shares no batch; what its network calls in turn belongs to it.

        Args:
            is_timed: whether it has all threads, whoever computes beside it.

        Raises:
            Cancelled: nobody wants the job any more.
        """

        def compute(batch: Sequence[_Request]) -> Sequence[Any]:
            with evaluated_by(AT_ONCE):
                return [call()]

        return self._in_turn(_Request(job, compute, is_timed=is_timed))[0]

    def denoise(self, job: Job, network: Network, z: Tensor, sigma: float) -> Tensor:
        """A network's answers to states [N,C,H,W], beside each other or in one batch, perhaps with others.

        Raises:
            Cancelled: nobody wants the job any more.
        """
        rough = tuple(kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind))
        key = (network, z.shape[1:], z.device, rough)

        def compute(batch: Sequence[_Request]) -> Sequence[Tensor]:
            states = [request.z for request in batch if request.z is not None]
            sigmas = torch.tensor([request.sigma for request in batch])
            with in_bfloat16(rough):  # Of the thread that asks, in the one that computes.
                return network(torch.cat(states), sigmas).chunk(len(batch))

        together = 1 if self._device.threads and z[0, 0].numel() > MAX_PIXELS_TOGETHER else len(z)
        requests = [_Request(job, compute, key, rows=together, z=row, sigma=sigma) for row in z.chunk(len(z))]
        return torch.cat(
            [each for some in range(0, len(z), together) for each in self._in_turn(*requests[some : some + together])]
        )

    def _in_turn(self, *requests: _Request) -> list[Any]:
        """The answers to one call's requests, the first of which waits in this thread."""
        requests[0].job.require_wanted()
        with self._lock:
            self._waiting += requests
            self._grant()
        rest = [_others.submit(self._answered, request) for request in requests[1:]]
        try:
            first = self._answered(requests[0])
        finally:
            wait(rest)
        return [first, *(each.result() for each in rest)]

    def _answered(self, request: _Request) -> Any:
        while not request.ready.wait(LOOK_SECONDS):
            self._require_wanted(request)
        if request.batch:
            self._lead(request)
        # A traceback holds on to all that the failed call held, so the request must not hold on to it.
        error, request.error, request.batch = request.error, None, []
        if error is not None:
            try:
                raise error
            finally:
                del error
        return request.answer

    def _require_wanted(self, request: _Request) -> None:
        try:
            request.job.require_wanted()
        except Exception:
            with self._lock:
                still_waits = request in self._waiting
                if still_waits:
                    self._waiting.remove(request)
            if still_waits:
                raise

    def _grant(self) -> None:
        """Give turns to those who have had least, while there are lanes; the lock is held.

        A job has one lane, and more only while no other computes, which would have to wait for them.
        """
        while self._free:
            may_be_next = [each for each in self._waiting if self.computing <= 1 or not self._served[each.job]]
            if not may_be_next:
                return
            first = min(may_be_next, key=lambda each: self._service.get(each.job.session, 0.0))
            self._waiting.remove(first)
            first.batch = [first]
            self._take_along(first)
            self._free -= 1
            self._served[first.job] += 1
            first.ready.set()

    def _take_along(self, first: _Request) -> None:
        """Add to a request's batch what waits and may share it, while there is room; the lock is held."""
        room = self._device.largest_batch - len(first.batch)
        if first.key is not None and room:
            alike = [each for each in self._waiting if each.key == first.key][:room]
            self._waiting = [each for each in self._waiting if each not in alike]
            first.batch += alike

    def _lead(self, request: _Request) -> None:
        """Compute a batch in the thread of its first request."""
        self._wait_for_others(request)
        batch = request.batch
        began = time.monotonic()
        try:
            self._compute(batch)
        finally:
            seconds = time.monotonic() - began
            with self._lock:
                self._free += 1
                self._served[request.job] -= 1
                self._served = +self._served
                for each in batch:
                    session, price = each.job.session, each.job.asker.rank.price
                    if session in self._service:
                        self._service[session] += price * seconds / len(batch)
                self._grant()
            self._counting.called(request.job.model, len(batch), seconds)
            for each in batch[1:]:
                each.ready.set()

    def _wait_for_others(self, request: _Request) -> None:
        """Give those that compute now a moment to come along, where there is room for them."""
        device = self._device
        is_full = len(request.batch) == device.largest_batch
        has_all = self.computing <= len({each.job for each in request.batch})
        if request.key is None or not device.window or is_full or has_all:
            return
        time.sleep(device.window)
        with self._lock:
            self._take_along(request)

    def _compute(self, batch: Sequence[_Request]) -> None:
        """Answer a batch with its share of the threads; what this thread does afterwards has as many as before."""
        beside = 1 if batch[0].is_timed else min(self._device.lanes, max(batch[0].rows, self.computing))
        threads, before = self._device.threads // beside, torch.get_num_threads()
        if threads in (0, before):
            _answer(batch)
            return
        torch.set_num_threads(threads)
        try:
            _answer(batch)
        finally:
            torch.set_num_threads(before)


def _answer(batch: Sequence[_Request]) -> None:
    """Answer all requests of a batch; where that fails together, as for want of memory, each by itself."""
    try:
        for request, answer in zip(batch, batch[0].compute(batch), strict=True):
            request.answer = answer
        return
    except Exception as error:
        if len(batch) == 1:
            batch[0].error = error
            return
    # Not while the failure is handled, which would hold on to what the failed call held.
    for request in batch:
        _answer([request])
