"""One file, from the Hub to its cache or from elsewhere: resumed, retried, and checked before it gets its name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from diffdemo.errors import DownloadError
from diffdemo.hub import client
from diffdemo.hub.cache import CachedFile
from diffdemo.hub.failures import KEPT, NO_ANSWER, in_words, is_beyond_the_end, is_passing
from diffdemo.hub.fetch.partial import Partial, sha256_of
from diffdemo.hub.fetch.progress import Meter

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt, as long as none of them brings a byte."""


def fetch(file: CachedFile, expected: str | None, meter: Meter) -> str:
    """Make sure that a file is in the cache, whole and right.

    Args:
        expected: its SHA-256, 64 hexadecimal digits; None if only its size is known.
        meter: told about every byte.

    Returns:
        Its SHA-256.

    Raises:
        DownloadError: it did not arrive, or is not what was expected; in that case nothing of it is kept.
        Cancelled: on the way; what has arrived is kept.
    """
    meter.begin(file.path)
    with in_words(file.repository, path=file.path, revision=file.commit):
        with client.locked(file, meter):
            found = _found(file, expected, meter) or _received(_of_hub(file, expected), meter)
        client.link(file)
    return found


def _of_hub(file: CachedFile, expected: str | None) -> Arriving:
    name, opened = f"'{file.path}' of '{file.repository}'", functools.partial(client.opened_file, file)
    return Arriving(name, file.num_bytes, expected, file.partial, file.bytes_path, opened)


def _found(file: CachedFile, expected: str | None, meter: Meter) -> str | None:
    """The hash of the file if it is here; one that is not right is taken away."""
    if (path := file.whole) is None:
        return None
    sha256 = sha256_of(path, meter.check)
    if expected not in (None, sha256):
        file.discard()
        return None
    meter.found(file.num_bytes)
    return sha256


def fetch_from(address: str, place: Path, num_bytes: int, sha256: str, meter: Meter) -> None:
    """Bring a file from anywhere to a place; what has arrived gathers beside it.

    Raises:
        DownloadError: it did not arrive, or is not what was expected; in that case nothing of it is kept.
        Cancelled: on the way; what has arrived is kept.
    """
    meter.begin(place.name)
    gathering, opened = place.with_name(f"{place.name}.incomplete"), functools.partial(client.opened, address, {})
    try:
        _received(Arriving(f"'{address}'", num_bytes, sha256, gathering, place, opened), meter)
    except NO_ANSWER as error:
        raise DownloadError(f"Cannot fetch {address}: {' '.join(str(error).split())[:200]}. {KEPT}") from error


@dataclass(frozen=True, slots=True)
class Arriving:
    """A file that is to come.

    Attributes:
        name: in messages.
        sha256: 64 hexadecimal digits; None if only its size is known.
        partial: where its bytes gather.
        place: where it belongs once it is whole and right.
        opened: begins to receive it from a byte on, as `client.opened`.
    """

    name: str
    num_bytes: int
    sha256: str | None
    partial: Path
    place: Path
    opened: Callable[[int], AbstractContextManager[tuple[int, Iterator[bytes]]]]


def _received(file: Arriving, meter: Meter) -> str:
    with Partial(file.partial, meter.check) as partial:
        meter.found(partial.num_bytes)
        attempt = 0
        while True:
            before = partial.num_bytes
            try:
                _receive(file, partial, meter)
                break
            except Exception as error:
                if before and is_beyond_the_end(error):
                    _restart(partial, meter)
                    continue
                attempt = 0 if partial.num_bytes > before else attempt
                if not is_passing(error) or attempt == len(PAUSES):
                    raise
            meter.pause(PAUSES[attempt])
            attempt += 1
        num_bytes, sha256 = partial.num_bytes, partial.sha256
    if num_bytes != file.num_bytes or file.sha256 not in (None, sha256):
        file.partial.unlink()
        raise _wrong(file, num_bytes, sha256)
    file.partial.replace(file.place)
    return sha256


def _receive(file: Arriving, partial: Partial, meter: Meter) -> None:
    """One attempt to get what is missing."""
    if partial.num_bytes > file.num_bytes:
        _restart(partial, meter)
    if partial.num_bytes == file.num_bytes:
        return
    with file.opened(partial.num_bytes) as (start, pieces):
        if start != partial.num_bytes:
            _restart(partial, meter)
        for piece in pieces:
            meter.check()
            partial.append(piece)
            meter.received(len(piece))
            if partial.num_bytes > file.num_bytes:
                return


def _restart(partial: Partial, meter: Meter) -> None:
    meter.found(-partial.num_bytes)
    partial.restart()


def _wrong(file: Arriving, num_bytes: int, sha256: str) -> DownloadError:
    found, wanted = f"{num_bytes:,} bytes", f"{file.num_bytes:,}"
    if num_bytes == file.num_bytes:
        found, wanted = f"SHA-256 {sha256}", f"{file.sha256}"
    return DownloadError(
        f"{file.name} is not the file that was expected: {found} instead of {wanted}. "
        "It was deleted. Please try again; if that does not help, the file was changed on the way or at its source."
    )
