"""What can go wrong on the way from the Hub, in the words of the person who waits for it."""

from __future__ import annotations

import errno
import importlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from diffdemo.errors import DiffDemoError, DownloadError
from diffdemo.hub import cache, settings

# Version 1 of huggingface_hub speaks through httpx, version 2 through httpx2; what they raise has the same names.
_HTTP: Any = importlib.import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])
settings.keep_logins_out_of_logs(_HTTP.__name__, "huggingface_hub.utils._http", "huggingface_hub.file_download")

PASSING = (408, 429, 500, 502, 503, 504)
"""Answers after which it is worth trying again."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

NO_ANSWER = (OSError, ValueError, _HTTP.HTTPError, _HTTP.InvalidURL)
"""What is raised where a file does not come, from the Hub or from elsewhere."""
KEPT = "What has arrived is kept; the same download goes on from there."


@contextmanager
def in_words(repository: str, *, path: str = "", revision: str = "") -> Iterator[None]:
    """Turn whatever a request for a repository raises into a message.

    Args:
        repository: "owner/name".

    Raises:
        DownloadError: in place of every other failure.
    """
    try:
        yield
    except DiffDemoError:
        raise
    # A page of a hotel's network is an answer as well, and breaks whoever reads it as the Hub's.
    except (*NO_ANSWER, TypeError, KeyError, ImportError) as error:
        words = _words(_cause(error), repository, path, revision)
        raise DownloadError(settings.without_logins(words)) from error


def hub_address() -> str:
    """Where the Hub is, as messages may say it."""
    return settings.shown(constants.ENDPOINT)


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in PASSING
    return isinstance(error, _HTTP.TransportError) and not isinstance(error, _HTTP.UnsupportedProtocol)


def is_beyond_the_end(error: Exception) -> bool:
    """Whether the server has less of a file than lies here, so that none of that can be right."""
    return isinstance(error, HfHubHTTPError) and error.response.status_code == 416


def disk_full(needed: int | None = None) -> DownloadError:
    """The message for a disk without room; `needed` bytes are missing in the cache, if that is known."""
    free = cache.free_bytes(cache.folder()) / 1e6
    wanted = "" if needed is None else f"{needed / 1e6:,.0f} MB are needed, "
    return DownloadError(
        f"There is no room on the disk with {cache.folder()}: {wanted}{free:,.0f} MB are free. "
        f"Please make some, for example with `diffdemo remove NAME`, or set HF_HOME to a folder on another disk. {KEPT}"
    )


def _cause(error: Exception) -> Exception:
    """What `huggingface_hub` had found before it looked into the cache for a way out."""
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return error.__cause__
    return error


def _words(error: Exception, repository: str, path: str, revision: str) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"'{repository}' cannot be fetched, because HF_HUB_OFFLINE keeps this computer off the Hub. "
            "Please unset it, or choose a model that is here."
        )
    if isinstance(error, HfHubHTTPError):
        return _refused(error, repository, path, revision)
    is_of_the_disk = isinstance(error, OSError) and not isinstance(error, FileMetadataError) and bool(error.filename)
    if not is_of_the_disk and (fault := settings.fault(constants.ENDPOINT)):
        return fault
    if isinstance(error, _HTTP.HTTPError | _HTTP.InvalidURL):
        return _unreached(error, repository)
    if isinstance(error, OSError) and not isinstance(error, FileMetadataError):
        return _disk(error)
    if isinstance(error, ImportError):
        return f"A package is missing that the way to the Hub needs: {error}"
    return (
        f"What answered at {hub_address()} for '{repository}' is not the Hub. "
        "Please check HF_ENDPOINT, and whether the network asks for a login first."
    )


def _refused(error: HfHubHTTPError, repository: str, path: str, revision: str) -> str:
    """An answer that is a no."""
    status = error.response.status_code
    page = f"https://huggingface.co/{repository}"
    if "invalid" in error.response.headers.get("X-Error-Message", "").lower() and status == 401:
        return (
            "The Hub does not know the access token that was sent. Please set HF_TOKEN to a valid one or unset it, "
            "or log in anew with `hf auth login`."
        )
    if isinstance(error, GatedRepoError):
        return (
            f"'{repository}' is gated. Please open {page}, accept its licence there, and then log in with "
            "`hf auth login`, or set HF_TOKEN to a token of that account."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"'{repository}' has no revision '{revision}' any more. Please look at {page} for what became of it."
    if isinstance(error, EntryNotFoundError):
        return f"'{repository}' has no file '{path}' any more. Please look at {page} for what became of it."
    if isinstance(error, RepositoryNotFoundError | DisabledRepoError) or status in (401, 404):
        return (
            f"There is no public repository '{repository}' on the Hub: it was withdrawn or renamed, or is private. "
            f"Please look at {page}; a private one needs HF_TOKEN or `hf auth login`."
        )
    if status == 403:
        return f"The Hub does not allow this account to read '{repository}'. Please look at {page}."
    if status == 429:
        return f"The Hub asks for a pause: too many requests. Please try again in some minutes. {KEPT}"
    if status in PASSING:
        return f"The Hub is in trouble (it answered {status} for '{repository}'). Please try again later. {KEPT}"
    return f"The Hub answered {status} for '{repository}', which is unusual. Please look at {page}."


def _unreached(error: Exception, repository: str) -> str:
    """No answer, or half of one."""
    if isinstance(error, _HTTP.TimeoutException):
        return f"The Hub did not answer in time for '{repository}'. Please check the network and try again. {KEPT}"
    if isinstance(error, _HTTP.ConnectError):
        return (
            f"The Hub at {hub_address()} cannot be reached for '{repository}'. Please check the network "
            "(and HF_ENDPOINT, if it is set), or choose a model that is here."
        )
    return f"The connection broke off again and again. Please check the network. {KEPT}"


def _disk(error: OSError) -> str:
    if error.errno in DISK_FULL:
        return str(disk_full())
    if isinstance(error, ssl.SSLError):
        return "The certificates of this computer cannot be read. Please check SSL_CERT_FILE and SSL_CERT_DIR."
    if error.filename:
        return (
            f"'{error.filename}' cannot be written: {error.strerror}. "
            "Please check the rights on that folder, or set HF_HOME to another one."
        )
    return f"The download failed: {error}. Please try again."
