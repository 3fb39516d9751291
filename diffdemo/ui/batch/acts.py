"""What the Batch tab does: many pictures in, a table that grows, and a zip at the end or where it was cancelled."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import gradio as gr

from diffdemo.engine import Asker, Engine, Rank
from diffdemo.engine.batch.archive import archived, table
from diffdemo.engine.batch.compress import BATCH, MAX_PICTURES, Order, Outcome, Progress, compress_all
from diffdemo.engine.batch.means import means
from diffdemo.images import MAX_PIXELS
from diffdemo.ui import words
from diffdemo.ui.batch.plot import batch_plot
from diffdemo.ui.batch.table import EMPTY, batch_table, ended, working
from diffdemo.ui.codec_controls import encoding_controls, offers
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import Events
from diffdemo.ui.models import choice
from diffdemo.ui.programs.endpoints import AUTO
from diffdemo.ui.server.files import served
from diffdemo.ui.server.uploads import require_upload
from diffdemo.ui.turns import Turn, Turns

UNCHANGED = gr.skip()
ZIP, SHEET = "diffdemo-batch.zip", "diffdemo-batch.csv"


class Page(NamedTuple):
    """One value for each output component of the tab; what is not given stays as it is."""

    turn: Any = UNCHANGED
    start: Any = UNCHANGED
    cancel: Any = UNCHANGED
    status: Any = UNCHANGED
    plot: Any = UNCHANGED
    archive: Any = UNCHANGED
    sheet: Any = UNCHANGED
    table: Any = UNCHANGED


_AT_REST: dict[str, Any] = {"start": gr.update(interactive=True), "cancel": gr.update(interactive=False)}
_NO_FILE = gr.update(value=None, interactive=False)


class Batch(Events):
    """The events of the tab. Its turns are its own: the studio goes on meanwhile."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._turns = Turns()
        self._running: set[Turn] = set()

    def begin(self, files: list[str] | None, codec: str, request: gr.Request | None = None) -> Page:
        """Clear the page for another batch, which may have to wait for that of somebody else."""
        if not files:
            raise refusal("Choose some pictures first.")
        if len(files) > MAX_PICTURES:
            raise refusal(f"These are {len(files)} pictures; at most {MAX_PICTURES} can be compressed at a time.")
        return Page(
            turn=self._turns.take(request).number,
            start=gr.update(interactive=False),
            cancel=gr.update(interactive=True),
            status=words.status("Waiting for the batches of others …", 0.0),
            plot=batch_plot([], codec, self._engine.codecs()),
            archive=_NO_FILE,
            sheet=_NO_FILE,
            table=batch_table([]),
        )

    def run(
        self,
        files: list[str],
        codec: str,
        model: str | None,
        bpp: float,
        num_bytes: float | None,
        preset: str,
        most_pixels: int,
        pictures: bool,
        number: int,
        request: gr.Request | None = None,
    ) -> Iterator[Page]:
        """Compress the pictures one by one; where the turn ends, so does the work, with what is there."""
        turn = Turn.of(request, number)
        if self._turns.is_over(turn):  # Cancelled while it was waiting; another one may be on the page by now.
            yield Page()
            return
        order = self._order(codec, model, bpp, num_bytes, preset, most_pixels)
        self._running.add(turn)
        try:
            with TemporaryDirectory() as folder:
                asker = Asker(turn.visitor, Rank.BATCH, lambda: self._turns.is_over(turn))
                work = self._work(files, order, Path(folder) / ZIP, pictures, asker)
                yield from self._pages(work, len(files), codec, turn, Path(folder) / ZIP)
        finally:
            self._running.discard(turn)

    def _work(
        self, files: list[str], order: Order, path: Path, with_pictures: bool, asker: Asker
    ) -> Generator[Progress]:
        """The batch, whose zip is at that path when it has come to an end or been closed."""
        pictures = [Path(require_upload(file)) for file in files]
        return archived(compress_all(self._engine, pictures, order, asker), path, with_pictures=with_pictures)

    def _pages(self, work: Generator[Progress], count: int, codec: str, turn: Turn, path: Path) -> Iterator[Page]:
        began = time.monotonic()
        outcomes: tuple[Outcome, ...] = ()
        with closing(work):
            for progress in work:
                has_grown, outcomes = len(progress.outcomes) > len(outcomes), progress.outcomes
                if self._turns.is_over(turn):
                    break
                page = self._grown(outcomes, codec) if has_grown else Page()
                yield page._replace(status=working(progress))
        has_files = any(not outcome.error for outcome in outcomes)
        sheet = served(table(outcomes).encode(), SHEET) if outcomes else ""
        # Gradio copies the zip before it asks for more, and its folder can go.
        yield self._grown(outcomes, codec)._replace(
            status=ended(outcomes, count, time.monotonic() - began),
            archive=gr.update(value=str(path), interactive=True) if has_files else UNCHANGED,
            sheet=gr.update(value=sheet, interactive=True) if sheet else UNCHANGED,
            **_AT_REST,
        )

    def _grown(self, outcomes: Sequence[Outcome], codec: str) -> Page:
        """The plot and the table of what is done."""
        plot = batch_plot(outcomes, codec, self._engine.codecs())
        return Page(plot=plot, table=batch_table(outcomes) if outcomes else EMPTY)

    def cancel(self, request: gr.Request | None = None) -> Page:
        """End the visitor's batch: at its next step if it is running, at once if it is waiting."""
        is_running = self._turns.current(request) in self._running
        self._turns.take(request)
        if is_running:
            return Page(cancel=gr.update(interactive=False), status=words.status("Ending after this step …"))
        return Page(status=words.status("Cancelled before it began."), table=EMPTY, **_AT_REST)

    def give_up(self) -> Page:
        """What the page shows when a batch as a whole has failed; the reason is in a message."""
        return Page(status=words.status("Not compressed."), **_AT_REST)

    def refresh(self, codec: str, model: str | None) -> dict:
        """The menu of the codec's models, as far as they are here; a menu of one is no menu."""
        models = self._engine.models()
        menu = choice.choices([info for info in models if info.is_here], codec)
        value = choice.chosen(self._engine, codec, model, models).name
        return gr.update(choices=menu, value=value, visible=len(menu) > 1)

    def choose_codec(self, codec: str, model: str | None) -> tuple[dict, dict, dict, dict]:
        """Updates for the codec itself, its models, the rate and the preset."""
        choice_of_codec, rate, preset, _ = encoding_controls(offers(self._engine)[codec])
        return choice_of_codec, self.refresh(codec, model), rate, preset

    def batch(
        self,
        images: list[str],
        bpp: float = 1.0,
        num_bytes: int | None = None,
        preset: str = "balanced",
        codec: str = AUTO,
        model: str = "",
        most_pixels: int = MAX_PIXELS,
        pictures: bool = False,
    ) -> Iterator[tuple[str | None, str | None, dict]]:
        """Compress many pictures to one zip of .difd files; one that fails does not stop the rest.

        Args:
            images: picture files, at most 100.
            bpp: bits per pixel to spend on each.
            num_bytes: exact most of bytes for each instead; overrides `bpp`.
            preset: how long to search, where the codec does: "fast", "balanced" or "best".
            codec: name of one; "auto" for that of the model, or the default one.
            model: name of a model that is here; empty for the codec's own choice.
            most_pixels: larger pictures are scaled down to so many.
            pictures: whether the zip also holds the decoded pictures, as PNG.

        Returns:
            The zip, a table as CSV, and a report: an entry for each picture, with its error if it has one, and means.
            Until it is done there are no files yet, and the report says how far it is.
        """
        chosen = choice.of_program(self._engine, codec, model).codec
        order = self._order(chosen, model, bpp, num_bytes, preset, most_pixels)
        with TemporaryDirectory() as folder:
            path = Path(folder) / ZIP
            with closing(self._work(images or [], order, path, pictures, BATCH)) as work:
                for progress in work:
                    yield None, None, _progress(progress)
            outcomes = progress.outcomes
            yield str(path), served(table(outcomes).encode(), SHEET), _report(outcomes)

    def _order(
        self, codec: str, model: str | None, bpp: float, num_bytes: float | None, preset: str, most_pixels: int
    ) -> Order:
        """What the controls ask for; a number of bytes overrides the rate, and the model has to be here."""
        size = int(num_bytes) if num_bytes else None
        chosen = choice.usable(self._engine, codec, model, bpp=bpp)
        follows = size and not model  # Which model so many bytes are for is up to each picture.
        rate = None if size else chosen.rate or bpp
        return Order("" if follows else chosen.name, rate, size, preset, int(most_pixels), codec)


def _progress(progress: Progress) -> dict:
    done = {"pictures_done": len(progress.outcomes)}
    return done | {name: getattr(progress, name) for name in ("count", "share", "seconds_left")}


def _report(outcomes: tuple[Outcome, ...]) -> dict:
    """In words of JSON, which knows no infinity: that of a lossless file is null."""
    report = {"pictures": [asdict(outcome) for outcome in outcomes], "means": asdict(means(outcomes))}
    return json.loads(json.dumps(report), parse_constant=lambda _: None)
