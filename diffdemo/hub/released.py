"""The released checkpoints of CDC that exist, as the Hub listed them last, or else as far as they are known."""

from __future__ import annotations

from diffdemo.hub import cdc_files, client, notebook
from diffdemo.hub.client import RemoteFile
from diffdemo.hub.failures import in_words
from diffdemo.models.registry import KNOWN_CDC, RELEASED_CDC
from diffdemo.models.spec import HubSource, ModelSpec

NOTE = "released-cdc.json"


def remembered(source: HubSource) -> tuple[ModelSpec, ...] | None:
    """The models of the last listing; None if there was no listing, or nobody can read it any more."""
    note = notebook.read(NOTE)
    if note.get("repository") != source.repository:
        return None
    try:
        files = [RemoteFile(str(path), int(num_bytes), "", None) for path, num_bytes in note["files"].items()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return cdc_files.specs_of(files, source)


def known(source: HubSource) -> tuple[ModelSpec, ...]:
    """The models that are known without any listing, their sizes estimated; only those of the authors' repository."""
    if source.repository != RELEASED_CDC.repository:
        return ()
    return cdc_files.specs_of((RemoteFile(path, size, "", None) for path, size in KNOWN_CDC.items()), source)


def refresh(source: HubSource) -> tuple[ModelSpec, ...]:
    """List the repository anew, and remember it.

    Raises:
        DownloadError: if the Hub does not answer.
    """
    listing = client.list_repository(source.repository, source.revision)
    files = {path: file.num_bytes for path, file in listing.files.items()}
    with in_words(source.repository):
        notebook.write(NOTE, {"repository": source.repository, "commit": listing.commit, "files": files})
    return cdc_files.specs_of(listing.files.values(), source)
