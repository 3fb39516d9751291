"""Decodes in steps of one file that were tried: PSNR after each denoising step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diffdemo.engine.records import Frame

MAX_RUNS = 6


@dataclass(frozen=True, slots=True)
class Run:
    """One way to decode.

    Attributes:
        name: see `tried.name_of`; a second run of the same name takes the place of the first.
        points: number of steps done and PSNR in dB.
    """

    name: str
    points: tuple[tuple[int, float], ...] = ()

    def after(self, frame: Frame) -> Run:
        """The run with one more step, if there is an original to measure against."""
        if frame.psnr_db is None:
            return self
        return replace(self, points=(*self.points, (frame.step, frame.psnr_db)))


def with_run(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    """The runs with one that is new or has gone on, in the order in which they began; the oldest make room."""
    if not run.points:
        return runs
    if any(each.name == run.name for each in runs):
        return tuple(run if each.name == run.name else each for each in runs)
    return (*runs, run)[-MAX_RUNS:]
