"""Writing results: a file is there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffdemo.atomic import replacing
from diffdemo.cli import signals
from diffdemo.errors import DiffDemoError


def require_output(path: Path, *, source: Path) -> None:
    """Find out before the work begins whether its result can be written.

    Args:
        path: of the file to be written. One that exists will be replaced.
        source: the input, which must not be.

    Raises:
        DiffDemoError: if the folder is missing or write-protected, or `path` is anything but a writable regular file.
    """
    target = _followed(path)
    if target.is_dir():
        raise DiffDemoError(f"The output '{path}' is a folder; please name a file.")
    if path.exists() and not target.is_file():  # Also what has no name of its own, such as the pipe in /dev/stdout.
        raise DiffDemoError(f"The output '{path}' is not a regular file; to write into a pipe, take -o - in its place.")
    _require_folder(target.parent)
    if not target.exists():
        return
    if source.exists() and target.samefile(source):
        raise DiffDemoError(f"The output '{path}' is the input; please choose another name.")
    if not os.access(target, os.W_OK):
        raise DiffDemoError(f"The output '{path}' is write-protected.")


def require_empty_folder(path: Path) -> None:
    """Check that a folder is new or empty, so that its contents will all be of one run.

    Raises:
        DiffDemoError: if it is neither, or cannot be made.
    """
    target = _followed(path)
    if target.is_dir():
        _require_folder(target)
        if any(target.iterdir()):
            raise DiffDemoError(f"The folder '{path}' is not empty; please name a new one.")
    elif target.exists():
        raise DiffDemoError(f"'{path}' is not a folder.")
    else:
        _require_folder(target.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write through a temporary name in the same folder; on any failure nothing of it is left.

    A file that is replaced leaves its mode behind, and where that is permitted its owner and group; a new one has what
    the process gives to new files.

    Raises:
        OSError: naming `path`, if the disk is full or the folder has gone.
    """
    target = _followed(path)
    # Before the file has a name there is none, and a duty that fails is nobody's concern.
    with _about(path), signals.duty(lambda: partial.unlink(missing_ok=True)), replacing(target) as partial:
        before = target.stat() if target.exists() else None
        # Nobody may read meanwhile what was not for everybody.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if before is None else 0o600))
        partial.write_bytes(data)
        if before is not None:
            _restore(partial, before)


class NumberedFiles:
    """Files `stem-0001suffix`, ... that gather in a hidden folder and appear in `folder` together.

    Args:
        folder: made if it is not there.
        stem, suffix: what the names begin and end with.
    """

    def __init__(self, folder: Path, stem: str, suffix: str) -> None:
        self._folder, self._stem, self._suffix = folder, stem, suffix
        self._is_new = not folder.exists()
        self._partial = folder / f".{secrets.token_hex(6)}.partial"
        self._names: list[str] = []

    def begin(self) -> None:
        """Make the folders."""
        self._folder.mkdir(exist_ok=True)
        self._partial.mkdir()

    def add(self, data: bytes) -> None:
        """Keep the contents of the next file."""
        self._names.append(f"{self._stem}-{len(self._names) + 1:04d}{self._suffix}")
        with _about(self._folder / self._names[-1]):
            (self._partial / self._names[-1]).write_bytes(data)

    def publish(self) -> None:
        """Let them appear."""
        for name in self._names:
            (self._partial / name).replace(self._folder / name)
        self._partial.rmdir()

    def discard(self) -> None:
        """Take everything away again, also what has appeared."""
        if self._is_new:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        shutil.rmtree(self._partial, ignore_errors=True)
        for name in self._names:
            (self._folder / name).unlink(missing_ok=True)


@contextmanager
def numbered_files(folder: Path, stem: str, suffix: str) -> Iterator[NumberedFiles]:
    """Collect files that are all there when the block has published them and ends, or else none of them."""
    files = NumberedFiles(_followed(folder), stem, suffix)
    with signals.undone(files.discard):
        with _about(folder):
            files.begin()
        yield files


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Let what goes wrong be about a name that the user knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _followed(path: Path) -> Path:
    """Where links lead.

    Raises:
        DiffDemoError: in a circle, or the name is none.
    """
    try:
        target = path.resolve()
    except RuntimeError:  # Until Python 3.12; later ones stop in the middle of the circle.
        target = path
    except ValueError:
        raise DiffDemoError(f"The name '{path}' has a NUL character in it, which no file has.") from None
    if target.is_symlink():
        raise DiffDemoError(f"'{path}' cannot be written: its links lead in a circle.")
    return target


def _restore(path: Path, before: os.stat_result) -> None:
    """Give a file the owner, group and mode of another one, as far as this process may."""
    if hasattr(os, "chown"):
        for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(path, owner, group)
    path.chmod(stat.S_IMODE(before.st_mode))


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DiffDemoError(f"There is no folder '{folder}' to write to.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiffDemoError(f"The folder '{folder}' is write-protected.")
