"""Turns of networks on one device: who computes next, beside whom, and in one batch with whom.

A job asks for one evaluation after the other, and in between searches, measures and paints without holding anything
up. Whoever has had least of the device is next (fair queueing by service received), so that a thumbnail passes between
the steps of a photograph.

On a processor, jobs compute beside each other, with a share of the threads each: two evaluations with one thread each
take less than one after the other with two. On a GPU there is one lane, and what waits for the same network with states
of the same shape goes along in one batch (continuous batching: Yu et al. 2022, "Orca").
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from diffdemo.engine.scheduling.counts import Counting
from diffdemo.engine.scheduling.job import Job
from diffdemo.models.evaluation import AT_ONCE, Network, evaluated_by

THREADS = torch.get_num_threads()
"""Of PyTorch on the processor, before anything has changed their number."""
LOOK_SECONDS = 0.5
"""After which a job that waits for its turn sees whether it is still wanted."""


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
        batch: once its turn has come; empty where another request takes it along.
    """

    job: Job
    compute: Callable[[Sequence[_Request]], Sequence[Any]]
    key: Hashable = None
    is_timed: bool = False
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

        return self._in_turn(_Request(job, compute, is_timed=is_timed))

    def denoise(self, job: Job, network: Network, z: Tensor, sigma: float) -> Tensor:
        """A network's answer to a state [1,C,H,W], perhaps in one batch with others.

        Raises:
            Cancelled: nobody wants the job any more.
        """
        precision = tuple(torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda"))
        key = (network, z.shape, z.device, precision)

        def compute(batch: Sequence[_Request]) -> Sequence[Tensor]:
            states = [request.z for request in batch if request.z is not None]
            sigmas = torch.tensor([request.sigma for request in batch])
            return network(torch.cat(states), sigmas).chunk(len(batch))

        answer: Tensor = self._in_turn(_Request(job, compute, key, z=z, sigma=sigma))
        return answer

    def _in_turn(self, request: _Request) -> Any:
        request.job.require_wanted()
        with self._lock:
            self._waiting.append(request)
            self._grant()
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
        """Give turns to those who have had least, while there are lanes; the lock is held."""
        while self._free and self._waiting:
            first = min(self._waiting, key=lambda each: self._service.get(each.job.session, 0.0))
            self._waiting.remove(first)
            first.batch = [first]
            self._take_along(first)
            self._free -= 1
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
        if request.key is None or not device.window or is_full or self.computing <= len(request.batch):
            return
        time.sleep(device.window)
        with self._lock:
            self._take_along(request)

    def _compute(self, batch: Sequence[_Request]) -> None:
        """Answer a batch with its share of the threads; what this thread does afterwards has as many as before."""
        beside = 1 if batch[0].is_timed else max(1, min(self._device.lanes, self.computing))
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
