"""Evaluations of networks: made at once, or when whoever shares the device among many says so.

Codecs call their networks as if they were alone. Each such call passes here, so that the engine can let the calls of
many jobs take turns on one device, and make one batch of those that go together, without any codec knowing. A network
whose one run takes seconds is run in parts, between which others have their turn and somebody may tell how far it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

Parts = Generator[int, None, T]
"""A run of a network in parts: tells after each how many multiplications it took, and returns the result."""
Network = Callable[[Tensor, Tensor], Tensor]
"""States float32 [N,C,H,W] and their noise levels [N] -> answers [N,C,H,W]; the rows know nothing of each other."""


class Evaluator(Protocol):
    """Makes the calls of one job."""

    def denoise(self, network: Network, z: Tensor, sigma: float) -> Tensor:
        """A network's answers to states of one noise level, [N,C,H,W]; other jobs' states may be in the same batch."""
        ...

    def run(self, call: Callable[[], T]) -> T:
        """What a call of a network gives that cannot share a batch."""
        ...


class AtOnce:
    """Makes every call when it comes, in the thread that makes it."""

    def denoise(self, network: Network, z: Tensor, sigma: float) -> Tensor:
        """See `Evaluator`."""
        return torch.cat([network(state, torch.tensor([sigma])) for state in z.chunk(len(z))])

    def run(self, call: Callable[[], T]) -> T:
        """See `Evaluator`."""
        return call()


AT_ONCE = AtOnce()
_evaluator: ContextVar[Evaluator] = ContextVar("evaluator", default=AT_ONCE)


@contextmanager
def evaluated_by(evaluator: Evaluator) -> Iterator[None]:
    """Inside, an evaluator makes the calls of this thread."""
    token = _evaluator.set(evaluator)
    try:
        yield
    finally:
        _evaluator.reset(token)


def denoised(network: Network, z: Tensor, sigma: float) -> Tensor:
    """A network's answers to states of one noise level, [N,C,H,W], by the evaluator of this thread."""
    return _evaluator.get().denoise(network, z, sigma)


def evaluation(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that runs a network: each call of it is one for the evaluator of the calling thread."""

    @functools.wraps(method)
    def evaluated(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return _evaluator.get().run(lambda: method(self, *args, **kwargs))

    return evaluated


def evaluation_in_parts(method: Callable[Concatenate[S, P], Parts[T]]) -> Callable[Concatenate[S, P], Parts[T]]:
    """A method that runs a network in parts: each of them is a call for the evaluator of the calling thread."""

    @functools.wraps(method)
    def evaluated(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Parts[T]:
        parts, result = method(self, *args, **kwargs), list[T]()

        def advance() -> int:
            try:
                return next(parts)
            except StopIteration as end:
                result.append(end.value)
                return 0

        while True:
            done = _evaluator.get().run(advance)
            if result:
                return result[0]
            yield done

    return evaluated


def finished(parts: Generator[object, None, T]) -> T:
    """What a run gives that nobody follows."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            result: T = end.value
            return result
