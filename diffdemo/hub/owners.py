"""Which model on the Hub wrote a file, told from the hashes that the Hub lists, without downloading anything."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace

from diffdemo.errors import DownloadError
from diffdemo.hub import client, notebook
from diffdemo.hub.client import Listing
from diffdemo.hub.fetch.fingerprint import PREVIEW
from diffdemo.hub.fetch.plan import fingerprint_of, plan
from diffdemo.models.spec import ModelSpec

NOTE = "fingerprints.json"
PATIENCE = 8.0
"""Seconds for all repositories together."""
AT_ONCE = 8
"""Repositories that are asked at the same time."""


def owner_of(fingerprint: bytes, specs: Iterable[ModelSpec]) -> ModelSpec | None:
    """The model whose weights have these four bytes; None if nobody knows, or the network is in the way."""
    by_name = {spec.name: spec for spec in specs}
    known = notebook.read(NOTE)
    name = known.get(fingerprint.hex())
    if name not in by_name:
        found = _ask(by_name.values())
        with suppress(OSError):  # Without a note, the Hub is asked again next time.
            notebook.write(NOTE, known | found)
        name = found.get(fingerprint.hex())
    return by_name.get(name) if isinstance(name, str) else None


def _ask(specs: Iterable[ModelSpec]) -> dict[str, str]:
    """Fingerprint to name of every model whose repositories answer in time."""
    specs = [_without_preview(spec) for spec in specs]
    until = time.monotonic() + PATIENCE
    sources = {(source.repository, source.revision) for spec in specs for source in spec.sources}
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fingerprints")
    try:
        answers = {pool.submit(client.list_repository, *source, seconds=PATIENCE): source for source in sources}
        listings = _in_time(answers, until)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return {found.hex(): spec.name for spec in specs if (found := _fingerprint(spec, listings))}


def _in_time(answers: dict[Future[Listing], tuple[str, str]], until: float) -> dict[tuple[str, str], Listing]:
    listings = {}
    with suppress(TimeoutError):
        for answer in as_completed(answers, timeout=max(0.0, until - time.monotonic())):
            if answer.exception() is None:
                listings[answers[answer]] = answer.result()
    return listings


def _fingerprint(spec: ModelSpec, listings: dict[tuple[str, str], Listing]) -> bytes | None:
    try:
        return fingerprint_of(plan(spec, {s: listings[s.repository, s.revision] for s in spec.sources}))
    except (KeyError, DownloadError):
        return None


def _without_preview(spec: ModelSpec) -> ModelSpec:
    return replace(spec, sources=tuple(source for source in spec.sources if source.folder != PREVIEW))
