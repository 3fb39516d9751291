"""`python -m diffdemo`: see `diffdemo.cli.parser`."""

from __future__ import annotations

import os
import sys

from diffdemo.cli import signals


def run() -> None:
    """The command `diffdemo`: set up the process, run one command, exit with its status."""
    signals.heed()  # Before anything else is imported, which takes a while.
    # Threads of OpenMP that spin while they wait take the processor from each other as soon as anything else runs: a
    # fivefold delay on a busy machine with two cores. Read when PyTorch is imported, hence before any command.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from diffdemo.cli.parser import main

    status = main()
    if status > 128:
        # Python forgets the status if the interrupt came while an import ran `exec`, and threads that still compute
        # would be waited for.
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    run()
