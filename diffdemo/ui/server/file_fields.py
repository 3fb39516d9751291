"""Fields for files that hand on the place of an upload and nothing else.

Gradio's own leave an empty file in the folder of uploads at every use, which nobody clears away.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


class FileInput(gr.File):
    """A field for one file or several."""

    is_template = True  # In the browser it is the field that it derives from.

    def _process_single_file(self, f: Any) -> Any:
        return f.path


class UploadInput(gr.UploadButton):
    """A button that takes a file."""

    is_template = True

    def _process_single_file(self, f: Any) -> Any:
        return f.path
