"""The checkpoints that the authors of CDC released: read off their names, and brought into our form.

Names tell everything: `.../image-l2-use_weight5-vimeo-d64-t8193-b0.0032-x-cosine-01-float32-aux0.0_2.pt` is of the x
family, b is the weight of the rate (larger is fewer bits), aux that of the perceptual loss, the end a slot that
the training wrote in turn. Those of the epsilon family have `noise` in place of `x`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from diffdemo.hub.client import RemoteFile
from diffdemo.models.spec import GB, HubFile, HubSource, Kind, ModelSpec

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
        file: in the repository.
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
    """The models in the authors' repository: the x family first, for least error before perceptual, by rate.

    Args:
        files: that it holds; those that are no checkpoints are passed over.
        source: the repository.
    """
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
