"""What the page shows as a query string: a link that somebody else can open, or what a tab remembers of itself.

    ?codec=diffc&model=photo-small&bpp=0.5&decoder=flow&realism=0.7&example=astronaut
    ?used=2329&compare=jpeg&decoder=ancestral&seed=3&file=RElGRAE...      a short file travels in the link itself
    ?used=9000&kept=dGhpcyBpcyBhIG5hbWU&name=portrait                     a longer one lies in `links.shelf`

The browser writes it (`assets/memory.js`), from the page's controls. A link comes from strangers: what makes no sense
in it is left out, and the rest still counts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

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
        knobs: of the decoder, by names of `KNOBS`.
        example: name of the picture, if it is one of ours.
        file: the compressed file, if it is short.
        kept: under what name the file and its original are kept here, see `links.shelf`.
        name: of the file.
        side: longest side to work at.
        file_seed: of the next encode; where it is None, `knobs` has it if the decoder draws nothing.
        used: bytes of the file at the slider.
        compare, against: what stands on the left and on the right.
        left_rate, right_rate: how many bytes these get, in words.
        view: what the plot shows, in words.
        goal: bytes of the encode that was stopped.
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
    kept: str = ""
    name: str = ""
    side: int | None = None
    file_seed: int | None = None
    used: int | None = None
    compare: str = ""
    against: str = ""
    left_rate: str = ""
    right_rate: str = ""
    view: str = ""
    goal: int = 0

    @property
    def is_about_file(self) -> bool:
        """Whether it says how to show the file, and not only what comes next."""
        return bool(self.used or self.compare or self.against or self.decoder or self.knobs)


def place_of(query: str | None, codecs: Collection[str]) -> Place:
    """The place that a query string means, with or without "?"; `codecs` are names of those that there are."""
    try:
        return from_query(dict(parse_qsl((query or "").removeprefix("?"), max_num_fields=100)), codecs)
    except ValueError:
        return Place()


def from_query(query: Mapping[str, str], codecs: Collection[str]) -> Place:
    """The place that the fields of a query string mean, whatever else may be in it."""
    readers = _READERS | {"codec": _one_of(*codecs)}
    read = {name: reader(query[name]) for name, reader in readers.items() if query.get(name)}
    known: dict[str, Any] = {name: value for name, value in read.items() if value is not None}
    knobs = {name: known.pop(name) for name in KNOBS if name in known}
    return Place(knobs=knobs, **known)


def in_text(data: bytes) -> str:
    """A file as it stands in a link."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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
_SIZE = _number(int, 1, 1 << 23)
_READERS: dict[str, Callable[[str], object]] = {
    "bpp": _number(float, 0.001, 24),
    "preset": _one_of(*(preset.value for preset in Preset)),
    "decoder": _one_of(*(decoder.value for decoder in Decoder)),
    "file": _bytes,
    "side": _number(int, 0, 1 << 16),
    "file_seed": _number(int, 0, _LARGEST),
    **dict.fromkeys(("num_bytes", "used", "goal"), _SIZE),
    **dict.fromkeys(("model", "prompt", "example", "kept", "name", "compare", "against"), _words),
    **dict.fromkeys(("left_rate", "right_rate", "view"), _words),
}
_READERS |= {
    name: _number(int if knob.is_whole else float, knob.low, min(knob.high, _LARGEST)) for name, knob in KNOBS.items()
}
