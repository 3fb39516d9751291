"""A set of test pictures by its name, from where its owners hand it out; only what has the right pixels is kept.

Kodak's 24 pictures were released for unrestricted use. Sets that are not known by their pixels are not fetched: bring a
folder of them.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from diffdemo.atomic import replacing
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.measure.datasets.known import KODAK
from diffdemo.measure.results.picture import sha256_of
from diffdemo.measure.results.troubles import say
from diffdemo.pictures import load_picture

ADDRESS = "https://r0k.us/graphics/kodak/kodak/kodim{number:02d}.png"
SETS = ("kodak",)
MOST_BYTES = 2_000_000
"""Of a file; the largest of Kodak's has 0.82 million."""
PATIENCE_S = 60


def fetch(name: str, folder: Path) -> None:
    """Put those pictures of a set into a folder that are not there.

    Args:
        name: one of `SETS`.
        folder: is made if it does not exist. Of a picture that is there under the name that it has in the set, with
            whatever pixels, nothing is fetched.

    Raises:
        DiffDemoError: a picture cannot be fetched or written, or is not what it should be. Those before it stay.
    """
    assert name in SETS, name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, digest in enumerate(KODAK, start=1):
            path = folder / f"kodim{number:02d}.png"
            if not path.exists():
                _fetch_one(ADDRESS.format(number=number), path, digest)
                say(path.name, start="")
    except OSError as error:
        raise DiffDemoError(f"Cannot write into '{folder}': {error.strerror or error}.") from error


def _fetch_one(address: str, path: Path, digest: str) -> None:
    """One picture, there whole and right or not at all."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            data = answer.read(MOST_BYTES + 1)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise DiffDemoError(
            f"Cannot fetch {address}: {reason}. Please bring the pictures yourself, in a folder, and leave out --fetch."
        ) from error
    with replacing(path) as partial:
        partial.write_bytes(data)
        try:
            found = sha256_of(load_picture(partial).pixels)
        except ImageError:
            found = ""
        if found != digest:
            raise DiffDemoError(f"{address} is not the picture that it should be; nothing was kept of it.")
