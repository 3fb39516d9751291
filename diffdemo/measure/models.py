"""Which models an evaluation measures, as its command line asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from diffdemo.codecs.registry import CODECS
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.records import ModelInfo
from diffdemo.errors import WeightsError


def chosen_models(catalogue: Catalogue, codecs: Sequence[str], names: Sequence[str]) -> list[ModelInfo]:
    """Models that are on this computer.

    Args:
        catalogue: all that there are.
        codecs: whose models are wanted: the shipped one of each, or of a codec without one all that are here.
        names: of models that are wanted instead of those of their codecs.

    Raises:
        WeightsError: one of them is not here, or no model of a codec is.
    """
    named = [_here(catalogue.model(name)) for name in dict.fromkeys(names)]
    asked = {info.codec for info in named}
    return [*named, *(info for codec in dict.fromkeys(codecs) if codec not in asked for info in _of(catalogue, codec))]


def is_usual(info: ModelInfo) -> bool:
    """Whether results need not say that they are of this model: their codec would be evaluated with it anyway."""
    return (info.is_shipped and info.is_default) or CODECS[info.codec].is_one_rate


def _of(catalogue: Catalogue, codec: str) -> list[ModelInfo]:
    models = [info for info in catalogue.models() if info.codec == codec]
    shipped = [info for info in models if info.is_shipped and info.is_default]
    here = shipped or [info for info in models if info.is_here]
    if not here:
        raise WeightsError(
            f"No model of {CODECS[codec].label} is on this computer; please fetch those to be measured first, by "
            f"python -m diffdemo download NAME, NAME being one of: {', '.join(info.name for info in models)}."
        )
    return here


def _here(info: ModelInfo) -> ModelInfo:
    if not info.is_here:
        raise WeightsError(
            f"The model '{info.name}' is not on this computer; please fetch it first: "
            f"python -m diffdemo download {info.name}"
        )
    return info
