"""The outputs of every event of the studio, in one order, and how a session is painted into them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.codec_controls import decoding_controls
from diffdemo.ui.compare import comparer, sides
from diffdemo.ui.memory.earlier import Earlier, settings_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.ceilings import Ceilings
from diffdemo.ui.plot.figure import NEUTRAL
from diffdemo.ui.plot.lines import Line, lines_of, shown_line
from diffdemo.ui.plot.perceived import Perceived
from diffdemo.ui.plot.published_lines import overlays_of
from diffdemo.ui.plot.rd_plot import SMALL_PICTURE, rd_plot
from diffdemo.ui.plot.steps_plot import steps_plot
from diffdemo.ui.plot.sweeps import Sweeps
from diffdemo.ui.plot.view import View
from diffdemo.ui.server.files import served
from diffdemo.ui.style import Curve, look_of

_LONGEST_STEM = 40
UNCHANGED = gr.skip()
BUSY: dict[str, Any] = {
    "stop": gr.update(interactive=True),
    "used": gr.update(interactive=False),
    "download": gr.update(interactive=False),
    "imagine": gr.update(interactive=False),
    "samples": gr.update(value=None, visible=False),
}
"""Fields of a `Screen` while a file is still growing; samples of the file before it are no longer any of it."""


class Screen(NamedTuple):
    """One value for each output component of the studio; what is not given stays as it is."""

    session: Any = UNCHANGED
    source: Any = UNCHANGED
    notes: Any = UNCHANGED
    side: Any = UNCHANGED
    stage: Any = UNCHANGED
    against: Any = UNCHANGED
    argument: Any = UNCHANGED
    status: Any = UNCHANGED
    plot: Any = UNCHANGED
    strip: Any = UNCHANGED
    compare: Any = UNCHANGED
    used: Any = UNCHANGED
    download: Any = UNCHANGED
    stop: Any = UNCHANGED
    decoder: Any = UNCHANGED
    knobs: Any = UNCHANGED
    texture: Any = UNCHANGED
    texture_knobs: Any = UNCHANGED
    steps: Any = UNCHANGED
    steps_plot: Any = UNCHANGED
    samples: Any = UNCHANGED
    imagine: Any = UNCHANGED
    waiting: Any = UNCHANGED
    wanted: Any = UNCHANGED


def stem_of(path: str) -> str:
    """What to call files made from this one."""
    return Path(path).stem[:_LONGEST_STEM] or "picture"


class Painter:
    """Turns what a session holds into what the page shows."""

    def __init__(self, engine: Engine, baselines: Baselines) -> None:
        self._engine = engine
        self.baselines = baselines
        self.sweeps = Sweeps(engine)
        self.ceilings = Ceilings(engine)
        self.perceived = Perceived(engine)

    def paint(self, session: Session, metric: str, **others: Any) -> Screen:
        """Stage, sentence and plot of a session; `others` are further fields of `Screen`."""
        painted: dict[str, Any] = {}
        info = self._engine.describe(session.data) if session.data else None
        if info and info.codec != session.codec:
            session = replace(session, codec=info.codec)
            painted |= decoding_controls(is_embedded=info.is_embedded)
        if info:
            session = replace(session, model=info.model or "")
        painted |= {"session": session, "plot": self.plot(session, metric), "notes": words.all_notes(session)}
        if session.quick and session.shown:
            shown = session.shown
            figure = steps_plot(session.runs, num_steps=shown.num_steps, num_bytes=shown.num_bytes)
            painted["steps_plot"] = gr.update(value=figure, visible=True)
        halves = sides.on_stage(session)
        if halves and session.shown:
            painted["stage"] = comparer.pair(*halves, session.original)
            painted["argument"] = self._argument(session)
            painted["strip"] = words.strip(info, session.shown.num_bytes) if info and info.is_embedded else ""
        return Screen(**{**painted, **others})

    def lines(self, session: Session) -> list[Line]:
        """All that is known about rate and distortion of a session's picture."""
        curves = [*self.baselines.curves(session.original), *self._embedded(session), *self.sweeps.curves(session)]
        settings = settings_of(self._engine.describe(session.data)) if session.data else ()
        earlier = self._still_known(session, settings)
        lines = lines_of(self._engine.codecs(), curves, session.tried, earlier, settings)
        return self.perceived.filled(session.original, lines)

    def past(self, session: Session) -> tuple[Earlier, ...]:
        """The encodes of a session's picture up to now, the present one included, for what comes next."""
        if not (session.data and session.original):
            return session.earlier
        info = self._engine.describe(session.data)
        points = session.own if info.is_embedded else ()
        return Earlier(info.codec, settings_of(info), points).among(session.earlier)

    def _embedded(self, session: Session) -> list[Curve]:
        """The curve of the session's last file of an embedded codec: this one, or one before it."""
        embedded = [codec.name for codec in self._engine.codecs() if codec.is_embedded]
        wrote = [name for name in (*(each.codec for each in session.earlier), session.codec) if name in embedded]
        return [Curve([*embedded[:1], *wrote][-1], session.own)] if session.own else []

    def _still_known(self, session: Session, settings: tuple[str, ...]) -> list[Earlier]:
        """The encodes of other settings before the present one; curves of sweeps as far as they have grown since."""
        return [
            replace(each, points=each.points or self.sweeps.points(session.original, each.codec, each.settings[0]))
            for each in session.earlier
            if each.settings != settings
        ]

    def plot(self, session: Session, view: str) -> Any:
        """The rate-distortion plot of a session; for the words of a view see `axes.View`."""
        wanted = View.read(view)
        lines, colour, shown = self.lines(session), NEUTRAL, session.shown
        codecs = self._engine.codecs()
        wrote = next((codec for codec in codecs if codec.name == session.codec), None)
        if shown and wrote:
            colour = look_of(wrote.name, codecs).colour
            lines += [shown_line(wrote, shown.point, codecs)] if shown.point and not wrote.is_embedded else []
        return rd_plot(
            lines,
            view=wanted,
            shown=shown,
            colour=colour,
            ceiling=self.ceilings.known(session.original, session.model),
            num_pixels=_num_pixels(session),
            others=overlays_of(wanted),
            is_small=bool(session.quick),
        )

    def settled(self, session: Session, metric: str, text: str) -> Screen:
        """A file that is complete as far as it will be: the controls that work on it are switched on."""
        self.baselines.wait(session.original)
        own = tuple(self._engine.curve(session.data)) if session.original else ()
        return self.at_rest(replace(session, own=own or session.own), metric, text)

    def at_rest(self, session: Session, metric: str, text: str) -> Screen:
        """The same of what the session holds already; nothing is waited for."""
        info, last = self._engine.describe(session.data), len(session.data)
        first = min(info.header_bytes, last - 1) if info.is_embedded else 0
        has_original = bool(session.original)
        choices = sides.entries(info.codec, is_embedded=info.is_embedded, has_original=has_original)
        left = sides.of_original(session.original) if has_original else session.left
        session = replace(session, left=left, right=None)
        return self.paint(
            session,
            metric,
            status=words.status(text),
            compare=gr.update(choices=choices, value=choices[0][1]),
            against=gr.update(choices=choices, value=sides.OURS),
            used=gr.update(minimum=first, maximum=last, value=last, interactive=True, visible=info.is_embedded),
            download=self.download(session, last),
            stop=gr.update(interactive=False),
            imagine=gr.update(interactive=True),
        )

    def download(self, session: Session, num_bytes: int) -> Any:
        """The file up to the operating point, under a name that says so."""
        name = f"{session.name}-{num_bytes}.difd"
        path = served(session.data[:num_bytes], name)
        return gr.update(value=path, interactive=True, label=f"Download {words.size(num_bytes)}")

    def _argument(self, session: Session) -> str:
        shown = session.shown
        if shown is None:
            return ""
        picture = load_picture(shown.png)
        baselines = []
        if shown.psnr_db is not None:
            baselines = self.baselines.facts(session.original, shown.num_bytes, shown.psnr_db)
        return words.argument(shown, picture.width * picture.height, baselines)


def _num_pixels(session: Session) -> int:
    """Of the picture that a rate is about: of the file, or else of what will be compressed."""
    png = session.shown.png if session.shown else session.original or session.source
    if not png:
        return SMALL_PICTURE
    picture = load_picture(png)
    return picture.width * picture.height
