"""Pictures at equal bytes: one through all codecs that are asked for, each in its largest file within a rate."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.classical.files import available_codecs, classical_at
from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels
from diffdemo.measure.looks.points import bytes_at
from diffdemo.measure.options import chosen_models, named_renderings
from diffdemo.measure.results.troubles import Troubles, say
from diffdemo.measure.whole import decoded
from diffdemo.metrics.points import CurvePoint, measured


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture through a codec.

    Attributes:
        pixels: decoded, uint8 [H,W,3].
        point: where it lies on the codec's curve.
        is_ours: whether it is a codec of this package.
    """

    pixels: Pixels
    point: CurvePoint
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture, and what codecs make of it within a rate.

    Attributes:
        picture: name of its file.
        original: uint8 [H,W,3].
        rate: in bits per pixel, which no file exceeds.
        shown: by names of curves; codecs whose smallest file is larger are not there.
    """

    picture: str
    original: Pixels
    rate: float
    shown: Mapping[str, Shown]


def plates(paths: Sequence[Path], args: argparse.Namespace, catalogue: Catalogue) -> Iterator[Plate]:
    """Code the first pictures of a folder.

    Args:
        paths: of pictures; those that cannot be read are reported and passed over.
        args: with `at`, the rate, and `shown`, how many pictures; and with codecs, models, decoders, their numbers, and
            preset, as evaluations take them.
        catalogue: has the models.

    Raises:
        WeightsError: a model is not here.
    """
    codecs = [(catalogue.codec(info.name), info) for info in chosen_models(catalogue, args.codecs, args.models)]
    renderings = [(codec, named_renderings(codec, info, args)) for codec, info in codecs]
    troubles, made = Troubles(), 0
    for path in paths:
        if made == args.shown:
            return
        sheet = troubles.sheet_of(path, ())
        if sheet is None:
            continue
        say(f"{sheet.name} at {args.at:g} bpp", start="")
        shown = dict(_classical(sheet.pixels, args.at))
        for codec, named in renderings:
            for name, each in _ours(codec, named, sheet.pixels, args.at, Preset(args.preset)):
                # Models of one rate each share a curve; the largest of their files counts.
                if name not in shown or each.point.num_bytes > shown[name].point.num_bytes:
                    shown[name] = each
        made += 1
        yield Plate(sheet.name, sheet.pixels, args.at, shown)


def _classical(pixels: Pixels, rate: float) -> Iterator[tuple[str, Shown]]:
    for name in available_codecs():
        try:
            found = classical_at(pixels, name, num_bytes=bytes_at(rate, pixels))
        except ImageError:  # It cannot hold a picture of this size.
            continue
        if found.is_within:
            yield name, Shown(found.pixels, measured(pixels, found.pixels, len(found.data)), False)


def _ours(
    codec: Codec, named: Mapping[str, Rendering], pixels: Pixels, rate: float, preset: Preset
) -> Iterator[tuple[str, Shown]]:
    try:
        data = codec.encode(pixels, Target(bytes_at(rate, pixels)), preset=preset)
    except (ImageError, RateError):  # Too large a picture, or too small a rate.
        return
    for name, rendering in named.items():
        picture = decoded(codec, data, rendering)
        yield name, Shown(picture, measured(pixels, picture, len(data)), True)
