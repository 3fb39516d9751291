"""Rate, distortion and looks over a folder of pictures, from the bytes of real files.

    python -m diffdemo evaluate DIR -o RESULTS.jsonl [--codecs diffc cdc] [--bpp 2.0] [--preset balanced]
                       [--decoders mean flow ancestral] [--realism 0.5 1] [--steps 1 17] [--gamma 0 0.8]
                       [--looks 0.15 0.3 0.6 1.0] [--models NAME ...]
                       [--ray ADDRESS] [--no-measure] [--beside FILE ...] [--export FOLDER]
                       [--report HTML] [--study HTML] [--at 0.3] [--shown 3]
    python -m diffdemo evaluate DIR --fetch NAME [--first N] -o RESULTS.jsonl ...
    python -m diffdemo evaluate FILE.npz -o RESULTS.jsonl [--first N] ...
    python -m diffdemo evaluate DIR --accept cod-lite [--models NAME ...]
    python -m diffdemo evaluate --answers KEY FILE ...

One line of JSON per picture and curve, written as soon as it is measured; a run that was stopped goes on where it
stopped. A progressive file is encoded once and measured at its prefixes; CDC analyses a picture once and writes a file
for each rate. Of a codec whose models have one rate each, all that are here are measured: points of one curve. With
`--looks` there is another line for what realism, FID, KID and blotches are computed from, at fixed rates. `--accept`
holds models to what was published about them instead.

A picture that cannot be read, or that one codec cannot take, is reported and costs only itself. The summary is computed
from the lines about the pictures that lie in the folder now; docs/evaluation.md says what its tables mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.hardware.device import choose_device
from diffdemo.measure.acceptance import accept
from diffdemo.measure.cluster import measured_on_cluster
from diffdemo.measure.datasets.fetch import fetch
from diffdemo.measure.datasets.npz import as_folder
from diffdemo.measure.interrupts import Interrupts, Stopped, heeded
from diffdemo.measure.options import chosen_models, parse
from diffdemo.measure.outputs import require_places, write_outputs
from diffdemo.measure.results.file import ResultsFile
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet
from diffdemo.measure.results.troubles import Troubles, say
from diffdemo.measure.runs import Run, runs_for
from diffdemo.measure.study.answers import answers_table
from diffdemo.measure.summary import summary
from diffdemo.measure.tables import counted
from diffdemo.metrics.published import Published, read_results
from diffdemo.metrics.sets.registry import DESCRIPTIONS
from diffdemo.pictures.folder import picture_paths


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
            if args.fetch is not None:
                fetch(args.fetch, args.folder)
            with as_folder(args.folder, args.first) as folder:
                args.folder = folder
                return _evaluate(args, interrupts) if args.accept is None else _accept(args, interrupts)
        except KeyboardInterrupt as stop:
            kept = f"; what was measured is kept in '{args.output}', and the same command goes on from there"
            say(f"stopped{kept if args.accept is None else ''}")
            return stop.status if isinstance(stop, Stopped) else Stopped().status


def _evaluate(args: argparse.Namespace, interrupts: Interrupts) -> int:
    require_places(args)
    results = ResultsFile(args.output)
    paths = picture_paths(args.folder)[: args.first]
    if not paths:
        say(f"there are no pictures in {args.folder}")
        return 1
    if results.torn:
        lines = counted(results.torn, "line")
        say(f"{lines} of '{args.output}' did not count: cut off while being written")
    others = [read_results(path) for path in args.beside]
    if args.looks and not args.no_measure:
        for description in DESCRIPTIONS.values():
            if reason := description.missing():
                say(f"{description.serves} are left out: {reason} To have them: {'; '.join(description.how_to_get)}")
    catalogue, troubles = _catalogue(), Troubles()
    pictures: dict[str, str] = {}
    sheets = _sheets(paths, results, troubles, pictures)
    found: Iterator[Row]
    if args.no_measure:
        found = _measured_here(sheets, (), args.looks, troubles, interrupts)
    elif args.ray is None:
        found = _measured_here(sheets, runs_for(args, catalogue), args.looks, troubles, interrupts)
    else:
        chosen_models(catalogue, args.codecs, args.models)  # To say what is not here before machines are asked for.
        found = measured_on_cluster(sheets, args, troubles)
    for row in found:
        results.append(row)
        say(f"{row['picture']}: {row['codec']}, {_amount(row)}", start="")
        interrupts.require_none()
    troubles.report()
    own = _conclude(args, pictures, others)
    if not own:
        return 1
    write_outputs(args, own, others, paths, catalogue)
    return 0


def _sheets(
    paths: Sequence[Path], results: ResultsFile, troubles: Troubles, pictures: dict[str, str]
) -> Iterator[Sheet]:
    """Each picture that can be read once; `pictures` learns their hashes and names."""
    for path in paths:
        sheet = troubles.sheet_of(path, results.rows)
        if sheet is None:
            continue
        if sheet.sha256 in pictures:
            say(f"{path.name} has the same pixels as {pictures[sheet.sha256]}; they count once")
            continue
        pictures[sheet.sha256] = path.name
        yield sheet


def _measured_here(
    sheets: Iterable[Sheet],
    runs: Sequence[Run],
    rates: list[float] | None,
    troubles: Troubles,
    interrupts: Interrupts,
) -> Iterator[Row]:
    """What is missing, each line when it is asked for."""
    for sheet in sheets:
        for run in runs:
            yield from troubles.rows_of(run(sheet, rates), sheet.name, run.name)
            interrupts.require_none()


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


def _accept(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Hold models to what was published about them; see `acceptance.accept`."""
    catalogue = _catalogue()
    models = chosen_models(catalogue, () if args.models else (args.accept,), args.models)
    specs = [catalogue.spec(info.name) for info in models if info.codec == args.accept]
    return accept(args.folder, specs, catalogue.codec, interrupts.require_none)


def _amount(row: Row) -> str:
    return counted(len(row["points"]), "point") if "points" in row else counted(len(row["looks"]), "look")


def _catalogue() -> Catalogue:
    return Catalogue(choose_device("auto"), model=None, memory=None, is_fixed=False)
