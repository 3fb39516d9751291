"""What somebody needs to know to measure it again: command, versions, hardware."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence

from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.machine import hardware
from diffdemo.measure.results.picture import VERSIONS


def facts(argv: Sequence[str], rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Names and values.

    Args:
        argv: of the evaluation that writes the report.
        rows: lines that it is about; they may have been measured by several versions, elsewhere.
    """
    yield "command", f"python -m diffdemo evaluate {shlex.join(argv)}"
    yield "measured by", "; ".join(sorted({_words(row["versions"]) for row in rows if row.get("versions")}))
    yield "reported by", _words(VERSIONS)
    yield "measured on", "; ".join(sorted({str(row.get("hardware", "not said")) for row in rows}))
    yield "report written on", f"{hardware()}, {platform.platform()}"


def settings(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Each curve, and what its encoder was asked for."""
    seen = {(row["codec"], _words(row["settings"]) or "a sweep of qualities") for row in rows}
    yield from sorted(seen)


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
