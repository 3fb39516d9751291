"""The model menu: choose one, read about it, download it. The page goes on with the model that it has meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr

from diffdemo.engine import Engine, ModelInfo
from diffdemo.errors import DiffDemoError
from diffdemo.ui.codec_controls import encoding_controls, offers, stops
from diffdemo.ui.errors import UNEXPECTED
from diffdemo.ui.events import AT_ONCE, DOWNLOADS, LATEST, SILENT, Events
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import card
from diffdemo.ui.models import choice as models
from diffdemo.ui.studio.opening import Waiting
from diffdemo.ui.studio.page import Studio
from diffdemo.ui.turns import Turns

_log = logging.getLogger(__name__)

_HIDDEN = gr.update(visible=False)
_AS_THEY_ARE = (gr.skip(),) * 4
"""The controls for encoding: codec, rate, preset, seed."""


COUNT_BYTES = (
    '(text) => ({ __type__: "update", '
    "info: `Part of the file: ${new TextEncoder().encode(text.trim()).length} bytes.` })"
)
"""In the browser, because a prompt is counted while it is typed."""


class Shelf(NamedTuple):
    """One value for each output component of the menu; what is not given stays as it is."""

    model: Any = gr.skip()
    level: Any = gr.skip()
    prompt: Any = gr.skip()
    card: Any = gr.skip()
    fetch: Any = gr.skip()
    look: Any = gr.skip()
    arriving: Any = gr.skip()
    cancel: Any = gr.skip()
    fetching: Any = gr.skip()


class Menu(Events):
    """The events of the menu, with the engine that they work on.

    Args:
        turns: of downloads alone. They paint other components than the studio's work, and neither must end the other.
    """

    def __init__(self, engine: Engine, turns: Turns) -> None:
        super().__init__(engine)
        self._turns = turns

    def refresh(self, codec: str, model: str | None, fetching: str, waiting: Waiting) -> Shelf:
        """Show the menu of a codec as it is now, with the card of the chosen model if that is not here.

        Args:
            model: name of the chosen model; the codec's own choice if it has none of that name.
            fetching: name of the model that this visitor is downloading; empty for none.
        """
        chosen, own = models.chosen(self._engine, codec, model), offers(self._engine)
        level = stops(own[codec], chosen)
        why = f"The file {waiting.name}.difd needs this model." if waiting.model == chosen.name else ""
        entries = models.choices(self._engine.models(), codec)
        return Shelf(
            # Hidden and still there: what is chosen has to be read from it.
            model=gr.update(choices=entries, value=chosen.name, visible="hidden" if level["visible"] else True),
            level=gr.update(**level),
            prompt=gr.update(visible=chosen.takes_prompt),
            card=_HIDDEN if chosen.is_here else gr.update(value=card.facts(chosen, why), visible=True),
            fetch=_button(chosen, fetching),
            look=gr.update(visible=own[codec].is_listed, interactive=not fetching),
        )

    def choose(self, codec: str, model: str | None, fetching: str, waiting: Waiting) -> Shelf:
        """Show the menu when a visitor chooses, who has read by then how the last download ended."""
        shelf = self.refresh(codec, model, fetching, waiting)
        return shelf if fetching else shelf._replace(arriving=_HIDDEN)

    def snap(self, codec: str, level: int, fetching: str, waiting: Waiting) -> Shelf:
        """Turn to the model of the rate at which the slider stopped."""
        rates = offers(self._engine)[codec].stops
        rate = rates[min(max(0, int(level)), len(rates) - 1)] if rates else None
        return self.choose(codec, self._engine.model_at(codec, bpp=rate).name, fetching, waiting)

    def meet(
        self, session: Session, num_bytes: float | None, codec: str, model: str | None, fetching: str, waiting: Waiting
    ) -> Shelf:
        """Turn to the model whose files fit into so many bytes, here or not, where each model has one rate."""
        if not (num_bytes and session.source and offers(self._engine)[codec].stops):
            return Shelf()
        pixels, size = pixels_of(session.source), int(num_bytes)
        fitting = self._engine.model_at(codec, pixels, num_bytes=size, bpp=24 * size / pixels.size)
        return self.choose(codec, fitting.name, fetching, waiting)

    def look(self, codec: str, model: str | None, waiting: Waiting) -> Shelf:
        """Ask the Hub for the checkpoints that the authors of CDC have released."""
        before = {info.name for info in self._engine.models()}
        try:
            found = self._engine.models(refresh=True)
        except DiffDemoError as error:
            return Shelf(arriving=gr.update(value=card.failed(str(error)), visible=True))
        new = sum(info.name not in before for info in found)
        words = f"{new} more in the menu." if new else "The menu has them all."
        shown = gr.update(value=card.told(words), visible=True)
        return self.refresh(codec, model, "", waiting)._replace(arriving=shown)

    def offer(self, codec: str, model: str | None, fetching: str, waiting: Waiting) -> tuple:
        """Turn to the model that a file is waiting for, if one is: to its codec's controls, and to its card."""
        if not waiting.model:
            return (*_AS_THEY_ARE, *Shelf())
        wanted = self._engine.model(waiting.model)
        shelf = self.choose(wanted.codec, wanted.name, fetching, waiting)
        if wanted.codec == codec:
            return (*_AS_THEY_ARE, *shelf)
        choice, *others = encoding_controls(offers(self._engine)[wanted.codec])
        return (choice | {"value": wanted.codec}, *others, *shelf)

    def fetch(self, codec: str, model: str | None, request: gr.Request | None = None) -> Iterator[Shelf]:
        """Download the chosen model, telling several times a second how far it is."""
        wanted = models.chosen(self._engine, codec, model)
        turn = self._turns.take(request)
        yield from self._turns.while_mine(turn, self._arriving(wanted), Shelf())

    def cancel(self, request: gr.Request | None = None) -> Shelf:
        """End the download; it is gone on with when somebody wants the model again."""
        self._turns.take(request)
        return _ended(card.told(card.CANCELLED))

    def _arriving(self, wanted: ModelInfo) -> Iterator[Shelf]:
        """Failures are told where the download is, and stay there: nothing else on the page is lost."""
        try:
            for moment in self._engine.download(wanted.name):
                yield Shelf(
                    fetch=_HIDDEN,
                    arriving=gr.update(value=card.progress(moment, wanted.label), visible=True),
                    cancel=gr.update(visible=True),
                    fetching=wanted.name,
                )
            yield _ended(card.arrived(wanted.label))
        except DiffDemoError as error:
            yield _ended(card.failed(str(error)))
        except Exception:
            _log.exception("a download failed")
            yield _ended(card.failed(UNEXPECTED))


