"""One file from the Hub to the cache: resumed, retried, and checked before it gets its name."""

from __future__ import annotations

from diffdemo.errors import DownloadError
from diffdemo.hub import client
from diffdemo.hub.cache import CachedFile
from diffdemo.hub.failures import in_words, is_beyond_the_end, is_passing
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
            found = _found(file, expected, meter) or _received(file, expected, meter)
        client.link(file)
    return found


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


def _received(file: CachedFile, expected: str | None, meter: Meter) -> str:
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
    if num_bytes != file.num_bytes or expected not in (None, sha256):
        file.partial.unlink()
        raise _wrong(file, num_bytes, expected, sha256)
    file.partial.replace(file.bytes_path)
    return sha256


def _receive(file: CachedFile, partial: Partial, meter: Meter) -> None:
    """One attempt to get what is missing."""
    if partial.num_bytes > file.num_bytes:
        _restart(partial, meter)
    if partial.num_bytes == file.num_bytes:
        return
    with client.opened(file, partial.num_bytes) as (start, pieces):
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


def _wrong(file: CachedFile, num_bytes: int, expected: str | None, sha256: str) -> DownloadError:
    found, wanted = f"{num_bytes:,} bytes", f"{file.num_bytes:,}"
    if num_bytes == file.num_bytes:
        found, wanted = f"SHA-256 {sha256}", f"{expected}"
    return DownloadError(
        f"'{file.path}' of '{file.repository}' is not the file that was expected: {found} instead of {wanted}. "
        "It was deleted. Please try again; if that does not help, the file was changed on the way or on the Hub."
    )
