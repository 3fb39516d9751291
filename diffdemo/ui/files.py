"""Files that Gradio serves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder


def served(data: bytes, name: str) -> str:
    """Write bytes where Gradio serves files from, under the path that its own cache would choose, and name the path.

    So Gradio has nothing left to copy, and equal bytes are written once.
    """
    folder = Path(get_upload_folder()) / hash_bytes(data)
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
            partial.write(data)
        os.replace(partial.name, path)
    return str(path.resolve())