def wire(demo: gr.Blocks, studio: Studio, menu: Menu, loaded: Any, restored: Any) -> Any:
    """Connect the menu; gives the event that follows when a download has ended, however it did."""
    shelf = [getattr(studio, name) for name in Shelf._fields]
    choice = [studio.codec, studio.model]
    about = [*choice, studio.fetching, studio.waiting]
    demo.load(menu.refresh, about, shelf, **AT_ONCE)
    restored.success(menu.refresh, about, shelf, **AT_ONCE)
    moved = [studio.codec, studio.level, studio.fetching, studio.waiting]
    studio.level.input(menu.snap, moved, shelf, **AT_ONCE, **LATEST)
    studio.num_bytes.input(menu.meet, [studio.session, studio.num_bytes, *about], shelf, **AT_ONCE, **LATEST)
    gr.on([studio.model.input, studio.codec.input], menu.choose, about, shelf, **AT_ONCE, **LATEST)
    seen = {"show_progress": "minimal", "show_progress_on": studio.look, "api_visibility": "private"}
    studio.look.click(menu.look, [*choice, studio.waiting], shelf, **seen, **DOWNLOADS)
    loaded.success(menu.offer, about, [studio.codec, studio.bpp, studio.preset, studio.seed, *shelf], **AT_ONCE)
    fetched = studio.fetch.click(menu.fetch, choice, shelf, **SILENT, **DOWNLOADS)
    studio.cancel.click(menu.cancel, None, shelf, **AT_ONCE)
    studio.prompt.change(None, studio.prompt, studio.prompt, js=COUNT_BYTES, api_visibility="private")
    return fetched.then(menu.refresh, about, shelf, **AT_ONCE)


def _button(chosen: ModelInfo, fetching: str) -> dict:
    """The button: gone if there is nothing to download, waiting while this visitor downloads something else."""
    words = f"Download {card.volume(chosen.num_bytes)}"
    return gr.update(value=words, visible=not chosen.is_here and fetching != chosen.name, interactive=not fetching)


def _ended(words: str) -> Shelf:
    return Shelf(arriving=gr.update(value=words, visible=True), cancel=_HIDDEN, fetching="")
