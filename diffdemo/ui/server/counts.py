"""What the engine has done, for programs that watch servers: `/metrics`, where `DIFFDEMO_METRICS` says so."""

from __future__ import annotations

import os

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from diffdemo.engine import Engine

PATH = "/metrics"
IS_ON = bool(os.environ.get("DIFFDEMO_METRICS"))
"""Off by default: how busy a page is concerns whoever runs it."""
_MEDIA_TYPE = "text/plain; version=0.0.4"


class Metrics:
    """Answers one address with counts, and passes everything else on."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == PATH:
            answer = PlainTextResponse(self._engine.counts().exposed(), media_type=_MEDIA_TYPE)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)
