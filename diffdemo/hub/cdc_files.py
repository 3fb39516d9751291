"""The checkpoints that the authors of CDC released: as the Hub listed them last, read off their names.

Names tell everything: `.../image-l2-use_weight5-vimeo-d64-t8193-b0.0032-x-cosine-01-float32-aux0.0_2.pt` is of the x
family, b is the weight of the rate (larger is fewer bits), aux that of the perceptual loss, the end a slot that
the training wrote in turn. Those of the epsilon family have `noise` in place of `x`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from diffdemo.hub import client, notebook
from diffdemo.hub.client import RemoteFile
from diffdemo.hub.failures import in_words
from diffdemo.models.registry import KNOWN_CDC, RELEASED_CDC
from diffdemo.models.spec import GB, HubFile, HubSource, Kind, ModelSpec

NOTE = "released-cdc.json"
PREFIXES = ("cdc-x-", "cdc-eps-")
"""How the names of these models begin."""

_NAME = re.compile(
    r"(?:.*/)?[^/]*-b(?P<rate>\d+(?:\.\d+)?)-(?:[^/]*-)?(?P<family>x|noise)-[^/]*"
    r"aux(?P<weight>-?\d+(?:\.\d+)?)(?P<lpips>lpips)?(?P<rest>(?:_[^/]*)?)\.pt"
)
_PARAMETERS = {"x": 53_885_379, "eps": 53_627_654}


@dataclass(frozen=True, slots=True)
class Released:
    """A released checkpoint.

    Attributes:
        family: "x" or "eps".
        rate: weight of the rate in training, as written.
        is_perceptual: whether it was trained with LPIPS.
        age: sorts files of one model: the larger, the later.
    """

    family: str
    rate: str
    is_perceptual: bool
    file: RemoteFile
    age: tuple[int, int, str]

    @property
    def name(self) -> str:
        """What users type."""
        return f"cdc-{self.family}-b{self.rate}{'-lpips' if self.is_perceptual else ''}"


def is_checkpoint(path: str) -> bool:
    """Whether a file of their repository is one of their checkpoints, as its name has it."""
    return _NAME.fullmatch(path) is not None


def parse(file: RemoteFile) -> Released | None:
    """Read a file's name; None if it is not one of theirs."""
    match = _NAME.fullmatch(file.path)
    if match is None:
        return None
    slot = re.match(r"_(\d+)", match["rest"])
    return Released(
        family="x" if match["family"] == "x" else "eps",
        rate=match["rate"],
        is_perceptual=bool(match["lpips"]) or float(match["weight"]) > 0,
        file=file,
        age=(int(slot[1]) if slot else -1, len(match["rest"]), file.path),
    )


def specs_of(files: Iterable[RemoteFile], source: HubSource) -> tuple[ModelSpec, ...]:
    """The models among the authors' files: the x family first, for least error before perceptual, by rate."""
    newest: dict[str, Released] = {}
    for released in filter(None, map(parse, files)):
        before = newest.get(released.name)
        if before is None or before.age < released.age:
            newest[released.name] = released
    ordered = sorted(newest.values(), key=lambda r: (r.family != "x", r.is_perceptual, float(r.rate), r.name))
    return tuple(_spec(released, source) for released in ordered)


def _spec(released: Released, source: HubSource) -> ModelSpec:
    aim = "the eye (LPIPS)" if released.is_perceptual else "least error"
    kind = "x" if released.family == "x" else "epsilon"
    return ModelSpec(
        name=released.name,
        label=f"CDC {kind}, b {released.rate}{', LPIPS' if released.is_perceptual else ''}",
        codec="cdc",
        kind=Kind.CDC,
        licence="MIT",
        domain="photographs",
        description=f"CDC as its authors released it: {kind} family, rate weight {released.rate}, trained for {aim}.",
        parameters=_PARAMETERS[released.family],
        num_bytes=released.file.num_bytes,
        memory=2 * GB,
        paper="2209.06950",
        sources=(HubSource(source.repository, (HubFile((released.file.path,)),), revision=source.revision),),
    )


def remembered(source: HubSource) -> tuple[ModelSpec, ...] | None:
    """The models of the last listing; None if there was no listing, or nobody can read it any more."""
    note = notebook.read(NOTE)
    if note.get("repository") != source.repository:
        return None
    try:
        files = [RemoteFile(str(path), int(num_bytes), "", None) for path, num_bytes in note["files"].items()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return specs_of(files, source)


def known(source: HubSource) -> tuple[ModelSpec, ...]:
    """The models that are known without any listing, their sizes estimated; only those of the authors' repository."""
    if source.repository != RELEASED_CDC.repository:
        return ()
    return specs_of((RemoteFile(path, size, "", None) for path, size in KNOWN_CDC.items()), source)


def refresh(source: HubSource) -> tuple[ModelSpec, ...]:
    """List the repository anew, and remember it.

    Raises:
        DownloadError: if the Hub does not answer.
    """
    listing = client.list_repository(source.repository, source.revision)
    files = {path: file.num_bytes for path, file in listing.files.items()}
    with in_words(source.repository):
        notebook.write(NOTE, {"repository": source.repository, "commit": listing.commit, "files": files})
    return specs_of(listing.files.values(), source)
