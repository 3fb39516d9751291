"""What has been computed for a file, kept for a while: sliders move through it without the network."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from diffdemo.codecs.records import State
from diffdemo.codecs.rendering import Decoder
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.points import CurvePoint, few
from diffdemo.metrics.registry import Values, When, measure, until

T = TypeVar("T")

TRACE_BYTES = 160_000_000
CACHE_BYTES = int(1e6 * float(os.environ.get("DIFFDEMO_CACHE_MB") or 640))
"""Of all files together."""
STATE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Moment:
    """The picture after a whole step, as the file's first decoder makes it."""

    number: int
    num_bytes: int
    sigma: float
    pixels: Pixels
    values: Values
    decoder: Decoder


@dataclass(slots=True)
class Trace:
    """Moments and states of one file. Where they grow too large, every other one is dropped.

    Attributes:
        original: uint8 [H,W,3]; None while it is not known.
        moments, states: by rising number of the step.
        at_rest: values of a few moments, by number, with the metrics that take longer; see `curve`.
    """

    original: Pixels | None = None
    moments: list[Moment] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    at_rest: dict[int, Values] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        """Memory held, roughly."""
        moments = sum(m.pixels.nbytes for m in self.moments)
        return moments + sum(s.memory for s in self.states)

    def add(self, moment: Moment, state: State) -> None:
        """Remember a whole step; steps that are known already are left as they are."""
        if not self.moments or moment.number > self.moments[-1].number:
            self.moments.append(moment)
            self.states.append(state)
        while sum(s.memory for s in self.states) > STATE_SHARE * TRACE_BYTES and len(self.states) > 2:
            self.states = _thinned(self.states)
        while sum(m.pixels.nbytes for m in self.moments) > (1 - STATE_SHARE) * TRACE_BYTES and len(self.moments) > 2:
            self.moments = _thinned(self.moments)

    def compare_with(self, original: Pixels | None) -> None:
        """Learn the original, if it has become known only now, or is another one: moments get their values."""
        if original is None or (self.original is not None and np.array_equal(self.original, original)):
            return
        self.original, self.at_rest = original, {}
        self.moments = [replace(m, values=measure(original, m.pixels, until(When.FRAME))) for m in self.moments]

    def curve(self) -> list[CurvePoint]:
        """A point for each step that is known of the file, if its original is.

        Metrics that take longer than it takes to look at a plot are measured, once, at a dozen of the points.
        """
        if self.original is None:
            return []
        for moment in few(self.moments):
            if moment.number not in self.at_rest:
                self.at_rest[moment.number] = measure(self.original, moment.pixels, until(When.REST), moment.values)
        height, width = self.original.shape[:2]
        return [
            CurvePoint(m.num_bytes, bits_per_pixel(m.num_bytes, width, height), self.at_rest.get(m.number, m.values))
            for m in self.moments
        ]

    def moment_within(self, num_bytes: int) -> Moment | None:
        """The last known step that a prefix of so many bytes holds."""
        return next((m for m in reversed(self.moments) if m.num_bytes <= num_bytes), None)

    def state_within(self, num_bytes: int) -> State | None:
        """The last known state that a prefix of so many bytes leads to."""
        return next((s for s in reversed(self.states) if s.num_bytes <= num_bytes), None)


class TraceCache:
    """Traces by file, the least recently used one dropped first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[bytes, Trace] = OrderedDict()

    def of(self, data: bytes) -> Trace:
        """The trace of a whole file, an empty one if there was none."""
        with self._lock:
            trace = self._traces.setdefault(_digest(data), Trace())
            self._traces.move_to_end(_digest(data))
            return trace

    def get(self, data: bytes) -> Trace | None:
        """The trace of a whole file, if it is still there."""
        with self._lock:
            trace = self._traces.get(_digest(data))
            if trace is not None:
                self._traces.move_to_end(_digest(data))
            return trace

    def put(self, data: bytes, trace: Trace, *, instead_of: bytes | None = None) -> None:
        """Keep a trace under its file; `instead_of` is the shorter file under which it was kept until now."""
        with self._lock:
            if instead_of is not None:
                self._traces.pop(_digest(instead_of), None)
            self._traces[_digest(data)] = trace
            self._traces.move_to_end(_digest(data))
            while len(self._traces) > 1 and sum(t.num_bytes for t in self._traces.values()) > CACHE_BYTES:
                self._traces.popitem(last=False)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _thinned(items: list[T]) -> list[T]:
    """Every other item, counted from the end so that the last stays."""
    return items[::-1][::2][::-1]
