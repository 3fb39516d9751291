"""Writing results: a file is there whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from diffdemo.errors import DiffDemoError


def require_output(path: Path, *, source: Path) -> None:
    """Find out before the work begins whether its result can be written.

    Args:
        path: of the file to be written. One that exists will be replaced.
        source: the input, which must not be.

    Raises:
        DiffDemoError: if the folder is missing or write-protected, or `path` is anything but a writable regular file.
    """
    if path.is_dir():
        raise DiffDemoError(f"The output '{path}' is a folder; please name a file.")
    _require_folder(path.parent)
    if not path.exists():
        return
    if not path.is_file():
        raise DiffDemoError(f"The output '{path}' is not a regular file.")
    if source.exists() and path.samefile(source):
        raise DiffDemoError(f"The output '{path}' is the input; please choose another name.")
    if not os.access(path, os.W_OK):
        raise DiffDemoError(f"The output '{path}' is write-protected.")


def require_empty_folder(path: Path) -> None:
    """Check that a folder is new or empty, so that its contents will all be of one run.

    Raises:
        DiffDemoError: if it is neither, or cannot be made.
    """
    if path.is_dir():
        _require_folder(path)
        if any(path.iterdir()):
            raise DiffDemoError(f"The folder '{path}' is not empty; please name a new one.")
    elif path.exists():
        raise DiffDemoError(f"'{path}' is not a folder.")
    else:
        _require_folder(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write through a temporary name in the same folder; on any failure nothing of it is left.

    Raises:
        OSError: if the disk is full or the folder has gone.
    """
    target = path.resolve()
    partial = target.with_name(_partial_name())
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def numbered_files(folder: Path, stem: str, suffix: str) -> Iterator[Callable[[bytes], None]]:
    """Collect files `stem-0001suffix`, ... that appear in `folder` together when the block ends without an error.

    Args:
        folder: made if it is not there; taken away again if the block fails.
        stem, suffix: what the names begin and end with.

    Yields:
        A function that takes the contents of the next file.
    """
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    partial = folder / _partial_name()
    partial.mkdir()
    count = 0

    def add(data: bytes) -> None:
        nonlocal count
        count += 1
        (partial / f"{stem}-{count:04d}{suffix}").write_bytes(data)

    try:
        yield add
        for file in sorted(partial.iterdir()):
            file.replace(folder / file.name)
    except BaseException:
        shutil.rmtree(folder if is_new else partial)
        raise
    partial.rmdir()


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DiffDemoError(f"There is no folder '{folder}' to write to.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiffDemoError(f"The folder '{folder}' is write-protected.")


def _partial_name() -> str:
    return f".{secrets.token_hex(6)}.partial"
