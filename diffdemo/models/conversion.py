"""Released checkpoints that are written anew, once, as the safetensors file that our network reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from diffdemo.models.spec import Kind


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the models of a kind are converted.

    Attributes:
        key: what the result is called among the files of a model.
        convert: from the files of a model, by their names in the repository, to the file to write.
    """

    key: str
    convert: Callable[[Mapping[str, Path], Path], None]


def _cdc(files: Mapping[str, Path], target: Path) -> None:
    from diffdemo.models.cdc.released import convert

    (checkpoint,) = files.values()
    convert(checkpoint, target)


def _cod(files: Mapping[str, Path], target: Path) -> None:
    from diffdemo.models.cod.released import convert

    by_ending = {Path(name).suffix: path for name, path in files.items()}
    convert(by_ending[".pt"], target, config=by_ending.get(".yaml"))


CONVERSIONS: Mapping[Kind, Conversion] = {
    Kind.CDC: Conversion("cdc.safetensors", _cdc),
    Kind.COD: Conversion("cod.safetensors", _cod),
    Kind.COD_PRETRAINED: Conversion("cod.safetensors", _cod),
}
"""By kind; the files of other kinds are loaded as they are."""
