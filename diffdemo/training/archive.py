"""Training pictures as bytes: those of a folder, or of one archive that is quickly carried to where a GPU is."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from diffdemo.atomic import replacing
from diffdemo.errors import DiffDemoError, ImageError

PICTURES = {".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
NOTES = {".csv", ".md", ".txt"}
"""Files beside pictures that say where these come from and what may be done with them."""
MAX_BITS_PER_PIXEL = 6.0
"""A picture whose file holds more is written anew: nearly all of what it would lose is noise."""
QUALITY = 90
NOTICE = "NOTICE.txt"


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into an archive: pictures, those of them that were written anew, and the archive's size."""

    num_pictures: int
    num_rewritten: int
    num_bytes: int


def pictures_in(data: Path, *, exclude: tuple[str, ...] = ()) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Name inside `data` and content of each picture, in the order of their names.

    Args:
        data: folder, searched recursively, or an archive written by `pack`; nothing comes where there is neither.
        exclude: names of folders to leave out, for example those whose licence does not allow shipped weights.

    Raises:
        DiffDemoError: if `data` is a file of another kind.
    """
    return _files(data, PICTURES, exclude)


def pack(data: Path, archive: Path, *, exclude: tuple[str, ...] = (), smallest_side: int = 128) -> Packed:
    """Write one archive with every usable picture below `data`, as it is or, if its file is large, as AVIF.

    Notes on sources and licences that lie among the pictures go along, and a list of what came from where.

    Args:
        data: folder or another archive.
        archive: written whole or not at all; an older one is replaced.
        exclude: names of folders to leave out.
        smallest_side: pictures with a shorter side are left out.

    Raises:
        DiffDemoError: if there is no usable picture.
        ImageError: if one cannot be read.
    """
    sources: Counter[str] = Counter()
    rewritten = 0
    with replacing(archive) as partial, tarfile.open(partial, "w") as tar:
        for inside, content in pictures_in(data, exclude=exclude):
            picture = decoded(inside, content)
            if min(picture.size) < smallest_side:
                continue
            sources[str(inside.parent)] += 1
            if 8 * len(content) > MAX_BITS_PER_PIXEL * picture.width * picture.height:
                inside, content = inside.with_suffix(".avif"), _encoded(picture)
                rewritten += 1
            _add(tar, inside, content)
        if not sources:
            raise DiffDemoError(f"There is no picture of at least {smallest_side} pixels a side in '{data}'.")
        for inside, content in _files(data, NOTES, exclude):
            if inside.name != NOTICE:
                _add(tar, inside, content)
        _add(tar, PurePosixPath(NOTICE), _notice(sources).encode())
    return Packed(sources.total(), rewritten, archive.stat().st_size)


def decoded(inside: PurePosixPath, content: bytes) -> Image.Image:
    """The picture in colour.

    Raises:
        ImageError: naming it, if it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(
            f"'{inside}' cannot be read as a picture. Please take it away, or leave its folder out with --exclude."
        ) from error


def _files(data: Path, suffixes: set[str], exclude: tuple[str, ...]) -> Iterator[tuple[PurePosixPath, bytes]]:
    def wanted(inside: PurePosixPath) -> bool:
        return inside.suffix.lower() in suffixes and not set(inside.parts) & set(exclude)

    if data.is_file():
        try:
            with tarfile.open(data, "r:") as tar:
                members = tar.getmembers()
                if not members or members[-1].name != NOTICE:
                    raise tarfile.ReadError("the notice that ends an archive is missing")
                for member in sorted(members, key=lambda member: member.name):
                    inside = PurePosixPath(member.name)
                    content = tar.extractfile(member) if wanted(inside) else None
                    if content is not None:
                        yield inside, content.read()
        except tarfile.TarError as error:
            raise DiffDemoError(f"'{data}' is neither a folder nor a whole archive of `train pack`.") from error
        return
    for path in sorted(data.rglob("*")):
        inside = PurePosixPath(path.relative_to(data).as_posix())
        if wanted(inside) and path.is_file():
            yield inside, path.read_bytes()


def _add(tar: tarfile.TarFile, inside: PurePosixPath, content: bytes) -> None:
    # Name and size are all that is kept, so that the same pictures give the same bytes.
    member = tarfile.TarInfo(str(inside))
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "AVIF", quality=QUALITY, subsampling="4:4:4")
    return file.getvalue()


def _notice(sources: Counter[str]) -> str:
    lines = [
        "Pictures for training, packed by diffdemo. Each keeps the licence under which it was published; notes on",
        "sources and licences that lay among them are in this archive. Weights trained on them are bound by the",
        "strictest. Folders and numbers of pictures:",
        "",
        *(f"{count:6d}  {folder}" for folder, count in sorted(sources.items())),
    ]
    return "\n".join(lines) + "\n"
