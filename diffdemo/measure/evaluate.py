"""Rate, distortion and looks over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--codecs diffc cdc] [--bpp 2.0] [--preset balanced]
                       [--decoders mean flow ancestral] [--realism 0.5 1] [--steps 1 17] [--gamma 0 0.8]
                       [--looks 0.15 0.3 0.6 1.0] [--models NAME ...]
                       [--no-measure] [--beside FILE ...] [--export FOLDER] [--report HTML] [--study HTML]
                       [--at 0.3] [--shown 3]
    python -m diffdemo evaluate DIR --accept cod-lite [--models NAME ...]
    python -m diffdemo evaluate --answers KEY FILE ...

One line of JSON per picture and curve, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at its prefixes; CDC analyses a picture once and writes a file
for each rate. Of a codec whose models have one rate each, all that are here are measured: points of one curve. With
`--looks` there is another line for what realism and blotches are computed from, at fixed rates. `--accept` holds models
to what was published about them instead.

A picture that cannot be read, or that one codec cannot take, is reported and costs only itself. The summary is computed
from the lines about the pictures that lie in the folder now; docs/evaluation.md says what its tables mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Preset
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.classical.files import Ladder, available_codecs, classical_at, classical_curve
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.records import ModelInfo
from diffdemo.measure.acceptance import accept
from diffdemo.measure.embedded import CURVE_POINTS, curve_sizes, sweep
from diffdemo.measure.interrupts import Interrupts, Stopped, heeded
from diffdemo.measure.options import chosen_models, named_renderings, parse, reads
from diffdemo.measure.outputs import write_outputs
from diffdemo.measure.perceptual_points import ORIGINAL, bytes_at, look_at, look_of
from diffdemo.measure.results.file import ResultsFile
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet, picture_paths
from diffdemo.measure.results.troubles import Troubles, say
from diffdemo.measure.study.answers import answers_table
from diffdemo.measure.summary import summary
from diffdemo.measure.tables import counted
from diffdemo.measure.whole import decoded, files_of, measure
from diffdemo.metrics.published import Published, read_results
from diffdemo.metrics.realism import REVISION
from diffdemo.metrics.registry import METRICS

DEFAULT_BPP = 2.0
"""Of embedded files, whose prefixes are all that lies below."""


class _Run(Protocol):
    """Measures with one codec what a picture's lines lack; `name` is what reports call it."""

    name: str

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]: ...


def main(argv: list[str]) -> int:
    """Measure what is missing from the results file, then print the summary.

    Returns:
        The exit status: 0 if there is anything to summarise, 1 if there is not, 130 or 143 after Ctrl-C or SIGTERM.

    Raises:
        DiffDemoError: before the work, if the folder or the results file cannot be used or an option makes no sense;
            during it, if the results can no longer be written.
    """
    args = parse(argv, __doc__.splitlines()[0])
    if args.answers is not None:
        key, *answers = args.answers
        print(*answers_table(key, answers), sep="\n")
        return 0
    with heeded() as interrupts:
        try:
            return _evaluate(args, interrupts) if args.accept is None else _accept(args, interrupts)
        except KeyboardInterrupt as stop:
            kept = f"; what was measured is kept in '{args.output}', and the same command goes on from there"
            say(f"stopped{kept if args.accept is None else ''}")
            return stop.status if isinstance(stop, Stopped) else Stopped().status


