"""Which files an event may open: those that were sent to this page, and our own."""

from __future__ import annotations

import stat
from pathlib import Path

from gradio.utils import get_upload_folder

from diffdemo.shipped import ASSETS
from diffdemo.ui.errors import refusal

MAX_FILE_MEGABYTES = 40
"""Of one upload. The largest .difd file has 8 MB, and photographs of 100 megapixels stay below this."""
NOT_HERE = (
    "This is no file that was sent to this page, or it is gone: files are kept for a few hours. Please upload it again."
)
"""For everything that is not: who asks learns nothing about which other files there are."""
TOO_LARGE = f"The file is larger than {MAX_FILE_MEGABYTES} MB, which is the most that can be sent here."


def require_upload(path: object) -> str:
    """The place of a file that a visitor may name: a regular one below the folder of uploads, or one of ours.

    Args:
        path: as it came from outside, of any type.

    Returns:
        The path without links or dots.

    Raises:
        gr.Error: it is anything else, in the same words for whatever it is.
    """
    try:
        place = Path(str(path)).resolve(strict=True) if isinstance(path, str) else None
        found = place.stat() if place and _is_within_reach(place) else None
    except (OSError, ValueError, RuntimeError):  # Missing, a loop of links, a name with NUL.
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        raise refusal(NOT_HERE)
    if found.st_size > MAX_FILE_MEGABYTES * 1_000_000:
        raise refusal(TOO_LARGE)
    return str(place)


def read_upload(path: object) -> bytes:
    """The bytes of such a file.

    Raises:
        gr.Error: as `require_upload`.
    """
    try:
        return Path(require_upload(path)).read_bytes()
    except OSError as error:
        raise refusal(NOT_HERE) from error


def _is_within_reach(place: Path) -> bool:
    return any(place.is_relative_to(folder.resolve()) for folder in (Path(get_upload_folder()), ASSETS))
