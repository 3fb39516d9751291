"""Small JSON files in our folder: whole or not there, and worth nothing when they are damaged."""

from __future__ import annotations

import json
from typing import Any

from diffdemo.atomic import replacing
from diffdemo.hub import cache


def read(name: str) -> dict[str, Any]:
    """What was noted under a name such as "models/a.json"; {} if nothing was, or nobody can read it any more."""
    try:
        found = json.loads((cache.own_folder() / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(name: str, contents: dict[str, Any]) -> None:
    """Note something, in place of what was noted before.

    Raises:
        OSError: if the disk is full or the folder write-protected.
    """
    path = cache.own_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(json.dumps(contents, indent=1), encoding="utf-8")


def erase(name: str) -> None:
    """Forget it."""
    (cache.own_folder() / name).unlink(missing_ok=True)


def names(folder: str) -> list[str]:
    """What is noted in a folder such as "models"."""
    return sorted(f"{folder}/{path.name}" for path in (cache.own_folder() / folder).glob("[!.]*.json"))
