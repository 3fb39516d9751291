"""Files that somebody names by their address on a public server, as agents do: fetched, but not without bounds."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin, urlsplit

import gradio as gr
import httpx
import safehttpx

from diffdemo.ui.errors import refusal
from diffdemo.ui.server.files import served
from diffdemo.ui.server.uploads import MAX_FILE_MEGABYTES, TOO_LARGE

MAX_REDIRECTS = 3
SECONDS = 30.0
_UNREACHABLE = "The file at this address could not be fetched. It must be public and answer at once; or upload it here."


async def fetched(address: str) -> str:
    """Fetch a file (http, https) from the public internet, never a private network, and name its place here.

    Raises:
        gr.Error: nothing answers, it is not public, or it is larger than an upload may be.
    """
    try:
        for _ in range(1 + MAX_REDIRECTS):
            found = await _answer(address)
            if isinstance(found, bytes):
                return served(found, Path(urlsplit(address).path).name[-80:] or "file")
            address = found
    except gr.Error:  # Gradio's own is a ValueError too.
        raise
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise refusal(_UNREACHABLE) from error
    raise refusal(_UNREACHABLE)


async def _answer(address: str) -> bytes | str:
    """What an address holds, or where it leads; a host is looked up once and must be public."""
    host = httpx.URL(address).host
    transport = safehttpx.AsyncSecureTransport(await safehttpx.async_validate_url(host))
    async with (
        httpx.AsyncClient(transport=transport, timeout=SECONDS) as client,
        client.stream("GET", address) as response,
    ):
        if response.has_redirect_location:
            return urljoin(address, response.headers["Location"])
        response.raise_for_status()
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_FILE_MEGABYTES * 1_000_000:
                raise refusal(TOO_LARGE)
        return bytes(body)
