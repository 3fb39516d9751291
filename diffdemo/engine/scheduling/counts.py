"""What the engine counts of its work, for whoever runs it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the engine was made.

    Attributes:
        jobs: that have begun.
        waiting, running: that wait and that have begun now.
        seconds_waited: in line, of all jobs together.
        evaluations: calls of networks that could share a batch, by model.
        calls: what they were made in, and all other calls of networks, by model.
        seconds: that those took, by model.
    """

    jobs: int
    waiting: int
    running: int
    seconds_waited: float
    evaluations: dict[str, int]
    calls: dict[str, int]
    seconds: dict[str, float]

    def exposed(self) -> str:
        """In the text format of Prometheus, https://prometheus.io/docs/instrumenting/exposition_formats/."""
        lines = [
            *_metric("jobs_total", "counter", {"": self.jobs}),
            *_metric("jobs_waiting", "gauge", {"": self.waiting}),
            *_metric("jobs_running", "gauge", {"": self.running}),
            *_metric("queue_seconds_total", "counter", {"": self.seconds_waited}),
            *_metric("evaluations_total", "counter", self.evaluations),
            *_metric("network_calls_total", "counter", self.calls),
            *_metric("network_seconds_total", "counter", self.seconds),
        ]
        return "\n".join([*lines, ""])


def _metric(name: str, kind: str, values: dict[str, int] | dict[str, float]) -> list[str]:
    labelled = [(f'{{model="{model}"}}' if model else "", value) for model, value in values.items()]
    return [f"# TYPE diffdemo_{name} {kind}", *(f"diffdemo_{name}{label} {value:.6g}" for label, value in labelled)]


class Counting:
    """Counts from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0
        self._waited = 0.0
        self._evaluations: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def job_began(self, waited: float) -> None:
        """A job has begun after so many seconds in line."""
        with self._lock:
            self._jobs += 1
            self._waited += waited

    def called(self, model: str, batch: int, seconds: float) -> None:
        """A network has answered so many states in one call."""
        with self._lock:
            self._evaluations[model] += batch
            self._calls[model] += 1
            self._seconds[model] = self._seconds.get(model, 0.0) + seconds

    def counts(self, waiting: int, running: int) -> Counts:
        """All of it, now."""
        with self._lock:
            evaluations, calls = dict(self._evaluations), dict(self._calls)
            return Counts(self._jobs, waiting, running, self._waited, evaluations, calls, dict(self._seconds))
