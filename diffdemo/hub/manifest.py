"""What is noted about a model on this computer, so that nobody has to ask the Hub or hash gigabytes again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffdemo.hub import cache, notebook
from diffdemo.hub.cache import CachedFile, size_of
from diffdemo.hub.records import Installed

FOLDER = "models"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Converted:
    """A file that was made out of a downloaded one.

    Attributes:
        key: what those who load the model call it.
        file: its name in `converted/` in our folder.
    """

    key: str
    file: str
    num_bytes: int

    @property
    def path(self) -> Path:
        """Where it lies."""
        return cache.own_folder() / "converted" / self.file


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model that is here, or on its way.

    Attributes:
        files: from the Hub, by key.
        converted: what is loaded in their place; None if they are loaded themselves.
        fingerprint: four bytes; b"" as long as the model is on its way.
    """

    name: str
    files: dict[str, CachedFile]
    converted: Converted | None = None
    fingerprint: bytes = b""

    def save(self) -> None:
        """Note it, in place of what was noted about the model before.

        Raises:
            OSError: if that cannot be written.
        """
        notebook.write(
            _note(self.name),
            {
                "version": VERSION,
                "name": self.name,
                "fingerprint": self.fingerprint.hex(),
                "files": {key: asdict(file) for key, file in self.files.items()},
                "converted": asdict(self.converted) if self.converted else None,
            },
        )

    def erase(self) -> None:
        """Forget the model; its files stay."""
        notebook.erase(_note(self.name))

    def installed(self) -> Installed | None:
        """The model for those who load it, if it is complete and all of it is still there."""
        sizes = {file.link: file.num_bytes for file in self.files.values()}
        paths = {key: file.link for key, file in self.files.items()}
        if self.converted:
            sizes = {self.converted.path: self.converted.num_bytes}
            paths = {self.converted.key: self.converted.path}
        if not self.fingerprint or any(size_of(path) != size for path, size in sizes.items()):
            return None
        return Installed(self.name, paths, self.fingerprint, sum(sizes.values()))


def load(name: str) -> Manifest | None:
    """What is noted about a model; None if nothing is, or it cannot be read."""
    return _parsed(notebook.read(_note(name)))


def load_all() -> list[Manifest]:
    """All models that are here or on their way."""
    return [m for note in notebook.names(FOLDER) if (m := _parsed(notebook.read(note)))]


def _note(name: str) -> str:
    return f"{FOLDER}/{name}.json"


def _parsed(note: dict[str, Any]) -> Manifest | None:
    try:
        if note["version"] != VERSION:
            return None
        return Manifest(
            name=str(note["name"]),
            files={str(key): _file(file) for key, file in note["files"].items()},
            converted=_converted(note["converted"]) if note["converted"] else None,
            fingerprint=bytes.fromhex(note["fingerprint"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _file(note: dict[str, Any]) -> CachedFile:
    repository, commit, path, blob = (str(note[field]) for field in ("repository", "commit", "path", "blob"))
    return CachedFile(repository, commit, path, blob, int(note["num_bytes"]))


def _converted(note: dict[str, Any]) -> Converted:
    return Converted(str(note["key"]), str(note["file"]), int(note["num_bytes"]))
