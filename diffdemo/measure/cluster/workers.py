"""An evaluation on many machines, through Ray: workers that hold the models, a picture at a time.

Pictures travel as pixels and come back as lines, so that nothing is shared between the machines but the package and its
models; only the driver reads the folder and writes the results. A worker that dies is started anew and its picture is
measured again; one picture that ends worker after worker costs only itself. What was written stays, as with any run.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import diffdemo
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.hardware.device import choose_device
from diffdemo.errors import DiffDemoError
from diffdemo.images import Pixels
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet
from diffdemo.measure.results.troubles import Troubles, reason_of, say
from diffdemo.measure.runs import runs_for
from diffdemo.measure.tables import counted

LOCAL = "local"
"""The address for workers on this machine alone."""
RETRIES = 3
"""Of a picture whose worker died."""
PATIENCE_S = 1.0
"""How long a signal may have to wait until somebody listens to it."""


class Found(NamedTuple):
    """What a run made of a picture: its lines, and why there are no more; "" if nothing went wrong."""

    codec: str
    rows: list[Row]
    reason: str


class Worker:
    """Holds the models of an evaluation; an actor of Ray is made of it.

    Args:
        args: as `options.parse` gives them.

    Raises:
        WeightsError: a model is not on this machine.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._rates: list[float] | None = args.looks
        self._runs = runs_for(args, Catalogue(choose_device("auto"), model=None, memory=None, is_fixed=False))

    def measure(self, name: str, pixels: Pixels, known: Sequence[Row]) -> list[Found]:
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
        DiffDemoError: Ray is not installed, the cluster cannot be reached, or no worker can begin.
    """
    ray = _connected(args.ray)
    # Ray tells of dead workers on standard output, which is for reports.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            workers = _workers(ray, args)
            say(f"{counted(len(workers), 'worker')} on the cluster at {args.ray}")
            yield from _spread(ray, workers, sheets, troubles)
        finally:
            ray.shutdown()


def _connected(address: str) -> Any:
    """The package, connected."""
    try:
        import ray
    except ImportError as error:
        raise DiffDemoError("The package ray is not installed; please install it: pip install ray") from error
    options: dict[str, Any] = {}
    if address == LOCAL:
        # Workers start elsewhere, and must find this very package.
        path = str(Path(diffdemo.__file__).parents[1])
        options = {"include_dashboard": False, "runtime_env": {"env_vars": {"PYTHONPATH": path}}}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DiffDemoError(
            f"There is no cluster of Ray at '{address}' ({reason}). Please name its head as HOST:PORT, or say `auto` "
            "or `local`."
        ) from error
    return ray


def _workers(ray: Any, args: argparse.Namespace) -> list[Any]:
    """One for each GPU of the cluster, or where there is none for each processor."""
    resources = ray.cluster_resources()
    kind = "GPU" if resources.get("GPU") else "CPU"
    share = {"num_gpus": 1} if kind == "GPU" else {"num_cpus": 1}
    actor = ray.remote(max_restarts=-1, max_task_retries=RETRIES, **share)(Worker)
    plain = argparse.Namespace(**{name: value for name, value in vars(args).items() if name != "argv"})
    return [actor.remote(plain) for _ in range(max(1, int(resources.get(kind, 1))))]


def _spread(ray: Any, workers: Sequence[Any], sheets: Iterable[Sheet], troubles: Troubles) -> Iterator[Row]:
    """Give each worker a picture as soon as it is free."""
    free: list[Any] = list(workers)
    busy: dict[Any, tuple[Any, str]] = {}
    for sheet in sheets:
        if not free:
            yield from _next(ray, busy, free, troubles)
        worker = free.pop()
        busy[worker.measure.remote(sheet.name, sheet.pixels, sheet.known)] = (worker, sheet.name)
    while busy:
        yield from _next(ray, busy, free, troubles)


def _next(ray: Any, busy: dict[Any, tuple[Any, str]], free: list[Any], troubles: Troubles) -> Iterator[Row]:
    """The lines of the picture that is done first; its worker is free then."""
    done: list[Any] = []
    while not done:
        done, _ = ray.wait(list(busy), num_returns=1, timeout=PATIENCE_S)
    worker, picture = busy.pop(done[0])
    free.append(worker)
    try:
        found: list[Found] = ray.get(done[0])
    except ray.exceptions.RayTaskError as error:  # Of the code itself, not of the machine.
        raise DiffDemoError(f"A worker cannot measure: {error.cause}") from error
    except ray.exceptions.ActorDiedError as error:  # Those that worked once are started anew.
        raise DiffDemoError(f"No worker can begin: {' '.join(str(error).split())[-300:]}") from error
    except ray.exceptions.RayError as error:
        troubles.failed(picture, "all codecs", f"its worker died, and so did {RETRIES} others ({type(error).__name__})")
        return
    for each in found:
        yield from each.rows
        if each.reason:
            troubles.failed(picture, each.codec, each.reason)
