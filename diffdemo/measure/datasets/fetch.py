"""A set of test pictures by its name, from where its owners hand it out; only what is right is kept.

Kodak's 24 pictures, which were released for unrestricted use, are known one by one by their pixels; the sets in
`archives.py` by the hash of the whole. Others are not fetched, such as ImageNet at 64x64, whose terms each user has to
accept: bring a folder or an array file of them.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from diffdemo.atomic import replacing
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.measure.datasets.archives import ARCHIVES, fetch_archive
from diffdemo.measure.datasets.known import KODAK
from diffdemo.measure.results.picture import sha256_of
from diffdemo.measure.results.troubles import say
from diffdemo.pictures import load_picture

ADDRESS = "https://r0k.us/graphics/kodak/kodak/kodim{number:02d}.png"
SETS = ("kodak", *ARCHIVES)
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if name in ARCHIVES:
            fetch_archive(name, folder)
            return
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
