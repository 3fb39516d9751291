"""Files that Gradio serves."""

from __future__ import annotations

import errno
from pathlib import Path

from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder

from diffdemo.atomic import replacing
from diffdemo.ui.errors import refusal

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_ROOM = "The disk of this server is full. Nothing of yours is lost; please try again in a while."


def served(data: bytes, name: str) -> str:
    """Write bytes where Gradio serves files from, under the path that its own cache would choose, and name the path.

    So Gradio has nothing left to copy, and equal bytes are written once. Where they cannot be written nothing is left.

    Raises:
        gr.Error: the disk is full.
    """
    path = Path(get_upload_folder()) / hash_bytes(data) / name
    try:
        if not path.exists():
            _write(data, path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise refusal(NO_ROOM) from error
    return str(path.resolve())


def _write(data: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(path) as partial:
            partial.write_bytes(data)
    except BaseException:
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        raise
