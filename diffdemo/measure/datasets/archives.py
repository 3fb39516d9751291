"""Sets of test pictures that are handed out as one archive: where, under which licence, and how it is unpacked.

Sizes and SHA-256 are those that TensorFlow Datasets has on record for the same addresses.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from diffdemo.atomic import replacing
from diffdemo.errors import DiffDemoError
from diffdemo.hub.fetch.progress import Meter
from diffdemo.hub.fetch.sharing import SharedDownload
from diffdemo.hub.fetch.transfer import fetch_from
from diffdemo.images import to_png
from diffdemo.measure.results.troubles import say
from diffdemo.measure.writing import write_text
from diffdemo.plain_text import duration, size

CIFAR_SIDE = 32
CIFAR_TEST = "cifar-10-batches-bin/test_batch.bin"


def zipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every PNG file."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            path = PurePosixPath(member.filename)
            if path.suffix.lower() == ".png" and "__MACOSX" not in path.parts:
                yield path.name, opened.read(member)


def cifar_test(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The test pictures of the binary version: of each a label, then 1024 bytes of red, green and blue."""
    with tarfile.open(archive) as opened, opened.extractfile(CIFAR_TEST) or io.BytesIO() as file:
        rows = np.frombuffer(file.read(), np.uint8).reshape(-1, 1 + 3 * CIFAR_SIDE**2)[:, 1:]
    pictures = rows.reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE).transpose(0, 2, 3, 1)
    for number, pixels in enumerate(pictures):
        yield f"cifar10-test-{number:05d}.png", to_png(np.ascontiguousarray(pixels))


@dataclass(frozen=True, slots=True)
class Archive:
    """One set.

    Attributes:
        num_bytes, sha256: of the archive.
        licence: of the pictures, in words.
        count: of pictures.
        pictures: names and PNG files of what is in the archive at a path.
    """

    address: str
    num_bytes: int
    sha256: str
    licence: str
    count: int
    pictures: Callable[[Path], Iterator[tuple[str, bytes]]]


ARCHIVES = {
    "clic": Archive(
        "https://data.vision.ee.ethz.ch/cvl/clic/professional_valid_2020.zip",
        134_834_429,
        "00be38092ade2ab5163b65f7f6523d46c7bca147007f559adbb02c0afc236b7d",
        "Unsplash licence, free to use, as its organisers say",
        41,
        zipped,
    ),
    "div2k": Archive(
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
        448_993_893,
        "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
        "for academic research only; the pictures belong to their owners",
        100,
        zipped,
    ),
    "cifar-10": Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        "none stated; whoever uses it is asked to cite Krizhevsky 2009",
        10_000,
        cifar_test,
    ),
}
"""CLIC's validation set of professional photographs (2020), DIV2K's and CIFAR-10's pictures for tests."""


def fetch_archive(name: str, folder: Path) -> None:
    """Put the pictures of a set into a folder that exists, unless all are there that were put there before.

    Raises:
        DiffDemoError: the archive cannot be fetched or is another one, there is no room, or it holds other pictures.
    """
    archive, note = ARCHIVES[name], folder / f".{name}.json"
    if _is_there(note, archive.count):
        return
    say(f"{name}: {size(archive.num_bytes)} from {archive.address}; licence: {archive.licence}")
    free = shutil.disk_usage(folder).free
    if free < 2 * archive.num_bytes:
        raise DiffDemoError(f"'{folder}' has room for {size(free)}; {size(2 * archive.num_bytes)} are needed.")
    place = folder / f".{name}.archive"
    _download(name, archive, place)
    names = []
    for each, data in archive.pictures(place):
        with replacing(folder / each) as partial:
            partial.write_bytes(data)
        names.append(each)
    if len(names) != archive.count:
        raise DiffDemoError(f"{archive.address} holds {len(names)} pictures; {archive.count} were expected.")
    write_text(note, json.dumps(names))
    place.unlink()


def _is_there(note: Path, count: int) -> bool:
    """Whether as many pictures are there as a note names, which somebody may have cut or changed."""
    try:
        names = json.loads(note.read_text())
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(names, list) and len(names) == count and all((note.parent / str(each)).exists() for each in names)


def _download(name: str, archive: Archive, place: Path) -> None:
    """Whole and right, or not at all; a line tells how far it is, where somebody can see it."""

    def work(meter: Meter) -> None:
        fetch_from(archive.address, place, archive.num_bytes, archive.sha256, meter)

    download = SharedDownload(work, Meter(name, archive.num_bytes))
    download.join()
    for moment in download.watch():
        if sys.stderr.isatty():
            left = "" if moment.seconds_left is None else f", {duration(moment.seconds_left)} left"
            share = moment.num_bytes / archive.num_bytes
            print(f"\r{name} {share:.0%}{left:<20}", end="\n" * moment.done, file=sys.stderr, flush=True)
