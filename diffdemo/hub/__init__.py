"""Models from the Hugging Face Hub."""

from __future__ import annotations

import os

from diffdemo.errors import DownloadError
from diffdemo.hub import settings

try:
    # It reads the environment when it is imported, and what it says about that may quote a password.
    from huggingface_hub.utils import get_session  # noqa: F401
except ValueError:
    words = settings.fault(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    raise DownloadError(words or "huggingface_hub cannot be imported. Please check the variables HF_...") from None
