"""An evaluation on many machines: pictures travel as pixels and come back as lines; only the driver writes results."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.hardware.cluster import on_cluster
from diffdemo.engine.hardware.device import choose_device
from diffdemo.images import Pixels
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet
from diffdemo.measure.results.troubles import Troubles, reason_of, say
from diffdemo.measure.runs import runs_for
from diffdemo.measure.tables import counted


class Found(NamedTuple):
    """What a run made of a picture: its lines, and why there are no more; "" if nothing went wrong."""

    codec: str
    rows: list[Row]
    reason: str


class Worker:
    """Holds the models of an evaluation.

    Args:
        args: as `options.parse` gives them.

    Raises:
        WeightsError: a model is not on this machine.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._rates: list[float] | None = args.looks
        self._runs = runs_for(args, Catalogue(choose_device("auto"), model=None, memory=None, is_fixed=False))

    def do(self, name: str, pixels: Pixels, known: Sequence[Row]) -> list[Found]:
        """What a picture's lines lack, of all runs.

        Args:
            name: of the picture.
            pixels: uint8 [H,W,3].
            known: lines about it.
        """
        sheet = Sheet(name, pixels, known)
        found = []
        for run in self._runs:
            rows, reason = [], ""
            try:
                for row in run(sheet, self._rates):
                    rows.append(row)
            except Exception as error:
                reason = reason_of(error)
            found.append(Found(run.name, rows, reason))
        return found


def measured_on_cluster(sheets: Iterable[Sheet], args: argparse.Namespace, troubles: Troubles) -> Iterator[Row]:
    """What is missing of all pictures, in the order in which they are done.

    Raises:
        DiffDemoError: as `on_cluster` says.
    """
    plain = argparse.Namespace(**{name: value for name, value in vars(args).items() if name != "argv"})

    def tell(workers: int) -> None:
        say(f"{counted(workers, 'worker')} on the cluster at {args.ray}")

    def arguments(sheet: Sheet) -> tuple[str, Pixels, Sequence[Row]]:
        return sheet.name, sheet.pixels, sheet.known

    for sheet, done in on_cluster(args.ray, Worker, {"args": plain}, sheets, arguments, tell):
        if done.reason:
            troubles.failed(sheet.name, "all codecs", done.reason)
            continue
        for each in done.result:
            yield from each.rows
            if each.reason:
                troubles.failed(sheet.name, each.codec, each.reason)
