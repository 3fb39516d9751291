"""The line in front of the device: which jobs may begin, and how long the others will wait.

Jobs that have begun share the device, so each that begins makes the others slower. Short ones begin at once, or a
thumbnail would wait for a photograph; of long ones only as many as the device works on at a time, because ten people
who each wait a minute are better served than ten who all wait ten.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from diffdemo.engine.scheduling.job import Job

MOST_JOBS = max(1, int(os.environ.get("DIFFDEMO_MAX_JOBS") or 16))
"""That may have begun at a time."""
RISE_SECONDS = 120.0
"""After which a job that waits comes before those of the next better rank."""
MOST_OF_ONE = 4
"""That one session may have begun: a page compresses, compares, completes its plot and opens an example."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands: how many begin before it, and in how many seconds it will, as estimated."""

    before: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Underway:
    """How far a job is that has begun and has nothing to show: multiplications of its networks, and seconds left."""

    done: int
    total: int
    seconds_left: float


class Line:
    """Jobs that wait, and jobs that have begun.

    Args:
        lanes: long jobs that may have begun at a time.
        memory: bytes that all jobs which have begun may hold together; one alone may hold more.
        most_jobs: that may have begun at a time.
    """

    def __init__(self, lanes: int, memory: int, most_jobs: int = MOST_JOBS) -> None:
        self._lanes = lanes
        self._memory = memory
        self._most_jobs = most_jobs
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._begun: list[Job] = []

    def join(self, job: Job) -> None:
        """Stand in line; the job begins at once where it may."""
        with self._changed:
            job.joined = time.monotonic()
            self._waiting.append(job)
            self._admit()

    def leave(self, job: Job) -> None:
        """The job has ended, or nobody wants it any more; others move up."""
        with self._changed:
            for jobs in (self._waiting, self._begun):
                if job in jobs:
                    jobs.remove(job)
            self._admit()

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait at most so long for a job that has joined to begin; whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: job in self._begun, seconds)

    def place_of(self, job: Job) -> Place | None:
        """Where a job stands; None if it does not wait."""
        with self._changed:
            if job not in self._waiting:
                return None
            before = self._in_order()
            before = before[: before.index(job)]
            left = [each.seconds_left for each in self._begun if not each.is_short]
            return Place(len(before), seconds_until_free(left, [each.seconds for each in before], self._lanes))

    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many have begun."""
        with self._changed:
            return len(self._waiting), len(self._begun)

    def _in_order(self) -> list[Job]:
        """Waiting jobs: people first, and who waits for minutes; then whose session has begun fewest; as they came."""
        begun, now = Counter(job.session for job in self._begun), time.monotonic()

        def place(job: Job) -> tuple[int, int, int]:
            return job.asker.rank - int((now - job.joined) / RISE_SECONDS), begun[job.session], job.number

        return sorted(self._waiting, key=place)

    def _admit(self) -> None:
        """Let all jobs begin that may, the order anew after each: it has changed whose session has begun fewest."""
        while job := self._next():
            self._waiting.remove(job)
            self._begun.append(job)
        self._changed.notify_all()

    def _next(self) -> Job | None:
        """The first job that may begin."""
        if len(self._begun) >= self._most_jobs:
            return None
        for job in self._in_order():
            of_session = sum(each.session == job.session for each in self._begun)
            long_ones = sum(not each.is_short for each in self._begun)
            if of_session >= MOST_OF_ONE or not (job.is_short or long_ones < self._lanes):
                continue
            # What lacks nothing but memory is passed by nobody, or it would wait for ever.
            has_room = not self._begun or sum(each.memory for each in self._begun) + job.memory <= self._memory
            return job if has_room else None
        return None


def seconds_until_free(left: Sequence[float], before: Sequence[float], lanes: int) -> float:
    """When a job may begin, if those that have begun share the device evenly.

    Args:
        left: seconds that each of those would still take alone.
        before: the same of those that begin before it, in order.
        lanes: jobs that may have begun at a time.
    """
    running, waiting, seconds = list(left), list(before), 0.0
    while True:
        while len(running) < lanes and waiting:
            running.append(waiting.pop(0))
        if len(running) < lanes:
            return seconds
        shortest = min(running)
        seconds += shortest * len(running)
        running.remove(shortest)
        running = [each - shortest for each in running]
