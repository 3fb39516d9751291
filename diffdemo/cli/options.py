"""Options that were given: what they ask for, and whether anything reads them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffdemo.codecs.rendering import DECODERS, KNOBS
from diffdemo.errors import DiffDemoError

if TYPE_CHECKING:
    from diffdemo.engine import CodecInfo


def readers(knob: str) -> tuple[str, ...]:
    """Names of the decoders that read an option of `decode`."""
    return tuple(decoder.value for decoder, way in DECODERS.items() if knob in way.knobs)


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
    asked = {readers(name)[0]: name for name in given(args, *KNOBS) if len(readers(name)) == 1}
    if len(asked) > 1:
        names = " and ".join(f"--{name}" for name in asked.values())
        raise DiffDemoError(f"No decoder reads both {names}; please leave one of them out.")
    return next(iter(asked), None)


def require_of_use(args: argparse.Namespace, *, codec: str, codecs: Sequence[CodecInfo]) -> None:
    """Check that what was given to `encode` is read by the codec.

    Raises:
        DiffDemoError: naming an option that is not.
    """
    chosen = _named(codec, codecs)
    for name in given(args, "preset", "seed"):
        if name not in chosen.options:
            raise DiffDemoError(f"{chosen.label} does not read --{name}; please leave it out.")


def require_of_use_for_format(args: argparse.Namespace, *names: str) -> None:
    """Check that none of these options was given beside a format of another program, which knows nothing of them.

    Raises:
        DiffDemoError: naming one that was.
    """
    for name in given(args, *names):
        raise DiffDemoError(f"The format '{args.format}' knows no --{name}; please leave it out.")


def require_of_use_for_decoding(args: argparse.Namespace, *, codec: str, codecs: Sequence[CodecInfo]) -> None:
    """Check that what was given to `decode` is read by a decoder that the file has.

    Raises:
        DiffDemoError: naming an option that is not.
    """
    own = _named(codec, codecs)
    decoders = own.decoders
    asked = decoder_asked_for(args)
    for name in given(args, *KNOBS):
        fitting = [decoder for decoder in readers(name) if decoder in decoders]
        if not fitting:
            nobody = " or ".join(repr(decoder) for decoder in readers(name))
            raise DiffDemoError(
                f"The file is one of {own.label}, which has no decoder {nobody}, and only that one "
                f"reads --{name}; please leave it out."
            )
        chosen = asked or decoders[0]
        if chosen in decoders and chosen not in fitting:
            raise DiffDemoError(
                f"The decoder '{chosen}' does not read --{name}; please leave it out, or choose --decoder "
                f"{' or '.join(fitting)}."
            )
        if name not in own.knobs:
            raise DiffDemoError(f"The file is one of {own.label}, which does not read --{name}; please leave it out.")


def _named(codec: str, codecs: Sequence[CodecInfo]) -> CodecInfo:
    return next(each for each in codecs if each.name == codec)
