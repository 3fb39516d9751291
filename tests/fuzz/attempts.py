"""One attempt: a result, or the one kind of error that is allowed, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What came of many attempts.

    Attributes:
        accepted, refused: how many gave a result, and how many the allowed error.
        kinds: names of the errors.
        slowest: seconds of the slowest attempt, as this thread's processor counts them.
    """

    accepted: int = 0
    refused: int = 0
    kinds: set[str] = field(default_factory=set)
    slowest: float = 0.0

    def attempt(self, call: Callable[[], T], allowed: type[Exception], name: str, seconds: float) -> T | None:
        """The call's result, or None for an allowed error.

        Args:
            call: what to do.
            allowed: error that may be raised.
            name: of the attempt, for whoever has to repeat it.
            seconds: of this thread's time that it may take.

        Raises:
            AssertionError: another error, or too long.
        """
        begun = time.thread_time()
        result = None
        try:
            result = call()
            self.accepted += 1
        except allowed as error:
            assert str(error) and "\n" not in str(error), f"{name}: the message is {str(error)!r}"
            self.refused += 1
            self.kinds.add(type(error).__name__)
        except Exception as error:
            raise AssertionError(f"{name} raised {type(error).__name__}: {error}") from error
        spent = time.thread_time() - begun
        assert spent < seconds, f"{name} took {spent:.1f} s"
        self.slowest = max(self.slowest, spent)
        return result
