"""Start the demonstration page: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import threading

# Read when Gradio is imported. It clears this folder when it closes; another page here must not lose its own.
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="diffdemo-"))
# Read when PyTorch is imported: spinning threads starve the page, and each other on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from diffdemo.engine import Engine
from diffdemo.ui.app import build_app, launch_options


def main() -> None:
    """Read the arguments, build the page and serve it until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument(
        "--port", type=int, default=os.environ.get("GRADIO_SERVER_PORT"), help="default: first free from 7860"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=None, help="of the CPU; default: PyTorch's choice")
    arguments = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine = Engine(device=arguments.device, threads=arguments.threads)
    threading.Thread(target=engine.warm_up, name="warm-up", daemon=True).start()
    build_app(engine).launch(server_name=arguments.host, server_port=arguments.port, **launch_options())


if __name__ == "__main__":
    main()
