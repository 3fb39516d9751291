"""What stands on the page before Gradio's own program has arrived in the browser: an example and what came of it.

Gradio's page is empty until half a megabyte of programs has been fetched and run. So the server writes a first sight
into the page that it sends: the pictures, words and numbers that the studio will show, in about the same places. It
goes when the studio shows them.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache, partial
from html import escape
from string import Template
from typing import Any
from urllib.parse import parse_qsl, quote

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diffdemo.engine import Engine
from diffdemo.images import to_png
from diffdemo.shipped import ASSETS
from diffdemo.ui import words as present
from diffdemo.ui.compare import sides
from diffdemo.ui.links.permalink import from_query
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.server.files import served
from diffdemo.ui.studio.pictures import shown_of, smallest_jpeg

_TEMPLATE, _EARLY = ASSETS / "poster.html", ASSETS / "early.html"
_log = logging.getLogger(__name__)
_BODY = re.compile(rb"<body[^>]*>")


class Poster:
    """Writes the first sight into the page that another application answers with; all else passes untouched."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine
        self._names = [example.name for example in engine.examples()]
        self._parts = lru_cache(maxsize=len(self._names))(partial(_parts, engine, Baselines(engine)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        poster = await run_in_threadpool(self.html, scope["query_string"].decode("latin-1"))
        await self._app(scope, receive, _with((_EARLY.read_text() + poster).encode(), send))

    def html(self, query: str) -> str:
        """The first sight for a query string; empty where a link brings its own file, or nothing is known."""
        place = from_query(dict(parse_qsl(query)), ())
        if place.file or place.kept or not self._names:
            return ""
        parts = self._parts(place.example if place.example in self._names else self._names[0])
        if parts is None:
            return ""
        words, pictures = parts
        # Written again whenever somebody comes: Gradio clears away what has lain there for hours.
        try:
            addresses = {name: "gradio_api/file=" + quote(served(png, "picture.png")) for name, png in pictures.items()}
        except (OSError, gr.Error) as error:  # The page itself needs no room on the disk.
            _log.warning("no first sight: %s", error)
            return ""
        return Template(_TEMPLATE.read_text()).substitute(words | addresses)


def _parts(engine: Engine, baselines: Baselines, name: str) -> tuple[dict[str, str], dict[str, bytes]] | None:
    """Words and pictures (PNG) for the template's places; None where nothing is known of the example."""
    result = engine.example_result(name)
    if result is None:
        return None
    pixels, codec = engine.example_pixels(name), engine.codecs()[0]
    original = to_png(pixels)
    shown = shown_of(result, codec.decoders[0], original)
    left = smallest_jpeg(engine, original, shown.num_bytes)
    baselines.know(original, result.classical)
    facts = baselines.facts(original, shown.num_bytes, result.opening.point.psnr_db)
    words = {
        "left_caption": escape(left.caption),
        "left_numbers": escape(left.numbers),
        "right_caption": escape(present.decoded_caption(shown, codec.label)),
        "right_numbers": escape(sides.numbers(shown)),
        "argument": present.argument(shown, pixels.shape[0] * pixels.shape[1], facts),
    }
    return words, {"left": left.png, "right": shown.png}


def _with(poster: bytes, send: Send) -> Send:
    """A way to send a page of HTML that has the poster at the beginning of its body."""
    begun: list[Message] = []
    chunks: list[bytes] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.append(message)
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        page = _BODY.sub(lambda found: found.group() + poster, b"".join(chunks), count=1)
        kept: list[Any] = [pair for pair in begun[0]["headers"] if pair[0].lower() != b"content-length"]
        await send({**begun[0], "headers": [*kept, (b"content-length", str(len(page)).encode())]})
        await send({"type": "http.response.body", "body": page})

    return sending
