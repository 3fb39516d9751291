"""What the controls of the page say, as records, and handlers of records as Gradio calls them: value by value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from typing import Any, Self, get_type_hints

from diffdemo.engine import KNOBS
from diffdemo.metrics.registry import BASE
from diffdemo.ui.codec_controls import read_by
from diffdemo.ui.compare.sides import ORIGINAL, OURS
from diffdemo.ui.memory.session import Session


class Record:
    """What several controls say together."""

    __slots__ = ()

    @classmethod
    def begins(cls) -> dict[str, Any]:
        """Name of each value, in their order, and what stands for it where a program gives none."""
        return {name: getattr(cls(), name) or None for name in cls.__dataclass_fields__}  # type: ignore[attr-defined]

    @classmethod
    def read(cls, values: Sequence[Any]) -> Self:
        """What the values of the controls mean."""
        return cls(*values)


@dataclass(frozen=True, slots=True)
class Halves(Record):
    """What is seen of a file, on the stage and in the plot.

    Attributes:
        compare: what stands on the left; see `compare.sides`.
        metric: what the plot shows, in words; see `plot.view.View`.
        against: what stands on the right.
        subject: of the session that the page showed when somebody chose; "" where that is not told.
    """

    compare: str = ORIGINAL
    metric: str = BASE
    against: str = OURS
    subject: str = ""

    def are_of(self, session: Session) -> bool:
        """Whether they were chosen for this picture, and not for the one before it, which the browser still showed."""
        return self.subject in ("", session.subject)


@dataclass(frozen=True, slots=True)
class Settings(Record):
    """What the controls for encoding say.

    Attributes:
        side: longest side to work at, 0 for the picture as it is.
        bpp: bits per pixel to spend.
        num_bytes: exact size instead; None to use `bpp`.
        preset: "fast", "balanced" or "best", for an encoder that searches.
        seed: of the randomness that encoder and decoder share, if they do.
        codec: name of one; "" for the first.
        model: name of one of its models; "", or the name of another codec's, for its own choice.
        prompt: what the picture shows, for a model that can be told; it is part of the file.
    """

    side: int = 0
    bpp: float = 1.0
    num_bytes: int | None = None
    preset: str = "balanced"
    seed: int = 0
    codec: str = ""
    model: str = ""
    prompt: str = ""

    @classmethod
    def read(cls, values: Sequence[Any]) -> Self:
        """What the values of the controls mean; empty fields stand for nothing."""
        side, bpp, num_bytes, preset, seed, codec, model, prompt = values
        size = int(num_bytes) if num_bytes else None
        texts = codec or "", model or "", (prompt or "").strip()
        return cls(side or 0, float(bpp), size, preset, int(seed or 0), *texts)


_DEFAULTS: dict[str, Any] = {name: knob.default for name, knob in KNOBS.items()}


@dataclass(frozen=True, slots=True)
class Choices(Record):
    """What the controls for decoding say.

    Attributes:
        used: bytes of an embedded file to use, from its start.
        decoder: one of those of the file's codec; "" for the first.
        knobs: a number for each of `KNOBS`.
    """

    used: int = 0
    decoder: str = ""
    knobs: dict[str, Any] = field(default_factory=_DEFAULTS.copy)

    @classmethod
    def begins(cls) -> dict[str, Any]:
        """Name of each value, in their order, and what stands for it where a program gives none."""
        return {"used": 0, "decoder": None, **_DEFAULTS}

    @classmethod
    def read(cls, values: Sequence[Any]) -> Self:
        """What the values of the controls mean; an empty field stands for what it began with."""
        used, decoder, *numbers = values
        given = {name: number for name, number in zip(KNOBS, numbers, strict=True) if number is not None}
        whole = {name: int(number) for name, number in given.items() if KNOBS[name].is_whole}
        return cls(int(used or 0), decoder or "", _DEFAULTS | given | whole)

    @property
    def read_knobs(self) -> dict[str, Any]:
        """Those numbers that the decoder reads."""
        return {name: number for name, number in self.knobs.items() if name in read_by(self.decoder)}


def by_values(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let Gradio call a handler of records with the values of their controls, each under its own name."""
    hints = get_type_hints(handler)
    takes: list[type[Record] | None] = []
    parameters: dict[str, inspect.Parameter] = {}
    for each in inspect.signature(handler).parameters.values():
        kind = hints.get(each.name)
        takes.append(kind if inspect.isclass(kind) and issubclass(kind, Record) else None)
        for name, default in (takes[-1].begins() if takes[-1] else {each.name: each.default}).items():
            unique = f"{each.name}_{name}" if name in parameters else name
            parameters[unique] = each.replace(name=unique, default=default)

    def read(values: Sequence[Any]) -> Iterator[Any]:
        coming = iter(values)
        for kind in takes:
            yield kind.read(list(islice(coming, len(kind.begins())))) if kind else next(coming)

    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def adapted(*values: Any) -> Any:
            yield from handler(*read(values))

    else:

        @wraps(handler)
        def adapted(*values: Any) -> Any:
            return handler(*read(values))

    adapted.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return adapted
