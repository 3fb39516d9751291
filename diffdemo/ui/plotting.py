"""The plot beside the stage: drawn again in another measure, and completed when nobody wants anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from diffdemo.engine.plots import Metric
from diffdemo.images import load_picture
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import Painter, Screen
from diffdemo.ui.session import Session
from diffdemo.ui.turns import Turns


class Plotting:
    """The events of the plot."""

    def __init__(self, painter: Painter, turns: Turns) -> None:
        self._painter = painter
        self._turns = turns

    @friendly
    def replot(self, session: Session, metric: Metric) -> Screen:
        """Draw the plot with another measure of distortion."""
        return Screen(plot=self._painter.plot(session, metric))

    @friendly
    def complete(self, session: Session, metric: Metric, request: gr.Request | None = None) -> Iterator[Any]:
        """Draw what takes time into the plot: CDC's curve, point by point, or the ceiling of an autoencoder."""
        growing = self._growing(session, metric) if session.original else iter(())
        yield from self._turns.while_mine(self._turns.current(request), growing, gr.skip())

    def _growing(self, session: Session, metric: Metric) -> Iterator[Any]:
        pixels = load_picture(session.original).pixels
        if session.quick:
            for _ in self._painter.sweeps.of(session.original, pixels, session.model).follow():
                yield self._painter.plot(session, metric)
        elif self._painter.ceilings.find(session.original, pixels, session.model) is not None:
            yield self._painter.plot(session, metric)
