"""`python -m diffdemo`: see `diffdemo.cli`."""

from __future__ import annotations

import os
import sys

from diffdemo.cli import INTERRUPTED, main

if __name__ == "__main__":
    # Threads of OpenMP that spin while they wait take the processor from each other as soon as anything else runs: a
    # fivefold delay on a busy machine with two cores. Read when PyTorch is imported, hence before any command.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    status = main()
    if status == INTERRUPTED:
        # Python forgets the status if the interrupt came while an import ran `exec`, and threads that still compute
        # would be waited for.
        os._exit(status)
    sys.exit(status)
