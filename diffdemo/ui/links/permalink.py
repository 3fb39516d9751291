"""What the page shows as a query string, and back: a link that somebody else can open, also after a restart.

    ?codec=diffc&model=photo-small&bpp=0.5&decoder=flow&realism=0.7&example=astronaut
    ?decoder=ancestral&seed=3&file=RElGRAE...            a short file travels in the link itself

A link comes from strangers: what makes no sense in it is left out, and the rest still counts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from diffdemo.engine import KNOBS, Decoder, Preset

LONGEST_FILE = 1500
"""Bytes of a file that travels in a link: with four letters for three bytes, every browser and chat takes that."""
LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is on the page; None and "" for what is as it was.

    Attributes:
        codec, model: of the next encode.
        bpp, num_bytes: rate of it.
        preset: time it takes.
        prompt: text that goes with it.
        decoder: what is made of the file.
        knobs: of the decoder, by names of `KNOBS`. The seed is that of the file where the decoder draws nothing.
        example: name of the picture, if it is one of ours.
        file: the compressed file, if it is short.
    """

    codec: str = ""
    model: str = ""
    bpp: float | None = None
    num_bytes: int | None = None
    preset: str = ""
    prompt: str = ""
    decoder: str = ""
    knobs: Mapping[str, float] = field(default_factory=dict)
    example: str = ""
    file: bytes = b""


def to_query(place: Place) -> str:
    """The query string, without "?"; a file that is too long is left out."""
    plain = {each.name: getattr(place, each.name) for each in fields(Place) if each.name not in ("knobs", "file")}
    given = {name: value for name, value in (plain | dict(place.knobs)).items() if value not in (None, "")}
    query = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in given.items()}
    if 0 < len(place.file) <= LONGEST_FILE:
        query["file"] = base64.urlsafe_b64encode(place.file).decode().rstrip("=")
    return urlencode(query)


def from_query(query: Mapping[str, str], codecs: Collection[str]) -> Place:
    """The place that a query string means, whatever else may be in it."""
    readers = _READERS | {"codec": _one_of(*codecs)}
    read = {name: reader(query[name]) for name, reader in readers.items() if query.get(name)}
    known: dict[str, Any] = {name: value for name, value in read.items() if value is not None}
    knobs = {name: known.pop(name) for name in KNOBS if name in known}
    return Place(knobs=knobs, **known)


def place_of(request: gr.Request | None, codecs: Collection[str]) -> Place:
    """What the link says that the page was opened with; `codecs` are names of those that there are."""
    return Place() if request is None else from_query(dict(request.query_params), codecs)


def _number(kind: type[float], least: float, most: float) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        try:
            value = kind(text)
        except ValueError:
            return None
        return value if least <= value <= most else None

    return read


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda text: text if text in choices else None


def _words(text: str) -> str | None:
    return text if len(text) <= LONGEST_TEXT and text.isprintable() else None


def _bytes(text: str) -> bytes | None:
    if len(text) > 2 * LONGEST_FILE:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


_LARGEST = (1 << 32) - 1
_READERS: dict[str, Callable[[str], object]] = {
    "model": _words,
    "bpp": _number(float, 0.001, 24),
    "num_bytes": _number(int, 1, 1 << 23),
    "preset": _one_of(*(preset.value for preset in Preset)),
    "prompt": _words,
    "decoder": _one_of(*(decoder.value for decoder in Decoder)),
    "example": _words,
    "file": _bytes,
}
_READERS |= {
    name: _number(int if knob.is_whole else float, knob.low, min(knob.high, _LARGEST)) for name, knob in KNOBS.items()
}
