"""The outputs of every event of the studio, in one order, and how a session is painted into them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from diffdemo.engine import CodecInfo, Engine, FileInfo, Running
from diffdemo.ui import words
from diffdemo.ui.codec_controls import decoding_controls, offers
from diffdemo.ui.compare import comparer, previews, sides
from diffdemo.ui.events import Events
from diffdemo.ui.links.permalink import Place
from diffdemo.ui.memory.kept import kept
from diffdemo.ui.memory.png import size_of
from diffdemo.ui.memory.session import Session, Side
from diffdemo.ui.memory.tried import Earlier, settings_of
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.completing import Ceilings, Perceived, Sweeps
from diffdemo.ui.plot.figure import NEUTRAL, Curve, look_of
from diffdemo.ui.plot.lines import Line, lines_of, shown_line
from diffdemo.ui.plot.published import overlays_of
from diffdemo.ui.plot.rd_plot import SMALL_PICTURE, rd_plot
from diffdemo.ui.plot.steps_plot import steps_plot
from diffdemo.ui.plot.view import View
from diffdemo.ui.server.files import served
from diffdemo.ui.turns import Turns

_LONGEST_STEM = 40
UNCHANGED = gr.skip()
BUSY: dict[str, Any] = {
    "stop": gr.update(interactive=True),
    "used": gr.update(interactive=False),
    "download": gr.update(interactive=False),
    "imagine": gr.update(interactive=False),
    "samples": gr.update(value=None, visible=False),
    "previews": previews.NONE,
    "go_on": gr.update(visible=False),
    "beside": gr.update(visible=False),
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
    steps: Any = UNCHANGED
    steps_plot: Any = UNCHANGED
    samples: Any = UNCHANGED
    imagine: Any = UNCHANGED
    waiting: Any = UNCHANGED
    wanted: Any = UNCHANGED
    previews: Any = UNCHANGED
    about: Any = UNCHANGED
    subject: Any = UNCHANGED
    go_on: Any = UNCHANGED
    beside: Any = UNCHANGED
    kept: Any = UNCHANGED


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

    @property
    def codecs(self) -> dict[str, CodecInfo]:
        """All by name, as they are now: on a server of its own a codec comes with its first model."""
        return offers(self._engine)

    @property
    def first_codec(self) -> CodecInfo:
        """The one that is used where none is named."""
        return next(iter(self.codecs.values()))

    def paint(self, session: Session, metric: str, info: FileInfo | None = None, **others: Any) -> Screen:
        """Stage, sentence and plot of a session."""
        info = info or self.described(session)
        painted: dict[str, Any] = {}
        if info and info.codec != session.codec:
            painted |= decoding_controls(self.codecs[info.codec], session.wish)
            session = replace(session, codec=info.codec, wish="")
        if info:
            session = replace(session, model=info.model or "")
        if "plot" not in others:
            session, painted["plot"] = self._replotted(session, metric, info)
            painted["kept"] = kept(session)
        painted |= {
            "session": session,
            "about": session.turn,
            "subject": session.subject,
            "notes": f"{session.notes} {escape(session.fit)}".strip(),
        }
        shown = session.shown
        if session.quick and shown and _has_steps(self.codecs[session.codec]):
            figure = steps_plot(session.runs, num_steps=shown.num_steps, num_bytes=shown.num_bytes)
            painted["steps_plot"] = gr.update(value=figure, visible=True)
        halves = sides.on_stage(session, self.label(session))
        if halves and shown:
            painted["stage"] = comparer.pair(*halves, session.original, shown)
            painted["argument"] = self._argument(session)
            painted["strip"] = words.strip(info, shown.num_bytes) if info and info.is_embedded else ""
        return Screen(**{**painted, **others})

    def label(self, session: Session) -> str:
        """What people call the codec of a session's file."""
        return self.codecs[session.codec].label if session.codec else ""

    def lines(self, session: Session, info: FileInfo | None = None) -> list[Line]:
        """All that is known about rate and distortion of a session's picture."""
        info = info or self.described(session)
        curves = [*self.baselines.curves(session.original), *self._embedded(session), *self.sweeps.curves(session)]
        settings = settings_of(info) if info else ()
        earlier = self._still_known(session, settings)
        lines = lines_of([*self.codecs.values()], curves, session.tried, earlier, settings)
        return self.perceived.filled(session.original, lines)

    def past(self, session: Session) -> tuple[Earlier, ...]:
        """The encodes of a session's picture up to now, the present one included, for what comes next."""
        info = self.described(session)
        if not (info and session.original):
            return session.earlier
        points = session.own if info.is_embedded else ()
        return Earlier(info.codec, self.codecs[info.codec].label, settings_of(info), points).among(session.earlier)

    def _embedded(self, session: Session) -> list[Curve]:
        """The curve of the session's last file of an embedded codec: this one, or one before it."""
        embedded = [codec.name for codec in self.codecs.values() if codec.is_embedded]
        wrote = [name for name in (*(each.codec for each in session.earlier), session.codec) if name in embedded]
        return [Curve([*embedded[:1], *wrote][-1], session.own)] if session.own else []

    def _still_known(self, session: Session, settings: tuple[str, ...]) -> list[Earlier]:
        """The encodes of other settings before the present one; curves of sweeps as far as they have grown since."""
        return [
            replace(each, points=each.points or self.sweeps.points(session.original, each.codec, each.settings[0]))
            for each in session.earlier
            if each.settings != settings
        ]

    def plot(self, session: Session, view: str, info: FileInfo | None = None) -> Any:
        """The rate-distortion plot of a session; for the words of a view see `plot.view.View`."""
        wanted = View.read(view)
        lines, colour, shown = self.lines(session, info), NEUTRAL, session.shown
        codecs, wrote = [*self.codecs.values()], self.codecs.get(session.codec)
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
            is_small=bool(session.quick) and _has_steps(self.codecs[session.codec]),
            name=session.name,
            missing=words.NO_ORIGINAL if session.data and not session.original else "",
        )

    def _replotted(self, session: Session, view: str, info: FileInfo | None) -> tuple[Session, Any]:
        """The plot, if anything in it is new but the place of what is shown, which the browser moves by itself."""
        figure = self.plot(session, view, info)
        known = figure.to_dict()
        for mark in known["layout"].get("shapes", ())[: session.shown is not None]:
            mark |= {"x0": 0, "x1": 0}
        plotted = sha256(repr(known).encode()).hexdigest()
        return replace(session, plotted=plotted), UNCHANGED if plotted == session.plotted else figure

    def settled(self, session: Session, metric: str, text: str) -> Screen:
        """A file that is complete as far as it will be: the controls that work on it are switched on."""
        self.baselines.wait(session.original)
        own = tuple(self._engine.curve(session.data)) if session.original else ()
        screen = self.at_rest(replace(session, own=own or session.own), metric, text)
        return screen._replace(previews=self.previews(screen.session))

    def at_rest(
        self,
        session: Session,
        metric: str,
        text: str,
        *,
        used: int | None = None,
        against: tuple[str, Side] | None = None,
    ) -> Screen:
        """A complete file with what the session holds already; nothing is waited for.

        Args:
            used: bytes of an embedded file that are shown; None for all.
            against: what stands on the left, key and half; None for the original, or the simplest decode without it.
        """
        info, last = self._engine.describe(session.data), len(session.data)
        first = min(info.header_bytes, last - 1) if info.is_embedded else 0
        has_original = bool(session.original)
        usable = [codec for codec in self._engine.codecs() if self._engine.model(codec.default_model).is_here]
        choices = sides.entries(usable, is_embedded=info.is_embedded, has_original=has_original)
        key, left = against or (choices[0][1], sides.of_original(session.original) if has_original else session.left)
        asked, offered = session.asked or Place(), {name for _, name in choices}
        used = min(max(first, asked.used or used or last), last)
        if session.asked:
            session = replace(session, asked=None, is_due=True, amounts=(asked.left_rate, asked.right_rate))
        return self.paint(
            replace(session.at_rest(), left=left, right=None, plotted=""),
            metric,
            info,
            status=words.status(text),
            compare=gr.update(choices=choices, value=asked.compare if asked.compare in offered else key),
            against=gr.update(choices=choices, value=asked.against if asked.against in offered else sides.OURS),
            used=gr.update(minimum=first, maximum=last, value=used, interactive=True, visible=info.is_embedded),
            download=self.download(session, used),
            stop=gr.update(interactive=False),
            imagine=gr.update(interactive=True),
            go_on=gr.update(visible=has_original and session.goal > last),
            beside=gr.update(visible=not has_original),
        )

    def previews(self, session: Session) -> dict[str, Any]:
        """What follows the slider in the browser."""
        return previews.along(self._engine, session.data, self.label(session))

    def download(self, session: Session, num_bytes: int) -> Any:
        """The file up to the operating point, under a name that says so."""
        name = f"{session.name}-{num_bytes}.difd"
        path = served(session.data[:num_bytes], name)
        return gr.update(value=path, interactive=True, label=f"Download {words.size(num_bytes)}")

    def described(self, session: Session) -> FileInfo | None:
        """What the file of a session says about itself, if there is one."""
        return self._engine.describe(session.data) if session.data else None

    def _argument(self, session: Session) -> str:
        shown = session.shown
        if shown is None:
            return ""
        baselines = []
        if shown.psnr_db is not None:
            baselines = self.baselines.facts(session.original, shown.num_bytes, shown.psnr_db)
        return words.argument(shown, _num_pixels(session), baselines)


class StudioEvents(Events):
    """Answers events of the studio, in whose turns a visitor has the word."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        super().__init__(engine)
        self._painter = painter
        self._turns = turns

    def _in_line(self, work: Running[Any]) -> Iterator[Screen]:
        """Where a call of the engine stands in line, until it begins; Stop leaves the line."""
        for place in work.places():
            yield Screen(status=words.waiting(place), stop=gr.update(interactive=True))


def _has_steps(codec: CodecInfo) -> bool:
    """Whether the number of denoising steps can be chosen."""
    return "steps" in codec.knobs


def _num_pixels(session: Session) -> int:
    """Of the picture that a rate is about: of the file, or else of what will be compressed."""
    png = session.shown.png if session.shown else session.original or session.source
    return math.prod(size_of(png)) if png else SMALL_PICTURE
