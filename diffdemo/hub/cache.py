"""Where files of the Hub lie on this computer: in the cache of Hugging Face, which other programs share.

The cache keeps the bytes of a file once, in `blobs` under their hash, and links to them from `snapshots` under the
commit and path that they have in their repository. The environment decides where (`HF_HOME`, `HF_HUB_CACHE`).
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name


def folder() -> Path:
    """The cache of Hugging Face."""
    return Path(constants.HF_HUB_CACHE)


def own_folder() -> Path:
    """What only diffdemo can read: which models are here, what repositories hold, converted weights."""
    return Path(constants.HF_HOME) / "diffdemo"


def free_bytes(place: Path) -> int:
    """What is left on the disk that a folder is on, or will be on once it is made."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def snapshots(repository: str) -> list[Path]:
    """Folders with what is here of a repository, "owner/name", by its own names; one for each commit."""
    return sorted((_repository_folder(repository) / "snapshots").glob("*"))


def _repository_folder(repository: str) -> Path:
    return folder() / repo_folder_name(repo_id=repository, repo_type="model")


@dataclass(frozen=True, slots=True)
class CachedFile:
    """The place of one file in the cache, whether it is there or not.

    Attributes:
        repository: "owner/name".
        blob: name of its bytes: SHA-256 of a large file, what Git calls it for a small one.
    """

    repository: str
    commit: str
    path: str
    blob: str
    num_bytes: int

    @property
    def _root(self) -> Path:
        return _repository_folder(self.repository)

    @property
    def link(self) -> Path:
        """Where the file is found by its name."""
        return self._root / "snapshots" / self.commit / self.path

    @property
    def bytes_path(self) -> Path:
        """Where its bytes lie, once they are all there."""
        return self._root / "blobs" / self.blob

    @property
    def partial(self) -> Path:
        """Where its bytes gather; under a name of ours, since other programs leave parts that have holes."""
        return self._root / "blobs" / f"{self.blob}.diffdemo.incomplete"

    @property
    def lock(self) -> Path:
        """What a program locks that fetches it; all that know the cache agree on this name."""
        return folder() / ".locks" / self._root.name / f"{self.blob}.lock"

    @property
    def whole(self) -> Path | None:
        """The file, if all of it is here, under its name or only as bytes."""
        return next((path for path in (self.link, self.bytes_path) if size_of(path) == self.num_bytes), None)

    @property
    def bytes_here(self) -> int:
        """How much of it is here."""
        return self.num_bytes if self.whole else size_of(self.partial) or 0

    def discard(self) -> int:
        """Take the file out of the cache, or what there is of it; bytes that go by another name as well stay.

        Returns:
            Bytes that were freed.
        """
        freed = _unlink(self.partial) + _unlink(self.link)
        if not self._has_other_names():
            freed += _unlink(self.bytes_path)
        _remove_empty(self.link.parent, self._root)
        _remove_empty(self.bytes_path.parent, self._root)
        if self._root.exists() and not any((self._root / part).exists() for part in ("snapshots", "blobs")):
            shutil.rmtree(self._root)  # What is left are notes on branches.
        return freed

    def _has_other_names(self) -> bool:
        links = (path for path in (self._root / "snapshots").rglob("*") if path.is_symlink())
        return any(Path(os.path.realpath(link)) == Path(os.path.realpath(self.bytes_path)) for link in links)


def size_of(path: Path) -> int | None:
    """Bytes of a file; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _unlink(path: Path) -> int:
    """Remove a file or a link if it is there; the bytes that this frees."""
    try:
        found = path.lstat()
        path.unlink()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _remove_empty(place: Path, root: Path) -> None:
    """Remove folders without contents from `place` upwards, but never `root`."""
    while place != root and place.is_dir() and not any(place.iterdir()):
        place.rmdir()
        place = place.parent
