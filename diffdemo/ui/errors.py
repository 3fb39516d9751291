"""What visitors read when something goes wrong: our own messages as they are, everything else as one plain sentence."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from diffdemo.errors import Cancelled, DiffDemoError

_log = logging.getLogger(__name__)
_Handler = TypeVar("_Handler", bound=Callable[..., Any])

UNEXPECTED = "Something went wrong here, and it is not your fault. Please try again, or with another picture."


def refusal(words: str) -> gr.Error:
    """What is told instead of an answer; the log has no use for where it was raised."""
    return gr.Error(words, print_exception=False)


def friendly(handler: _Handler) -> _Handler:
    """Let a handler, plain or generator, fail in words that fit on a page; tracebacks go to the log."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def streaming(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _in_words():
                yield from handler(*args, **kwargs)

        return streaming  # type: ignore[return-value]

    @wraps(handler)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with _in_words():
            return handler(*args, **kwargs)

    return plain  # type: ignore[return-value]


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except Cancelled:
        _log.info("stopped by the visitor")
    except DiffDemoError as error:
        raise refusal(str(error)) from error
    except Exception as error:
        _log.exception("a handler failed")
        raise refusal(UNEXPECTED) from error


@contextmanager
def unasked(what: str) -> Iterator[None]:
    """For what completes a page without being asked for: nobody is told why it is not there, but the log."""
    try:
        yield
    except Exception:
        _log.exception("%s failed", what)
