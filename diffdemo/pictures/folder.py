"""The pictures of a folder."""

from __future__ import annotations

from pathlib import Path

from diffdemo.errors import DiffDemoError, ImageError

SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".heic", ".heif", ".hif"),
}
"""Of what can be read, some of it only where the package for it is installed; in capitals as well."""


def picture_paths(folder: Path) -> list[Path]:
    """Everything in a folder that is called like a picture, by name; whether it is one shows when it is read.

    Raises:
        DiffDemoError: if this is no folder, or it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except NotADirectoryError as error:
        raise DiffDemoError(f"'{folder}' is not a folder; please name one that has pictures in it.") from error
    except OSError as error:
        raise DiffDemoError(f"Cannot read the folder '{folder}': {error.strerror or error}.") from error


def require_picture_file(path: Path) -> None:
    """Check that an entry can be opened without waiting for a writer, and is meant to be seen.

    Raises:
        ImageError: if it is hidden, or anything but a regular file.
    """
    if path.name.startswith("."):
        raise ImageError(f"'{path.name}' is a hidden file, such as macOS leaves beside pictures.")
    try:
        if path.is_dir():
            raise ImageError(f"'{path.name}' is a folder.")
        path.stat()
        if not path.is_file():
            raise ImageError(f"'{path.name}' is not a regular file.")
    except OSError as error:
        raise ImageError(f"Cannot read '{path.name}': {error.strerror or error}.") from error
