"""Which decoders an evaluation measures, as its command line asks for them."""

from __future__ import annotations

import argparse
from itertools import product

from diffdemo.codecs.base import Codec
from diffdemo.codecs.rendering import Decoder, Rendering


def renderings_of(codec: type[Codec], args: argparse.Namespace) -> list[Rendering]:
    """A rendering for each decoder and each combination of the numbers that it reads.

    Args:
        codec: whose decoders; those of `args.decoders` that it has, or all of them if it has none of these.
        args: with lists `decoders`, `realism`, `steps` and `gamma`. Gamma 0 stands for the decoder that starts without
            noise.

    Raises:
        RateError: if a number is out of its range.
    """
    values = {"realism": args.realism, "gamma": [gamma for gamma in args.gamma if gamma != 0], "steps": args.steps}
    takes_noise = reads(codec, "gamma")
    found: dict[Rendering, None] = {}
    for decoder in _chosen(codec, args.decoders):
        knobs = codec.knobs_of(decoder)
        if takes_noise and "gamma" not in knobs and 0 not in args.gamma:
            continue
        without_noise = {"gamma": 0.0} if takes_noise else {}
        names = [name for name in values if name in knobs]
        for numbers in product(*(values[name] for name in names)):
            found[Rendering(decoder, **(without_noise | dict(zip(names, numbers, strict=True))))] = None
    return list(found)


def reads(codec: type[Codec], knob: str) -> bool:
    """Whether any decoder of a codec reads a field of `Rendering`."""
    return any(knob in codec.knobs_of(decoder) for decoder in codec.decoders)


def _chosen(codec: type[Codec], names: list[str]) -> list[Decoder]:
    named = [decoder for decoder in dict.fromkeys(map(Decoder, names)) if decoder in codec.decoders]
    return named or list(codec.decoders)
