"""The plot beside the stage: drawn again in another view, and completed when nobody wants anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from diffdemo.engine import Asker
from diffdemo.images import MAX_PIXELS
from diffdemo.metrics.registry import METRICS, When
from diffdemo.pictures import load_picture
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import AT_ONCE, DEVICE, KEEP, LATEST, program
from diffdemo.ui.memory.kept import kept
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot import export, published
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.plot.view import Across, Scale, View
from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.server.uploads import read_upload, require_upload
from diffdemo.ui.studio.page import Studio
from diffdemo.ui.studio.screen import StudioEvents, served

_DRAW = "() => diffdemoPlot.save('{}')"


class Plotting(StudioEvents):
    """The events of the plot."""

    def replot(
        self,
        session: Session,
        metric: str,
        across: Across = "bpp",
        scale: Scale = "linear",
        lines: list[str] | None = None,
        sweeps: bool = False,
        others: str | None = None,
    ) -> tuple[str, Any, str]:
        """Draw the plot in another view: that view in words, the plot, and where its published curves come from."""
        offered = kinds(self._engine.codecs())
        hidden = frozenset(offered) - frozenset(offered if lines is None else lines)
        view = View(metric, across, scale, hidden, others or "", sweeps)
        return view.words(), self._painter.plot(session, view.words()), published.credit(view)

    def complete(self, session: Session, shown: str, request: gr.Request | None = None) -> Iterator[Any]:
        """Draw what takes time into the plot: curves that grow point by point, or the ceiling of an autoencoder."""
        growing = self._growing(session, shown) if session.original else iter(())
        yield from self._turns.while_mine(self._turns.current(request), growing, gr.skip())

    def forget(self, session: Session, shown: str) -> tuple[Session, Any, Any]:
        """Leave only the present encode in the plot: earlier ones go, and the decodes that were tried."""
        session = replace(session, earlier=(), tried=())
        return session, self._painter.plot(session, shown), kept(session)

    def save_csv(self, session: Session, shown: str) -> str:
        """The points of the plot as comma-separated values."""
        return served(export.to_csv(self._rows(session, shown)), f"{session.name}-curve.csv")

    def save_json(self, session: Session, shown: str) -> str:
        """The points of the plot as a list of objects."""
        return served(export.to_json(self._rows(session, shown)), f"{session.name}-curve.json")

    def curve(
        self,
        session: Session,
        image: str | None = None,
        file: str | None = None,
        request: gr.Request | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Points of rate-distortion curves: those in the plot of this session, or those of a file and its original.

        Args:
            image: the original of the file, a picture file; empty for the session's own curves.
            file: a .difd file; an embedded one gives a point for each of its steps, another one point.

        Returns:
            One object for each point: name of its line, bytes, bits per pixel, and metrics.
        """
        if not image and not file:
            yield export.rows(self._painter.lines(session))
        elif not image or not file:
            raise refusal("A curve needs a file and its original, or neither of them.")
        else:
            yield from self._curve_of(read_upload(file), require_upload(image), program(request))

    def _curve_of(self, data: bytes, image: str, asker: Asker) -> Iterator[list[dict[str, Any]]]:
        """Nothing until the file is decoded, then its points."""
        info = self._engine.describe(data)
        pixels = load_picture(image, most_pixels=MAX_PIXELS).pixels
        if info.model:
            pixels = self._engine.fit(pixels, info.model).pixels
        frames = self._engine.decode(data, reference=pixels, asker=asker)
        for _ in frames.places():
            yield []
        for frame in frames:
            last = frame
            yield []
        points = self._engine.curve(data) or [last.point]
        yield [{"line": f"{info.codec}, {last.decoder}"} | point.to_json() for point in points]

    def _rows(self, session: Session, shown: str) -> list[dict[str, Any]]:
        view = View.read(shown)
        lines = [line for line in self._painter.lines(session) if line.kind not in view.hidden]
        return export.rows(lines, published.curves_of(view))

    def _growing(self, session: Session, shown: str) -> Iterator[Any]:
        pixels = pixels_of(session.original)
        view = View.read(shown)
        if METRICS[view.metric].when is When.ASKED:
            for _ in self._painter.perceived.find(session, pixels, view.metric):
                yield self._painter.plot(session, shown)
        for sweep in self._painter.sweeps.wanted(session, pixels, of_all=view.sweeps):
            for _ in sweep.follow():
                yield self._painter.plot(session, shown)
        if not session.quick and self._painter.ceilings.find(session.original, pixels, session.model) is not None:
            yield self._painter.plot(session, shown)


def wire(studio: Studio, plotting: Plotting) -> tuple[Any, Callable[..., Any]]:
    """Connect them; gives the event that draws the plot again, and what starts it."""
    choices = [studio.metric, studio.across, studio.scale, studio.lines, studio.sweeps, studio.others]
    chosen = partial(gr.on, [choice.input for choice in choices])
    drawn = [studio.view, studio.plot, studio.credit]
    replotted = chosen(plotting.replot, [studio.session, *choices], drawn, **AT_ONCE, **LATEST)
    seen = [studio.session, studio.view]
    studio.forget.click(plotting.forget, seen, [studio.session, studio.plot, studio.kept], **AT_ONCE)
    for kind, act in {"csv": plotting.save_csv, "json": plotting.save_json}.items():
        written = studio.save[kind].click(act, seen, studio.saved, queue=False, api_visibility="private")
        written.success(None, studio.saved, None, js=KEEP, api_visibility="private")
    for kind in ("png", "svg"):
        studio.save[kind].click(None, js=_DRAW.format(kind), api_visibility="private")
    # The endpoint for programs; its components are placed on the page where nobody sees them.
    with gr.Row(visible=False):
        trigger, points = gr.Button(), gr.JSON(label="points")
        image = FileInput(label="picture; empty for the session's own curves")
        file = FileInput(label=".difd file")
    trigger.click(plotting.curve, [studio.session, image, file], points, api_name="curve", **DEVICE)
    return replotted, chosen
