"""What was sent, what was imagined: several pictures from one file, their mean, and where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import gradio as gr
import numpy as np

from diffdemo.engine import Engine, Running
from diffdemo.engine.records import Samples
from diffdemo.engine.samples import SPREAD_GAIN
from diffdemo.images import Pixels, to_png
from diffdemo.metrics.distortion import psnr_db
from diffdemo.plain_text import duration
from diffdemo.ui import words as present
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import Events
from diffdemo.ui.memory.png import known_pixels
from diffdemo.ui.memory.session import Session
from diffdemo.ui.studio.choices import Choices
from diffdemo.ui.studio.screen import Screen, served
from diffdemo.ui.turns import Turns

COUNT = 4
EXPLANATION = (
    "What all samples share was sent in the file; where they differ, which is bright in the spread, the decoder "
    "imagined it. Their mean is the safest guess, and its error is what no sample can know."
)
_QUIET_SECONDS = 0.4


def build(studio: SimpleNamespace) -> None:
    """Lay out the section: why, a button, and a place for the pictures."""
    with gr.Column(elem_id="imagined"):
        with gr.Row(elem_id="imagining"):
            gr.HTML(f"<b>What was sent, what was imagined</b><p>{EXPLANATION}</p>", elem_id="imagined-why")
            studio.imagine = gr.Button(
                f"Draw {COUNT} samples", interactive=False, size="md", scale=0, min_width=180, elem_id="imagine"
            )
        studio.samples = gr.Gallery(
            format="png",
            label="Samples",
            show_label=False,
            columns=COUNT,
            object_fit="contain",
            height="auto",
            interactive=False,
            visible=False,
            buttons=["fullscreen"],
            elem_id="samples",
        )


class Imagining(Events):
    """The event of the section, on one engine."""

    def __init__(self, engine: Engine, turns: Turns) -> None:
        super().__init__(engine)
        self._turns = turns

    def imagine(self, session: Session, choices: Choices, request: gr.Request | None = None) -> Iterator[Screen]:
        """Draw several pictures from the file of the session, with their mean, spread, and what the mean gets wrong.

        Args:
            choices: bytes to use of an embedded file, and numbers of the decoder that draws; the seed is of the first.
        """
        if not session.data:
            raise refusal("There is no file yet. Compress a picture, or open a file.")
        awaited = None
        while self._turns.is_working(request):
            if awaited is None:
                gr.Info("Samples come when what is going on has ended.")
            awaited = self._turns.current(request)
            yield Screen()
        if awaited and self._turns.is_over(awaited):  # Something else was begun in its place.
            return
        original = known_pixels(session.original)
        is_embedded = self._engine.describe(session.data).is_embedded
        used = min(choices.used, len(session.data)) if is_embedded else None
        turn = self._turns.take(request)
        how = {"reference": original, "asker": self._turns.asker(turn), **choices.knobs}
        moments = self._engine.samples(session.data, count=COUNT, num_bytes=used, **how)
        sent = present.size(used or len(session.data))
        yield from self._turns.at_work(turn, _screens(moments, original, sent), Screen())


def _screens(moments: Running[Samples], original: Pixels | None, sent: str) -> Iterator[Screen]:
    """The gallery as it fills; a picture that only gets a little sharper waits for the next."""
    for place in moments.places():
        yield Screen(status=present.waiting(place), stop=gr.update(interactive=True))
    quiet_since = time.monotonic()
    for moment in moments:
        if moment.share_done < 1 and time.monotonic() - quiet_since > _QUIET_SECONDS:
            quiet_since = time.monotonic()
            line = present.sampling(len(moment.pictures), moment.count, moment.share_done)
            yield _screen(moment, original, sent, line)._replace(stop=gr.update(interactive=True))
    line = present.status(f"{moment.count} samples, in {duration(moments.seconds)}.")
    yield _screen(moment, original, sent, line)._replace(stop=gr.update(interactive=False))


def _screen(samples: Samples, original: Pixels | None, sent: str, line: str) -> Screen:
    pictures = [(served(to_png(pixels), "sample.png"), words) for pixels, words in gallery(samples, original, sent)]
    return Screen(status=line, samples=gr.update(value=pictures, visible=True))


def gallery(samples: Samples, original: Pixels | None, sent: str) -> list[tuple[Pixels, str]]:
    """The samples, their mean, their spread, and how far the mean is from the original; each with its caption.

    Args:
        sent: how much of the file they are drawn from, in words: the slider may have gone on since.
    """
    shown = [
        (pixels, _captioned(f"sample {number} from {sent}", quality))
        for number, (pixels, quality) in enumerate(zip(samples.pictures, samples.psnr_db, strict=True), 1)
    ]
    quality = None if original is None else psnr_db(original, samples.mean)
    shown.append((samples.mean, _captioned(f"mean of {len(samples.pictures)}", quality)))
    shown.append((samples.spread, f"spread, x {SPREAD_GAIN:g}"))
    if original is not None:
        shown.append((difference(samples.mean, original), f"error of the mean, x {SPREAD_GAIN:g}"))
        shown.append((original, present.ORIGINAL))
    return shown


def difference(one: Pixels, other: Pixels) -> Pixels:
    """How far two pictures are apart, as a grey picture as bright as the spread would be."""
    apart = np.sqrt(np.mean((one.astype(np.float32) - other) ** 2, axis=2, keepdims=True))
    return np.repeat(np.clip(np.rint(SPREAD_GAIN * apart), 0, 255).astype(np.uint8), 3, axis=2)


def _captioned(name: str, quality: float | None) -> str:
    return ", ".join(part for part in (name, present.quality(quality)) if part)