def _evaluate(args: argparse.Namespace, interrupts: Interrupts) -> int:
    results = ResultsFile(args.output)
    paths = picture_paths(args.folder)
    if not paths:
        say(f"there are no pictures in {args.folder}")
        return 1
    if results.torn:
        lines = counted(results.torn, "line")
        say(f"{lines} of '{args.output}' did not count: cut off while being written")
    others = [read_results(path) for path in args.beside]
    runs = [] if args.no_measure else _runs(args)
    troubles = Troubles()
    pictures: dict[str, str] = {}
    for path in paths:
        sheet = troubles.sheet_of(path, results.rows)
        if sheet is None:
            continue
        if sheet.sha256 in pictures:
            say(f"{path.name} has the same pixels as {pictures[sheet.sha256]}; they count once")
            continue
        pictures[sheet.sha256] = path.name
        for run in runs:
            for row in troubles.rows_of(run(sheet, args.looks), path.name, run.name):
                results.append(row)
                say(f"{row['picture']}: {row['codec']}, {_amount(row)}", start="")
                interrupts.require_none()
            interrupts.require_none()
    troubles.report()
    own = _conclude(args, pictures, others)
    if not own:
        return 1
    write_outputs(args, own, others, paths, _catalogue())
    return 0


def _conclude(args: argparse.Namespace, pictures: Collection[str], others: Sequence[Published]) -> list[Row]:
    """Print what the results file says about these pictures, given by their hashes; its lines about them."""
    rows = ResultsFile(args.output).rows
    own = [row for row in rows if row.get("sha256") in pictures]
    unknown = sum(not row.get("sha256") for row in rows)
    if unknown:
        lines = counted(unknown, "older line")
        say(f"{lines} of '{args.output}' did not count: without a hash nobody knows which pixels they are about")
    if elsewhere := len(rows) - len(own) - unknown:
        lines = counted(elsewhere, "line")
        say(f"{lines} of '{args.output}' did not count: about pictures that are not in '{args.folder}' now")
    if own:
        print(summary(own, others))
    else:
        say(f"nothing in '{args.folder}' could be measured")
    return own


def _runs(args: argparse.Namespace) -> list[_Run]:
    """All that is asked for; models are loaded here."""
    runs: list[_Run] = [_OriginalRun(), *map(_ClassicalRun, available_codecs())]
    catalogue = _catalogue()
    for info in chosen_models(catalogue, args.codecs, args.models):
        codec = catalogue.codec(info.name)
        runs.append((_EmbeddedRun if codec.is_embedded else _WholeRun)(codec, info, args))
    return runs


def _accept(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Hold models to what was published about them; see `acceptance.accept`."""
    catalogue = _catalogue()
    models = chosen_models(catalogue, () if args.models else (args.accept,), args.models)
    specs = [catalogue.spec(info.name) for info in models if info.codec == args.accept]
    return accept(args.folder, specs, catalogue.codec, interrupts.require_none)


def _catalogue() -> Catalogue:
    return Catalogue(choose_device("auto"), model=None, memory=None, is_fixed=False)


def _settings(codec: Codec, info: ModelInfo) -> Row:
    """What a line says about the model that it is of."""
    return {"model": info.name, "fingerprint": codec.fingerprint.hex()}


def _amount(row: Row) -> str:
    return counted(len(row["points"]), "point") if "points" in row else counted(len(row["looks"]), "look")


class _OriginalRun:
    """What the others' looks are compared with."""

    name = ORIGINAL

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
        if rates is not None and sheet.lacks(ORIGINAL, {"features": REVISION}, "looks"):
            yield sheet.line(ORIGINAL, [look_of(sheet.pixels)], {"features": REVISION}, "looks")


class _ClassicalRun:
    """A quality sweep, and the largest file within each rate, where the codec has one that is small enough."""

    def __init__(self, codec: str) -> None:
        self.name = codec

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
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


class _EmbeddedRun:
    """A codec whose files are decoded at prefixes, as the arguments ask for it."""

    def __init__(self, codec: Codec, info: ModelInfo, args: argparse.Namespace) -> None:
        self.name = codec.name if info.is_default else info.name
        self._codec = codec
        self._bpp = max(args.bpp) if args.bpp else DEFAULT_BPP
        self._preset = Preset(args.preset)
        self._renderings = named_renderings(codec, info, args)
        self._file_settings = {**_settings(codec, info), "bpp": self._bpp, "preset": args.preset}

    def __call__(self, sheet: Sheet, rates: list[float] | None) -> Iterator[Row]:
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


class _WholeRun:
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
