"""Which files of which repositories make up a model."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.errors import DownloadError
from diffdemo.hub.cache import CachedFile
from diffdemo.hub.client import Listing
from diffdemo.hub.fetch.fingerprint import counts, fingerprint
from diffdemo.models.spec import HubFile, HubSource, ModelSpec


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that a model needs.

    Attributes:
        key: what those who load the model call it.
        sha256: that it must have; None if nobody knows.
        is_weights: whether decoding depends on it.
    """

    key: str
    place: CachedFile
    sha256: str | None
    is_weights: bool


def plan(spec: ModelSpec, listings: dict[HubSource, Listing]) -> list[PlannedFile]:
    """Choose the files of a model.

    Raises:
        DownloadError: if one is missing there, or is known to be another now.
    """
    chosen = []
    for source in spec.sources:
        for file in source.files:
            path = _first_of(file, source, listings[source])
            if path is not None:
                chosen.append(_planned(file, path, source, listings[source]))
    return chosen


def fingerprint_of(files: list[PlannedFile]) -> bytes | None:
    """The name of the weights without having them; None if the Hub does not tell the hashes of all of them."""
    hashes = [file.sha256 for file in files if file.is_weights]
    return fingerprint(h for h in hashes if h) if all(hashes) else None


def _first_of(file: HubFile, source: HubSource, listing: Listing) -> str | None:
    for name in file.names:
        if name in listing.files:
            return name
    if file.is_optional:
        return None
    raise DownloadError(
        f"'{source.repository}' has no file {' or '.join(repr(name) for name in file.names)} any more. "
        f"Please look at {source.page} for what became of it."
    )


def _planned(file: HubFile, path: str, source: HubSource, listing: Listing) -> PlannedFile:
    known = file.sha256.lower() if file.sha256 and path == file.names[0] else None
    told = listing.files[path].sha256
    if known and told and known != told:
        raise DownloadError(
            f"'{path}' of '{source.repository}' is not the file that diffdemo was tested with: "
            f"its SHA-256 is {told}, not {known}. Please update diffdemo, or look at {source.page} for what changed."
        )
    name = path.replace(".fp16.", ".")
    return PlannedFile(
        key=f"{source.folder}/{name}" if source.folder else name,
        place=listing.cached(path),
        sha256=known or told,
        is_weights=counts(path, source.folder),
    )
