"""Which codecs there are. Adding one is adding an entry."""

from __future__ import annotations

from diffdemo.codecs.base import Codec
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cod import CodLite
from diffdemo.codecs.diffc import DiffC
from diffdemo.errors import UnsupportedBitstream

CODECS: dict[str, type[Codec]] = {codec.name: codec for codec in (DiffC, Cdc, CodLite)}
"""By what users type; the first one is used where none is named."""


def codec_numbered(codec_id: int) -> type[Codec]:
    """The codec whose number stands in a file.

    Raises:
        UnsupportedBitstream: there is none.
    """
    for codec in CODECS.values():
        if codec.codec_id == codec_id:
            return codec
    raise UnsupportedBitstream(f"The file was written by codec number {codec_id}, which is unknown here.")


def fact_names() -> tuple[str, ...]:
    """Names of all that files of any codec state beside their header."""
    return tuple(dict.fromkeys(name for codec in CODECS.values() for name in codec.facts))
