"""What is made of an evaluation's results besides the summary: exports, a report, a study."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from diffdemo.engine.catalogue import Catalogue
from diffdemo.measure.exports.folder import export
from diffdemo.measure.plates import Plate, plates
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.troubles import say
from diffdemo.measure.tables import counted
from diffdemo.measure.writing import cannot_write
from diffdemo.metrics.published import Published


def require_places(args: argparse.Namespace) -> None:
    """Check, before the work, that what is asked for can lie where it should.

    Raises:
        DiffDemoError: it cannot.
    """
    for path in (args.report, args.study):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            why = "it is a folder" if path.is_dir() else f"there is no folder '{path.parent}'"
            raise cannot_write(path, why)
    if args.export is not None and args.export.exists() and not args.export.is_dir():
        raise cannot_write(args.export, "it is no folder")


def write_outputs(
    args: argparse.Namespace,
    rows: Sequence[Row],
    others: Sequence[Published],
    paths: Sequence[Path],
    catalogue: Catalogue,
) -> None:
    """Write everything that is asked for.

    Args:
        args: as `options.parse` gives them.
        rows: lines of the results file about the pictures.
        others: curves from files of others.
        paths: of the pictures.
        catalogue: has the models, for pictures to be shown.

    Raises:
        DiffDemoError: something cannot be written, or a model is not here.
    """
    if args.export is not None:
        say(f"{counted(len(export(rows, args.export)), 'file')} in {args.export}")
    if args.report is None and args.study is None:
        return
    shown: list[Plate] = list(plates(paths, args, catalogue))
    if args.study is not None:
        from diffdemo.measure.study.page import write_study
        from diffdemo.measure.study.trials import make_study

        key = write_study(make_study(shown), args.study)
        say(f"the study is {args.study}; keep {key} from its viewers")
    if args.report is not None:
        from diffdemo.measure.report.page import Report, write_report

        write_report(Report(args.argv, rows, others, shown), args.report)
        say(f"the report is {args.report}")
