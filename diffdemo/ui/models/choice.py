"""Which models the page offers for a codec, and which one a choice means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffdemo.engine import Engine, ModelInfo
from diffdemo.errors import RateError
from diffdemo.images import Pixels
from diffdemo.ui.errors import refusal
from diffdemo.ui.models import card


def choices(models: Sequence[ModelInfo], codec: str) -> list[tuple[str, str]]:
    """The entries of a codec's menu: words and name."""
    return [(card.entry(info), info.name) for info in models if info.codec == codec]


def chosen(
    engine: Engine, codec: str, name: str | None, models: Sequence[ModelInfo] | None = None, **target: Any
) -> ModelInfo:
    """The model of that name if it is one of the codec's, and the one that the engine takes for the codec if not.

    A menu that was filled for one codec may still stand there when another is chosen; the codec is what counts.

    Args:
        name: of the model; None for the codec's own choice.
        models: all of them, from whoever has asked the engine already.
        target: what it is for, as `Engine.model_at` takes it.
    """
    own = {info.name: info for info in (engine.models() if models is None else models) if info.codec == codec}
    return own.get(name or "") or engine.model_at(codec, **target)


def of_program(engine: Engine, codec: str, name: str, **target: Any) -> ModelInfo:
    """The model that a program means: by its name, by a codec, or neither.

    Args:
        codec: name of one, or "auto" for that of the model.
        name: of the model; "" for the codec's own choice.
        target: see `chosen`.

    Raises:
        WeightsError: there is no such model.
        RateError: the model belongs to another codec.
    """
    if not name:
        return chosen(engine, engine.codecs()[0].name if codec == "auto" else codec, None, **target)
    model = engine.model(name)
    if codec not in ("auto", model.codec):
        raise RateError(
            f"The model '{name}' belongs to the codec '{model.codec}', and '{codec}' was asked for. Please name one of "
            "them only."
        )
    return model


def usable(engine: Engine, codec: str, name: str | None, **target: Any) -> ModelInfo:
    """The chosen model, refused in words if it has to be downloaded first."""
    info = chosen(engine, codec, name, **target)
    if not info.is_here:
        size = card.volume(info.num_bytes)
        raise refusal(f"{info.label} is not here yet. Press “Download {size}”, or choose a model that is here.")
    return info


def fitting(engine: Engine, codec: str, pixels: Pixels, num_bytes: int) -> ModelInfo:
    """The codec's own choice for so many bytes, refused if it is not here, or takes pictures of another size only."""
    info = usable(engine, codec, None, pixels=pixels, num_bytes=num_bytes)
    if engine.fit(pixels, info.name).pixels.shape != pixels.shape:
        raise refusal(f"{info.label} takes pictures of another size than this one.")
    return info
