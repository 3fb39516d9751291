"""Many machines, through Ray: workers that hold what is loaded once, each of which does one piece of work at a time.

Arguments and results travel, so that nothing is shared between the machines but the package and its models. A worker
that dies is started anew and its piece of work is done again; one that ends worker after worker costs only itself.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from diffdemo.errors import DiffDemoError

LOCAL = "local"
"""The address for workers on this machine alone."""
RETRIES = 3
"""Of a piece of work whose worker died."""
PATIENCE_S = 1.0
"""How long a signal may have to wait until somebody listens to it."""
LISTENER_S = 10.0
"""In which the head of a cluster has to answer a call."""
T = TypeVar("T")


class Done(NamedTuple):
    """What came of a piece of work: a result, or why there is none."""

    result: Any
    reason: str


def on_cluster(
    address: str,
    kind: Callable[..., Any],
    held: Mapping[str, Any],
    work: Iterable[T],
    arguments: Callable[[T], tuple[Any, ...]],
    tell: Callable[[int], None],
) -> Iterator[tuple[T, Done]]:
    """Do pieces of work on a cluster, each as soon as a worker is free; they come back in the order of being done.

    Args:
        address: HOST:PORT of the cluster's head, "auto" for one that runs here, `LOCAL` to start one.
        kind: class of the workers; its method `do` does a piece of work.
        held: what a worker is made of.
        work: is asked for when somebody can do it.
        arguments: of a piece of work, for `do`.
        tell: is called once, with the number of workers.

    Raises:
        DiffDemoError: Ray is not installed, the cluster cannot be reached, no worker can begin, or `do` raises.
    """
    ray = _connected(address)
    # Ray tells of dead workers on standard output, which is for reports.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            free = _workers(ray, kind, held)
            tell(len(free))
            busy: dict[Any, tuple[Any, T]] = {}
            for piece in work:
                if not free:
                    yield _next(ray, busy, free)
                worker = free.pop()
                busy[worker.do.remote(*arguments(piece))] = (worker, piece)
            while busy:
                yield _next(ray, busy, free)
        finally:
            ray.shutdown()


def _require_listener(address: str) -> None:
    """Whether anybody listens at HOST:PORT, which Ray itself finds out after many minutes.

    Raises:
        DiffDemoError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), LISTENER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> DiffDemoError:
    reason = " ".join(str(error).split())[:200]
    return DiffDemoError(
        f"There is no cluster of Ray at '{address}' ({reason}). Please name its head as HOST:PORT, or say `auto` "
        "or `local`."
    )


def _connected(address: str) -> Any:
    """The package, connected."""
    try:
        import ray
    except ImportError as error:
        raise DiffDemoError("The package ray is not installed; please install it: pip install ray") from error
    _require_listener(address)
    options: dict[str, Any] = {}
    if address == LOCAL:
        # Workers start elsewhere, and must find this very package.
        path = str(Path(__file__).parents[3])
        options = {"include_dashboard": False, "runtime_env": {"env_vars": {"PYTHONPATH": path}}}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _no_cluster(address, error) from error
    return ray


def _workers(ray: Any, kind: Callable[..., Any], held: Mapping[str, Any]) -> list[Any]:
    """One for each GPU of the cluster, or where there is none for each processor."""
    resources = ray.cluster_resources()
    device = "GPU" if resources.get("GPU") else "CPU"
    share = {"num_gpus": 1} if device == "GPU" else {"num_cpus": 1}
    actor = ray.remote(max_restarts=-1, max_task_retries=RETRIES, **share)(kind)
    return [actor.remote(**held) for _ in range(max(1, int(resources.get(device, 1))))]


def _next(ray: Any, busy: dict[Any, tuple[Any, T]], free: list[Any]) -> tuple[T, Done]:
    """The piece of work that is done first; its worker is free then."""
    done: list[Any] = []
    while not done:
        done, _ = ray.wait(list(busy), num_returns=1, timeout=PATIENCE_S)
    worker, piece = busy.pop(done[0])
    free.append(worker)
    try:
        return piece, Done(ray.get(done[0]), "")
    except ray.exceptions.RayTaskError as error:  # Of the code itself, not of the machine.
        raise DiffDemoError(f"A worker cannot go on: {error.cause}") from error
    except ray.exceptions.ActorDiedError as error:  # Those that worked once are started anew.
        raise DiffDemoError(f"No worker can begin: {' '.join(str(error).split())[-300:]}") from error
    except ray.exceptions.RayError as error:
        return piece, Done(None, f"its worker died, and so did {RETRIES} others ({type(error).__name__})")
