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

    def rows(self) -> list[dict[str, float]]:
        """All lines so far; none if there is no file yet."""
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]

    def last_step(self) -> int | None:
        """The step of the last line."""
        rows = self.rows()
        return int(rows[-1]["step"]) if rows else None
