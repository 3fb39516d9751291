"""Start the demonstration page: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from functools import partial
from types import FrameType
from typing import Any

# All that visitors send and are given lies here, and goes when the page ends.
os.environ["DIFFDEMO_FOLDER"] = tempfile.mkdtemp(prefix="diffdemo-")
# Read when Gradio is imported. It clears this folder when it closes; another page here must not lose its own.
os.environ.setdefault("GRADIO_TEMP_DIR", os.path.join(os.environ["DIFFDEMO_FOLDER"], "files"))
# Read when PyTorch is imported: spinning threads starve the page, and each other on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Where it is installed, ZeroGPU wants it before anything that could touch CUDA.
with contextlib.suppress(ImportError):
    import spaces  # noqa: F401

from diffdemo.engine import Engine, Limits
from diffdemo.errors import DiffDemoError, DownloadError, WeightsError
from diffdemo.ui.app import build_app, launch_options
from diffdemo.ui.programs import mcp
from diffdemo.ui.server.gpu import engine_with_gpu

_log = logging.getLogger("diffdemo")

STOPPING_SECONDS = 3.0
"""How long connections may take to close before they are cut."""


class Stopped(BaseException):
    """A signal has asked the page to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> None:
    """Serve the page until somebody stops it, and leave nothing of its visitors behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    tempfile.tempdir = os.environ["DIFFDEMO_FOLDER"]
    served: list[Any] = []
    status = 0
    try:
        _serve(served)
        threading.Event().wait()
    except Stopped as stopped:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        print("diffdemo: stopping; files of visitors are deleted.", file=sys.stderr, flush=True)
        status = 128 + stopped.number
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    for demo in served:
        closing = threading.Thread(target=partial(demo.close, verbose=False), daemon=True)
        closing.start()
        closing.join(STOPPING_SECONDS)
    shutil.rmtree(os.environ["DIFFDEMO_FOLDER"], ignore_errors=True)
    # Threads that still compute would be waited for, and torn down by C++ with a message of its own.
    sys.stdout.flush()
    os._exit(status)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _serve(served: list[Any]) -> None:
    """Read the arguments, build the page, launch it, and put it where it can be closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument(
        "--port", type=int, default=os.environ.get("GRADIO_SERVER_PORT"), help="default: first free from 7860"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=None, help="of the CPU; default: PyTorch's choice")
    parser.add_argument(
        "--model",
        default=os.environ.get("DIFFDEMO_MODEL") or None,
        help="to start with, fetched if it is not here; default: DIFFDEMO_MODEL, or else the shipped one",
    )
    parser.add_argument(
        "--memory",
        type=float,
        default=os.environ.get("DIFFDEMO_MEMORY") or None,
        help="GB that models may take together; default: DIFFDEMO_MEMORY, or else a share of what there is",
    )
    parser.add_argument(
        "--fixed",
        action="store_true",
        default=bool(os.environ.get("DIFFDEMO_FIXED")),
        help="visitors neither fetch nor remove models; default: if DIFFDEMO_FIXED is set",
    )
    arguments = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    memory = None if arguments.memory is None else int(arguments.memory * 1e9)
    settings: dict[str, Any] = {"threads": arguments.threads, "memory": memory, "is_fixed": arguments.fixed}
    try:
        settings["limits"] = Limits.of_page()
    except ValueError as error:
        parser.error(str(error))
    try:
        engine = engine_with_gpu(partial(Engine, model=arguments.model, **settings), arguments.device)
    except DownloadError as error:
        engine = engine_with_gpu(partial(Engine, **settings), arguments.device)
        _log_missing(engine, error)
    except WeightsError as error:
        parser.error(str(error))
    threading.Thread(target=_get_ready, args=(engine, arguments.fixed), name="warm-up", daemon=True).start()
    options = {"server_name": arguments.host, "server_port": arguments.port, **launch_options(engine)}
    demo = build_app(engine)
    served.append(demo)
    mcp.launch(demo, **options, prevent_thread_lock=True)


def _get_ready(engine: Engine, is_fixed: bool) -> None:
    """Get the preferred model ready; without it the page runs on the shipped one."""
    try:
        engine.warm_up()
    except DiffDemoError as error:
        _log_missing(engine, error)
    if is_fixed:
        adopt_preloaded(engine)


def adopt_preloaded(engine: Engine) -> None:
    """Make usable what lies in the cache of the Hub, one model after the other.

    Where visitors cannot press Download, whoever runs the server has put it there for them. Elsewhere it may belong to
    other programs, and be gigabytes that nobody has asked us to read.
    """
    for name in engine.preloaded():
        try:
            engine.adopt(name)
            _log.info("'%s' was preloaded and can be used now.", name)
        except DiffDemoError as error:
            _log.warning("%s", error)


def _log_missing(engine: Engine, error: DiffDemoError) -> None:
    _log.warning("%s The page runs on %s.", error, engine.default_model)


if __name__ == "__main__":
    main()
