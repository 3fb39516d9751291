"""The outputs of every event of the studio, in one order, and how a session is painted into them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder

from diffdemo.engine import Engine
from diffdemo.engine.plots import Curve, Metric, rd_figure
from diffdemo.images import load_picture
from diffdemo.ui import present
from diffdemo.ui.rivals import Rivals
from diffdemo.ui.session import Session

_LONGEST_STEM = 40
UNCHANGED = gr.skip()
BUSY: dict[str, Any] = {
    "stop": gr.update(interactive=True),
    "used": gr.update(interactive=False),
    "download": gr.update(interactive=False),
}
"""Fields of a `Screen` while a file is still growing."""


class Screen(NamedTuple):
    """One value for each output component of the studio; what is not given stays as it is."""

    session: Any = UNCHANGED
    source: Any = UNCHANGED
    notes: Any = UNCHANGED
    side: Any = UNCHANGED
    stage: Any = UNCHANGED
    captions: Any = UNCHANGED
    argument: Any = UNCHANGED
    status: Any = UNCHANGED
    plot: Any = UNCHANGED
    strip: Any = UNCHANGED
    compare: Any = UNCHANGED
    used: Any = UNCHANGED
    download: Any = UNCHANGED
    stop: Any = UNCHANGED


def served(data: bytes, name: str) -> str:
    """Write bytes where Gradio serves files from, under the path that its own cache would choose, and name the path.

    So Gradio has nothing left to copy, and equal bytes are written once.
    """
    folder = Path(get_upload_folder()) / hash_bytes(data)
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
            partial.write(data)
        os.replace(partial.name, path)
    return str(path.resolve())


def stem_of(path: str) -> str:
    """What to call files made from this one."""
    return Path(path).stem[:_LONGEST_STEM] or "picture"


class Painter:
    """Turns what a session holds into what the page shows."""

    def __init__(self, engine: Engine, rivals: Rivals) -> None:
        self._engine = engine
        self.rivals = rivals

    def paint(self, session: Session, metric: Metric, **others: Any) -> Screen:
        """Stage, captions, sentence and plot of a session; `others` are further fields of `Screen`."""
        painted: dict[str, Any] = {"session": session, "plot": self.plot(session, metric)}
        if session.left and session.shown:
            painted["stage"] = served(session.left.png, "left.png"), served(session.shown.png, "right.png")
            painted["captions"] = present.captions(session)
            painted["argument"] = self._argument(session)
            painted["strip"] = present.strip(self._engine.describe(session.data), session.shown.num_bytes)
        return Screen(**{**painted, **others})

    def plot(self, session: Session, metric: Metric) -> Any:
        """The rate-distortion plot of a session."""
        curves = [*self.rivals.curves(session.original), Curve("diffc", session.own)]
        shown = session.shown
        if shown and shown.point and shown.decoder != "mean":
            curves.append(Curve(shown.decoder, (shown.point,)))
        return rd_figure(curves, operating_bpp=shown.bpp if shown else None, metric=metric)

    def settled(self, session: Session, metric: Metric, text: str) -> Screen:
        """A file that is complete as far as it will be: the controls that work on it are switched on."""
        self.rivals.wait(session.original)
        own = tuple(self._engine.curve(session.data)) if session.original else ()
        session = replace(session, own=own or session.own)
        first, last = self._engine.describe(session.data).header_bytes, len(session.data)
        keys = [*present.COMPARISONS] if session.original else ["mean"]
        return self.paint(
            session,
            metric,
            status=present.status(text),
            compare=gr.update(choices=[(present.COMPARISONS[key], key) for key in keys], value=keys[0]),
            used=gr.update(minimum=min(first, last - 1), maximum=last, value=last, interactive=True),
            download=self.download(session, last),
            stop=gr.update(interactive=False),
        )

    def download(self, session: Session, num_bytes: int) -> Any:
        """The file up to the operating point, under a name that says so."""
        name = f"{session.name}-{num_bytes}.difd"
        path = served(session.data[:num_bytes], name)
        return gr.update(value=path, interactive=True, label=f"Download {present.size(num_bytes)}")

    def _argument(self, session: Session) -> str:
        shown = session.shown
        if shown is None:
            return ""
        picture = load_picture(shown.png)
        rivals = []
        if shown.psnr_db is not None:
            rivals = self.rivals.facts(session.original, shown.num_bytes, shown.psnr_db)
        return present.argument(shown, picture.width * picture.height, rivals)
