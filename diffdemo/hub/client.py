"""The Hub: what a repository holds, and the bytes of a file.

All requests go through the session and the headers of `huggingface_hub`, so that `HF_ENDPOINT`, `HF_TOKEN` and
`HF_HUB_OFFLINE` mean here what they mean everywhere. Only the transfer itself is ours: since version 1.18,
`hf_hub_download` throws away what has arrived of a file when it is interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, hf_hub_url
from huggingface_hub.utils import WeakFileLock, build_hf_headers, get_session, hf_raise_for_status

from diffdemo.errors import DownloadError
from diffdemo.hub.cache import CachedFile
from diffdemo.hub.failures import hub_address, in_words
from diffdemo.hub.fetch.progress import Meter

ANSWER_SECONDS = 10.0
"""How long the Hub may take to begin an answer about a repository."""
LOCK_SECONDS = 0.5
"""How often somebody who waits for another program's download looks whether it is still wanted."""

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a repository.

    Attributes:
        blob: what its bytes are called: SHA-256 of a large file, Git's name for a small one.
        sha256: of a large file, 64 hexadecimal digits; None for a small one.
    """

    path: str
    num_bytes: int
    blob: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository, "owner/name", holds at the commit that it was looked up at; files by path."""

    repository: str
    commit: str
    files: dict[str, RemoteFile]

    def cached(self, path: str) -> CachedFile:
        """Where one of the files belongs on this computer."""
        file = self.files[path]
        return CachedFile(self.repository, self.commit, path, file.blob, file.num_bytes)


def list_repository(repository: str, revision: str, *, seconds: float = ANSWER_SECONDS) -> Listing:
    """Ask what a repository holds; one request.

    Raises:
        DownloadError: offline, not found, or not the Hub that answers.
    """
    with in_words(repository, revision=revision):
        found = HfApi().model_info(repository, revision=revision, timeout=seconds, files_metadata=True)
    files = {}
    for sibling in found.siblings or []:
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        blob = sha256 or sibling.blob_id or ""
        if sibling.size is not None and _HASH.fullmatch(blob) and _stays_inside(sibling.rfilename):
            files[sibling.rfilename] = RemoteFile(sibling.rfilename, sibling.size, blob, sha256)
    if not _HASH.fullmatch(found.sha or "") or (found.siblings and not files):
        raise DownloadError(
            f"The server at {hub_address()} lists '{repository}' without sizes and hashes, as the Hub would not. "
            "Please check HF_ENDPOINT."
        )
    return Listing(repository, str(found.sha), files)


def _stays_inside(path: str) -> bool:
    """Whether a path leads nowhere but into the folder of its repository."""
    parts = path.split("/")
    return "\\" not in path and not any(part in ("", ".", "..") for part in parts)


def opened_file(file: CachedFile, start: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
    """Begin to receive a file of the Hub, see `opened`."""
    return opened(hf_hub_url(file.repository, file.path, revision=file.commit), build_hf_headers(), start)


@contextmanager
def opened(url: str, headers: Mapping[str, str], start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Begin to receive a file.

    Args:
        headers: of the request; those of the Hub hold the access token, which nobody else may get.

    Yields:
        Where the server begins, which is 0 or `start`, and the pieces from there on.

    Raises:
        Exception: of `huggingface_hub` and its HTTP client, as `failures` tells them apart.
    """
    # Compressed on the way, a part of a file could not be asked for.
    headers = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        hf_raise_for_status(response)
        is_part = response.status_code == 206
        yield start if is_part else 0, response.iter_bytes()


def link(file: CachedFile) -> Path:
    """Give a file whose bytes are in the cache its name there.

    Raises:
        DownloadError: if the Hub does not confirm it, or the disk is full.
    """
    with in_words(file.repository, path=file.path):
        return Path(hf_hub_download(file.repository, file.path, revision=file.commit))


@contextmanager
def locked(file: CachedFile, meter: Meter) -> Iterator[None]:
    """Keep other threads and programs from fetching the same file meanwhile, or wait until they have.

    Raises:
        Cancelled: if it is not wanted any more while waiting.
    """
    file.lock.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(WeakFileLock(file.lock, timeout=LOCK_SECONDS))
                break
            except TimeoutError:
                meter.check()
        yield
