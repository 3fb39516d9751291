"""A job: one call of the engine, from when somebody asks until it has its result or is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from diffdemo.errors import Cancelled

SHORT_SECONDS = 5.0
"""A job that takes no longer may begin beside any others."""


class Rank(IntEnum):
    """Who comes first; a later one gets less of the device while an earlier one wants it."""

    PERSON = 0
    PROGRAM = 1
    BATCH = 2
    NOBODY = 3

    @property
    def price(self) -> int:
        """What a second on the device counts for in its sessions' share of it."""
        return 1 << int(self)


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks the engine for something.

    Attributes:
        session: jobs of one share what it gets; "" for a job of its own.
        rank: see `Rank`.
        has_left: whether the result is no longer wanted.
    """

    session: str = ""
    rank: Rank = Rank.PROGRAM
    has_left: Callable[[], bool] = _never


@dataclass(eq=False, slots=True)
class Job:
    """What is known of a job.

    Attributes:
        asker: who wants it.
        number: of arrival.
        seconds: that it takes alone, as estimated; 0 if nobody estimated it.
        memory: bytes that it holds while it computes, as estimated.
        model: name of it.
        spent: seconds that it would have taken alone so far.
        joined: when it stood in line, by the monotonic clock.
        is_closed: whether its owner has closed it.
    """

    asker: Asker
    number: int
    seconds: float = 0.0
    memory: int = 0
    model: str = ""
    spent: float = 0.0
    joined: float = 0.0
    is_closed: bool = False

    @property
    def session(self) -> str:
        """Whose share of the device it takes."""
        return self.asker.session or f"#{self.number}"

    @property
    def is_short(self) -> bool:
        """Whether it may begin beside any others."""
        return self.seconds <= SHORT_SECONDS

    @property
    def seconds_left(self) -> float:
        """That it would take alone from now on, as estimated."""
        return max(0.0, self.seconds - self.spent)

    def require_wanted(self) -> None:
        """Check that somebody still waits for the result.

        Raises:
            Cancelled: nobody does.
        """
        if self.is_closed or self.asker.has_left():
            raise Cancelled("Nobody waits for it any more.")
