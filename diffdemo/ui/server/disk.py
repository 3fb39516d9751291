"""Room on the disk: uploads that never became whole are cleared away, and a full disk is told in words."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diffdemo.ui.server.files import FULL, NO_ROOM

_log = logging.getLogger(__name__)

STRAY_SECONDS = 600.0
"""Older than this, what lies loose among the uploads belongs to nobody: whole ones have a folder of their own."""
SWEEP_SECONDS = 60.0
_UPLOAD = "/gradio_api/upload"


class Uploads:
    """Passes uploads on to a Gradio application; clears away what broken ones have left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._swept = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["path"] != _UPLOAD:
            await self._app(scope, receive, send)
            return
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            await run_in_threadpool(sweep)
        has_answered = False

        async def sending(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except OSError as error:
            if error.errno not in FULL or has_answered:
                raise
            _log.warning("an upload found no room: %s", error)
            await run_in_threadpool(sweep, SWEEP_SECONDS)
            await JSONResponse({"detail": NO_ROOM}, 507)(scope, receive, send)


def sweep(age: float = STRAY_SECONDS) -> int:
    """Delete files that lie loose among the uploads, as broken ones leave them; none younger than `age` seconds.

    Returns:
        How many there were.
    """
    count = 0
    folder = Path(get_upload_folder())
    for entry in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if entry.is_file() and time.time() - entry.stat().st_mtime >= age:
                entry.unlink()
                count += 1
    return count
