"""What a training run has to say, one line per validation."""

from __future__ import annotations

import csv
from pathlib import Path


class Log:
    """A CSV file that grows by a line per validation, whatever was there before a resume."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, row: dict[str, float]) -> None:
        """Write a line, and say it."""
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow({k: f"{v:.6g}" for k, v in row.items()})
        print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
