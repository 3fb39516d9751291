"""What is measured of a picture: a run for its original, one for each classical codec, one for each model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Protocol

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Preset
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.classical.files import Ladder, available_codecs, classical_at, classical_curve
from diffdemo.engine.records import ModelInfo
from diffdemo.measure.embedded import CURVE_POINTS, curve_sizes, sweep
from diffdemo.measure.looks.points import ORIGINAL, bytes_at, look_at, look_of
from diffdemo.measure.options import chosen_models, named_renderings, reads
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet
from diffdemo.measure.whole import decoded, files_of, measure
from diffdemo.metrics.registry import METRICS
from diffdemo.metrics.sets.realism import REVISION

DEFAULT_BPP = 2.0
"""Of embedded files, whose prefixes are all that lies below."""


class Run(Protocol):
    """Measures with one codec what a picture's lines lack; `name` is what reports call it."""

    name: str

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        """The lines that are missing, each measured when it is asked for; rates are those of the looks."""
        ...


def runs_for(args: argparse.Namespace, catalogue: Catalogue) -> list[Run]:
    """All that is asked for; models are loaded here.

    Raises:
        WeightsError: a model is not on this computer.
    """
    runs: list[Run] = [OriginalRun(), *map(ClassicalRun, available_codecs())]
    for info in chosen_models(catalogue, args.codecs, args.models):
        codec = catalogue.codec(info.name)
        runs.append((EmbeddedRun if codec.is_embedded else WholeRun)(codec, info, args))
    return runs


class OriginalRun:
    """What the others' looks are compared with."""

    name = ORIGINAL

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        """See `Run`."""
        if rates is not None and sheet.lacks(ORIGINAL, {"features": REVISION}, "looks"):
            yield sheet.line(ORIGINAL, [look_of(sheet.pixels)], {"features": REVISION}, "looks")


class ClassicalRun:
    """A quality sweep, and the largest file within each rate, where the codec has one that is small enough."""

    def __init__(self, codec: str) -> None:
        self.name = codec

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        """See `Run`."""
        if sheet.lacks(self.name):
            points = classical_curve(sheet.pixels, self.name, METRICS)
            yield sheet.line(self.name, [point.to_json() for point in points], {})
        settings = _looks_settings(rates or [], {})
        if rates is None or not sheet.lacks(self.name, settings, "looks"):
            return
        sizes = {rate: bytes_at(rate, sheet.pixels) for rate in rates}
        files = {rate: classical_at(sheet.pixels, self.name, num_bytes=size) for rate, size in sizes.items()}
        looks = [
            look_at(sheet.pixels, file.pixels, rate, len(file.data)) for rate, file in files.items() if file.is_within
        ]
        yield sheet.line(self.name, looks, settings, "looks")


class EmbeddedRun:
    """A codec whose files are decoded at prefixes, as the arguments ask for it."""

    def __init__(self, codec: Codec, info: ModelInfo, args: argparse.Namespace) -> None:
        self.name = codec.name if info.is_default else info.name
        self._codec = codec
        self._bpp = max(args.bpp) if args.bpp else DEFAULT_BPP
        self._preset = Preset(args.preset)
        self._renderings = named_renderings(codec, info, args)
        self._file_settings = {**_settings(codec, info), "bpp": self._bpp, "preset": args.preset}

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        """See `Run`."""
        curves = [name for name, r in self._renderings.items() if sheet.lacks(name, self._settings(r))]
        looks_settings = _looks_settings(rates or [], self._file_settings)
        looks = [name for name in self._renderings if rates and sheet.lacks(name, looks_settings, "looks")]
        if not curves and not looks:
            return
        pixels = sheet.pixels
        sizes = {rate: bytes_at(rate, pixels) for rate in rates or () if rate <= self._bpp}
        on_curves = curve_sizes(self._bpp, pixels) if curves else []
        swept = sweep(self._codec, pixels, self._bpp, self._preset, [*sizes.values(), *on_curves])
        # Where the whole file was meant, it is a few bytes shorter.
        sizes = {rate: min(size, len(swept.data)) for rate, size in sizes.items()}
        for name, rendering in self._renderings.items():
            if name in curves:
                points = [point.to_json() for point in swept.points(rendering)]
                yield sheet.line(name, points, self._settings(rendering))
            if name in looks:
                found = [
                    look_at(pixels, swept.picture(size, rendering), rate, size)
                    for rate, size in sizes.items()
                    if size in swept.states
                ]
                yield sheet.line(name, found, looks_settings, "looks")

    def _settings(self, rendering: Rendering) -> Row:
        """Of a curve: the encoder's own decoder has a point at every step, others at sizes that are chosen."""
        if self._codec.decoder_of(rendering) is self._codec.decoders[0]:
            return self._file_settings
        return {**self._file_settings, "curve_points": CURVE_POINTS}


class WholeRun:
    """A codec whose files are decoded whole, as the arguments ask for it.

    Lines of other weights do not count as measured.
    """

    def __init__(self, codec: Codec, info: ModelInfo, args: argparse.Namespace) -> None:
        self.name = codec.name if info.is_default else info.name
        self._codec = codec
        self._bpp: list[float] | None = None if codec.is_one_rate else args.bpp
        self._renderings = named_renderings(codec, info, args)
        self._model = _settings(codec, info)

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        """See `Run`."""
        named = self._renderings.items()
        curves = {name: r for name, r in named if sheet.lacks(name, self._settings(r, self._bpp))}
        looks = {name: r for name, r in named if rates and sheet.lacks(name, self._looks_settings(r, rates), "looks")}
        if not curves and not looks:
            return
        codec, pixels = self._codec, sheet.pixels
        if curves:
            files, jpeg = files_of(codec, pixels, self._bpp), Ladder(pixels, "jpeg")
            for name, r in curves.items():
                points = list(measure(codec, pixels, files, r, jpeg))
                yield sheet.line(name, points, self._settings(r, self._bpp))
        if looks and rates:
            files = files_of(codec, pixels, rates)
            for name, r in looks.items():
                found = [
                    look_at(pixels, decoded(codec, file.data, r), file.target_bpp, len(file.data))
                    for file in files
                    if file.target_bpp is not None
                ]
                yield sheet.line(name, found, self._looks_settings(r, rates), "looks")

    def _settings(self, rendering: Rendering, bpp: list[float] | None) -> Row:
        knobs = {name: getattr(rendering, name) for name in ("gamma", "steps") if reads(type(self._codec), name)}
        return {**self._model, **knobs, "bpp": bpp}

    def _looks_settings(self, rendering: Rendering, rates: list[float]) -> Row:
        return _looks_settings(rates, self._settings(rendering, None))


def _looks_settings(rates: list[float], settings: Row) -> Row:
    return {**settings, "rates": rates, "features": REVISION}


def _settings(codec: Codec, info: ModelInfo) -> Row:
    """What a line says about the model that it is of."""
    return {"model": info.name, "fingerprint": codec.fingerprint.hex()}
