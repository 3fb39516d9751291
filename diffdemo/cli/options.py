"""Options that were given: what they ask for, and whether anything reads them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffdemo.errors import DiffDemoError

if TYPE_CHECKING:
    from diffdemo.engine import CodecInfo

READERS = {
    "realism": ("flow",),
    "gamma": ("stochastic",),
    "eta": ("stochastic",),
    "steps": ("deterministic", "stochastic"),
    "seed": ("ancestral", "stochastic"),
}
"""Which decoders read an option of `decode`. One that only one of them reads asks for that one, if none is named."""

OF_DIFFC = ("preset", "seed")
"""Options of `encode` that only DiffC reads; of the prompt, the engine knows which models do."""


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the options that were given; the others have their defaults where they are used."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def decoder_asked_for(args: argparse.Namespace) -> str | None:
    """The decoder as named, or the one that alone reads an option that was given; None for what suits the file.

    Raises:
        DiffDemoError: if two options ask for different ones.
    """
    if args.decoder is not None:
        return str(args.decoder)
    asked = {readers[0]: name for name, readers in READERS.items() if len(readers) == 1 and name in given(args, name)}
    if len(asked) > 1:
        names = " and ".join(f"--{name}" for name in asked.values())
        raise DiffDemoError(f"No decoder reads both {names}; please leave one of them out.")
    return next(iter(asked), None)


def require_of_use(args: argparse.Namespace, *, codec: str, codecs: Sequence[CodecInfo]) -> None:
    """Check that what was given to `encode` is read by the codec.

    Raises:
        DiffDemoError: naming an option that is not.
    """
    of_no_use = given(args, *OF_DIFFC) if codec != "diffc" else {}
    for name in of_no_use:
        raise DiffDemoError(f"{_label(codec, codecs)} does not read --{name}; please leave it out.")


def require_of_use_for_decoding(args: argparse.Namespace, *, codec: str, codecs: Sequence[CodecInfo]) -> None:
    """Check that what was given to `decode` is read by a decoder that the file has.

    Args:
        args: of the command.
        codec: of the file.
        codecs: all that there are.

    Raises:
        DiffDemoError: naming an option that is not.
    """
    decoders = next(each.decoders for each in codecs if each.name == codec)
    asked = decoder_asked_for(args)
    for name in given(args, *READERS):
        readers = [decoder for decoder in READERS[name] if decoder in decoders]
        if not readers:
            nobody = " or ".join(repr(decoder) for decoder in READERS[name])
            raise DiffDemoError(
                f"The file is one of {_label(codec, codecs)}, which has no decoder {nobody}, and only that one reads "
                f"--{name}; please leave it out."
            )
        chosen = asked or decoders[0]
        if chosen in decoders and chosen not in readers:
            raise DiffDemoError(
                f"The decoder '{chosen}' does not read --{name}; please leave it out, or choose --decoder "
                f"{' or '.join(readers)}."
            )


def _label(codec: str, codecs: Sequence[CodecInfo]) -> str:
    return next(each.label for each in codecs if each.name == codec)
