"""The engine's scheduler: jobs in line, jobs that share the device, and what their owners hold of them."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Generic, TypeVar

from torch import Tensor

from diffdemo.codecs.records import Working
from diffdemo.engine.hardware.device import is_out_of_memory
from diffdemo.engine.scheduling.counts import Counting, Counts
from diffdemo.engine.scheduling.job import Asker, Job, Rank
from diffdemo.engine.scheduling.lanes import Device, Lanes
from diffdemo.engine.scheduling.line import Line, Place, Underway
from diffdemo.errors import Cancelled, MemoryBudgetError
from diffdemo.models.evaluation import Network, evaluated_by

T = TypeVar("T")

PLACES_A_SECOND = 2.0
SECONDS_APART = 0.1
"""From one word about how far a job is to the next."""
ALONE = Asker()
IDLE = Asker(rank=Rank.NOBODY)
"""For what nobody waits for."""


class Scheduler:
    """Lets jobs begin, and take turns on a device.

    Args:
        device: how it is shared.
        memory: bytes that jobs may hold together while they compute.
    """

    def __init__(self, device: Device, memory: int) -> None:
        self._counting = Counting()
        self._lanes = Lanes(device, self._counting)
        self._line = Line(device.lanes, memory)
        self._numbers = itertools.count()

    def job(self, asker: Asker = ALONE, *, seconds: float = 0.0, memory: int = 0, model: str = "") -> Job:
        """A job that is known to nobody yet; for the arguments see `Job`."""
        return Job(asker, next(self._numbers), seconds, memory, model)

    def running(self, job: Job, work: Iterator[T | Working]) -> Running[T]:
        """A long call, which begins when its turn in line has come; `work` comes from `each`, of the same job."""
        return Running(job, self._line, work, self._counting)

    def each(self, job: Job, work: Iterator[T]) -> Iterator[T]:
        """The items of an iterator, each computed in turn with other jobs; nothing is held while one is looked at."""
        end = object()
        while True:
            with self.computing(job):
                item = next(work, end)
            if item is end:
                return
            yield item  # type: ignore[misc]

    def at_once(self, asker: Asker = ALONE) -> AbstractContextManager[None]:
        """As `computing`, for something short that stands in no line."""
        return self.computing(self.job(asker))

    def timed(self, call: Callable[[], object]) -> float:
        """Seconds that a call takes alone, once its turn has come: what it waits for others does not count."""

        def timed() -> float:
            began = time.monotonic()
            call()
            return time.monotonic() - began

        job = self.job()
        with self.computing(job):
            seconds: float = self._lanes.run(job, timed, is_timed=True)
        return seconds

    @contextmanager
    def computing(self, job: Job) -> Iterator[None]:
        """Inside, networks of this thread are called in turn with those of other jobs.

        Raises:
            Cancelled: nobody wants the job any more.
            MemoryBudgetError: the device's memory did not suffice.
        """
        job.require_wanted()
        self._lanes.begin(job)
        began = time.monotonic()
        try:
            with evaluated_by(_Turns(job, self._lanes)):
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryBudgetError(
                "The device ran out of memory. Please choose a smaller picture, or a smaller model."
            ) from error
        finally:
            job.spent += (time.monotonic() - began) / max(1, self._lanes.computing)
            self._lanes.pause(job)

    def counts(self) -> Counts:
        """What has been done so far, and what is going on."""
        return self._counting.counts(*self._line.counts())


class _Turns:
    """The evaluator of one job."""

    def __init__(self, job: Job, lanes: Lanes) -> None:
        self._job = job
        self._lanes = lanes

    def denoise(self, network: Network, z: Tensor, sigma: float) -> Tensor:
        """See `Evaluator`."""
        return self._lanes.denoise(self._job, network, z, sigma)

    def run(self, call: Callable[[], T]) -> T:
        """See `Evaluator`."""
        result: T = self._lanes.run(self._job, call)
        return result


class Running(Generic[T]):
    """What a long call yields; it waits in line first, silently, or in words with `places`.

    Closing it ends the call at its next evaluation of a network at the latest, from whichever thread.
    """

    def __init__(self, job: Job, line: Line, work: Iterator[T | Working], counting: Counting) -> None:
        self._job = job
        self._line = line
        self._work = work
        self._counting = counting
        self._began = math.nan
        self._first: list[T] = []
        self._has_joined = self._has_begun = self._is_done = self._has_left_line = False

    def places(self) -> Iterator[Place | Underway]:
        """Where the call stands in line, twice a second, until it begins; how far it is, until it yields something.

        Raises:
            Cancelled: nobody wants it any more.
        """
        try:
            while not self._begins(0.0):
                place = self._line.place_of(self._job)
                if place is not None:
                    yield place
                self._begins(1 / PLACES_A_SECOND)
        except Cancelled:
            self.close()
            raise
        told = -math.inf
        while not self._first and (item := self._next()) is not None:
            if not isinstance(item, Working):
                self._first.append(item)
            elif self.seconds - told > SECONDS_APART:
                told = self.seconds
                yield Underway(item.done, item.total, told * (item.total / item.done - 1))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._first:
            return self._first.pop()
        while (item := self._next()) is not None:
            if not isinstance(item, Working):
                return item
        raise StopIteration

    def _next(self) -> T | Working | None:
        """What comes next; None at the end."""
        if self._is_done:
            return None
        try:
            while not self._begins(1 / PLACES_A_SECOND):
                pass
            self._job.require_wanted()
            item = next(self._work)
            self._job.require_wanted()
            return item
        except BaseException as error:
            self._is_done = isinstance(error, StopIteration)
            self.close()
            if self._is_done:
                return None
            raise

    def close(self) -> None:
        """End it; others move up."""
        if self._has_left_line:
            return
        self._job.is_closed = True
        try:
            if isinstance(self._work, Generator):
                self._work.close()
        except ValueError:
            return  # Another thread computes, and leaves at its next evaluation.
        self._line.leave(self._job)
        self._has_left_line = True

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def _begins(self, patience: float) -> bool:
        """Whether its turn in line has come, after so many seconds at most."""
        if self._has_begun:
            return True
        self._job.require_wanted()
        if not self._has_joined:
            self._has_joined = True
            self._line.join(self._job)
        self._has_begun = self._line.wait(self._job, patience)
        if self._has_begun:
            self._began = time.monotonic()
            self._counting.job_began(self._began - self._job.joined)
        return self._has_begun
