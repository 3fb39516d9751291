"""Models whose files lie in the cache of the Hub before diffdemo has looked at them, as a Space preloads them.

Names are all that is compared here; whether the bytes are right is found out when such a model is adopted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from diffdemo.hub import cache, cdc_files
from diffdemo.hub.client import RemoteFile
from diffdemo.models.spec import HubFile, HubSource, ModelSpec


def lying_here(specs: Iterable[ModelSpec]) -> list[str]:
    """Names of the models of which the cache has every file that they need. Quick, and asks nobody."""
    return [spec.name for spec in specs if all(_has_all(source) for source in spec.sources)]


def checkpoints(source: HubSource) -> tuple[ModelSpec, ...]:
    """The released checkpoints of CDC in the cache, which has no list of those that there are."""
    found = [
        RemoteFile(path.relative_to(snapshot).as_posix(), path.stat().st_size, "", None)
        for snapshot in cache.snapshots(source.repository)
        for path in snapshot.rglob("*.pt")
    ]
    return cdc_files.specs_of(found, source)


def _has_all(source: HubSource) -> bool:
    """Whether the files lie there at one commit."""
    return any(all(_has(snapshot, file) for file in source.files) for snapshot in cache.snapshots(source.repository))


def _has(snapshot: Path, file: HubFile) -> bool:
    return file.is_optional or any((snapshot / name).is_file() for name in file.names)
