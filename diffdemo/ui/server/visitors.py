"""Who waits: nobody may fill the queue for all, and nobody is worked for who does not listen.

Gradio's queue takes every call, whoever asks, and works through calls whose results nobody fetches. So calls of one
address that are not done are counted before another is let in, and calls of a session that has had no open stream for
a while are dropped as they would be had it closed its page.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)

MAX_WAITING = int(os.environ.get("DIFFDEMO_MAX_WAITING") or 64)
"""Calls of one address that may wait or be worked on; a class behind one address has about as many people."""
SILENT_SECONDS = 20.0
"""How long a session may have calls and listen to none."""
_ROUND_SECONDS = 2.0
BUSY = "Too many of your calls are waiting already ({count}). Please wait until some are done, or cancel them."

_API = "/gradio_api"
_JOIN, _CALL, _STREAM = f"{_API}/queue/join", f"{_API}/call/", f"{_API}/queue/data"
_CANCEL = f"{_API}/cancel"


class Visitors:
    """Lets calls into the queue of a Gradio application, and clears it of what nobody listens to.

    Args:
        max_waiting: calls of one address that may wait or be worked on.
        silent_seconds: after which the calls of a session without a stream are dropped.
    """

    def __init__(self, app: ASGIApp, max_waiting: int, silent_seconds: float) -> None:
        self._app = app
        self._max_waiting = max_waiting
        self._silent_seconds = silent_seconds
        self._streams: Counter[str] = Counter()
        self._last_heard: dict[str, float] = {}
        self._rounds: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        path = scope.get("path", "")
        is_call = scope["type"] == "http" and (path == _JOIN or path.startswith(_CALL))
        if is_call and scope["method"] == "POST":
            await self._let_in(scope, receive, send)
        elif scope["type"] == "http" and (path == _STREAM or is_call):
            await self._listen(_session_of(scope), scope, receive, send)
        elif scope["type"] == "http" and path == _CANCEL:
            await self._cancel(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue = _queue_of(scope)
        address = (scope.get("client") or ("", 0))[0]
        count = sum(_address_of(event) == address for event in (*_waiting(queue), *_running(queue)))
        if count >= self._max_waiting:
            refusal = JSONResponse({"detail": BUSY.format(count=count)}, 503, {"retry-after": "30"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._clear(queue))

    async def _cancel(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Gradio looks twice for what it ends; a call that has ended by itself in between has been cancelled too."""
        try:
            await self._app(scope, receive, send)
        except KeyError:
            await JSONResponse({"success": True})(scope, receive, send)

    async def _listen(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams[session] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams[session] -= 1
            self._last_heard[session] = time.monotonic()
            if not self._streams[session]:
                del self._streams[session]

    async def _clear(self, queue: Any) -> None:
        """Drop what nobody listens to, round by round, until nothing waits or runs."""
        while not queue.stopped and (events := [*_waiting(queue), *_running(queue)]):
            now = time.monotonic()
            silent = {
                event.session_hash
                for event in events
                if event.session_hash not in self._streams
                and now - max(event.enqueue_time, self._last_heard.get(event.session_hash, 0)) > self._silent_seconds
            }
            for session in silent:
                _log.info("calls that nobody listens to were dropped")
                await queue.clean_events(session_hash=session)
            sessions = {event.session_hash for event in events}
            self._last_heard = {name: at for name, at in self._last_heard.items() if name in sessions}
            await asyncio.sleep(_ROUND_SECONDS)


def _queue_of(scope: Scope) -> Any:
    """The queue of the Gradio application that a request is for."""
    return scope["app"].get_blocks()._queue


def _waiting(queue: Any) -> Iterator[Any]:
    for line in queue.event_queue_per_concurrency_id.values():
        yield from line.queue


def _running(queue: Any) -> Iterator[Any]:
    for events in queue.active_jobs:
        yield from (event for event in events or () if event.alive)


def _address_of(event: Any) -> str:
    client = getattr(event.request, "client", None)
    return client.host if client else ""


def _session_of(scope: Scope) -> str:
    """The session that a stream is for: named in its query, or that of the call whose results it brings."""
    if scope["path"] == _STREAM:
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
    call = scope["path"].rsplit("/", 1)[-1]
    event = _queue_of(scope).event_ids_to_events.get(call)
    return event.session_hash if event else call
