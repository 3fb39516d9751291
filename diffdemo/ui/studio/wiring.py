"""The events of the studio: which control starts what, and what stops what."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.ui.closer import section
from diffdemo.ui.closer.acts import Looks
from diffdemo.ui.events import AT_ONCE, DEVICE, EXAMPLES, LATEST, LOW_PRIORITY, SILENT
from diffdemo.ui.links import sharing
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory import history
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.studio import comparison, menu, plotting
from diffdemo.ui.studio.choices import by_values
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.menu import Menu
from diffdemo.ui.studio.opening import Opening
from diffdemo.ui.studio.page import Studio
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.samples import Imagining
from diffdemo.ui.studio.screen import Painter, Screen
from diffdemo.ui.turns import Turns

_RECALL = "() => diffdemoMemory.recall()"
_QUERY = "() => diffdemoMemory.query()"


class Acts:
    """What answers the studio's events, on one engine; a visitor has one turn in all of them, except in the menu."""

    def __init__(self, engine: Engine, turns: Turns) -> None:
        painter = Painter(engine, Baselines(engine))
        shelf = Shelf()
        self.pictures = Pictures(engine, painter, turns, shelf)
        self.handlers = Handlers(engine, painter, turns)
        self.opening = Opening(engine, painter, turns)
        self.viewing = Viewing(engine, painter, turns)
        self.comparison = Comparison(engine, painter, turns)
        self.imagining = Imagining(engine, turns)
        self.plotting = Plotting(engine, painter, turns)
        self.menu = Menu(engine, Turns())
        self.sharing = sharing.Sharing(engine, self.opening, shelf)
        self.looks = Looks(engine, Turns())


def wire(demo: gr.Blocks, studio: Studio, closer: SimpleNamespace, acts: Acts) -> None:
    """Connect the studio's components with what answers their events."""
    wires = _Wires(studio, closer, acts)
    wires.begin(demo)
    wires.compress_and_open(demo)
    wires.decode()
    wires.complete_plots()
    wires.change_pictures()
    wires.come_back_to_halves()
    wires.show_what_can_be_chosen()


class _Wires:
    """The connections, group by group.

    `running` grows by all that can be cancelled, `ending` by those after which nothing more is going on.
    """

    def __init__(self, studio: Studio, closer: SimpleNamespace, acts: Acts) -> None:
        self.studio, self.closer, self.acts = studio, closer, acts
        screen = [getattr(studio, name) for name in Screen._fields]
        self.shown: dict[str, Any] = {"outputs": screen, "show_progress": "hidden"}
        seen: dict[str, Any] = {"outputs": screen, "show_progress": "minimal", "show_progress_on": studio.status}
        self.work, self.example = seen | DEVICE, seen | EXAMPLES
        self.view, self.before = [studio.session, studio.view], [studio.view, studio.session]
        self.choices = [studio.session, *studio.choices, *studio.halves]
        self.running: list[Any] = []
        self.ending: list[Any] = []
        self.drawing: list[Any] = []
        self.restored: Any = None

    def begin(self, demo: gr.Blocks) -> None:
        """An example, before anybody has done anything, or what a link leads to, or what was here before a reload."""
        acts, closer = self.acts, self.closer
        brought = [FileInput(label=name, visible=False) for name in ("picture", "original", ".difd file")]
        tried = gr.Textbox(label="Tried before", visible=False, max_length=history.MAX_TEXT)
        remembered = [*brought, closer.query, tried]
        greeted = demo.load(acts.pictures.greet, remembered, **self.shown, js=_RECALL, queue=False, api_name="greet")
        self.restored = sharing.wire(self.studio, acts.sharing, closer.link, closer.query, greeted, _QUERY)
        opening = acts.handlers.open_example
        opened = greeted.success(opening, self.view, **self.example, api_name="open_first_example")
        self.running.append(opened)
        self.ending.append(opened)
        self.studio.kept.pulse(acts.pictures.is_known, self.studio.session, self.studio.kept, **AT_ONCE)

    def compress_and_open(self, demo: gr.Blocks) -> None:
        """How a file comes to the page; the chosen decoder is applied to it."""
        studio, acts = self.studio, self.acts
        ordered = [studio.session, *studio.settings, studio.view]
        encoded = studio.compress.click(by_values(acts.handlers.encode), ordered, **self.work, api_name="encode")
        opened = [studio.open, *self.before]
        loaded = studio.open.upload(acts.opening.open_file, opened, **self.work, api_name="open_file")
        beside = [studio.beside, *self.before]
        measured = studio.beside.upload(acts.opening.add_original, beside, **self.work, api_name="add_original")
        resumed = studio.go_on.click(acts.handlers.go_on, self.view, **self.work, api_name="go_on")
        fetched = menu.wire(demo, studio, acts.menu, loaded, self.restored)
        # By way of a state that changes only then: most downloads open no file, and should not wait for the device.
        # Gradio notices the change in events that are queued.
        fetched.success(acts.opening.release, studio.waiting, studio.ready, **SILENT)
        private = self.work | {"api_visibility": "private"}
        released = studio.ready.change(acts.opening.open_released, [studio.ready, *self.before], **private)
        begun, finish = [encoded, loaded, released, measured, resumed], by_values(acts.viewing.finish)
        finished = [event.success(finish, self.choices, **private) for event in begun]
        self.running += [*begun, *finished]
        self.drawing += finished

    def decode(self) -> None:
        """The file in another way, as its controls say, and samples of it."""
        studio, acts = self.studio, self.acts
        asked = [studio.used.release, studio.decoder.input]
        asked += [each.release if isinstance(each, gr.Slider) else each.input for each in studio.knobs.values()]
        # In two events: one that cancelled would also cancel what it started.
        seen, interrupt = [studio.session, *studio.halves], by_values(acts.viewing.interrupt)
        interrupted = gr.on(asked, interrupt, seen, queue=False, api_visibility="private")
        refine = by_values(acts.viewing.refine)
        refined = interrupted.success(refine, self.choices, **self.work, **LATEST, api_name="decode")
        studio.used.input(None, cancels=[refined], api_visibility="private")
        imagined = studio.imagine.click(
            by_values(acts.imagining.imagine), [studio.session, *studio.choices], **self.work, api_name="imagine"
        )
        opposed = comparison.wire(studio, acts.comparison, self.shown, self.work)
        section.wire(self.closer, acts.looks, studio)
        self.running += [refined, imagined, opposed]
        self.ending += [*self.drawing, refined, imagined]
        self.drawing.append(refined)

    def complete_plots(self) -> None:
        """What is drawn when nobody waits for anything else."""
        replotted, chosen = plotting.wire(self.studio, self.acts.plotting)
        completing = [self._complete(event, **LATEST) for event in (*self.drawing, replotted)]
        # Elsewhere they end with their turn: the browser complains about what is cancelled before the server knows it.
        _cancel_each(chosen, completing)

    def _complete(self, event: Any, **options: Any) -> Any:
        act = self.acts.plotting.complete
        return event.success(act, self.view, self.studio.plot, **SILENT, **options, **LOW_PRIORITY)

    def change_pictures(self) -> None:
        """Another picture, or Stop: either ends what is going on."""
        studio, pictures, handlers = self.studio, self.acts.pictures, self.acts.handlers
        _cancel_each(studio.examples.pick, self.running)
        picked = studio.examples.pick(
            pictures.choose_example,
            self.before,
            **self.shown,
            # Each click is sent: of two quick ones, Gradio's "always_last" forgets the second now and then.
            trigger_mode="multiple",
            api_visibility="private",
        )
        # Where an example is opening already, that one ends by its turn: there is no cancelling it without its
        # successor.
        reopened = picked.success(
            handlers.open_example, self.view, **self.example, trigger_mode="multiple", api_name="open_example"
        )
        self.running.append(reopened)
        self.ending.append(reopened)
        self._complete(reopened)
        _cancel_each(studio.source.upload, self.running)
        sent = [studio.source, *self.before]
        uploaded = studio.source.upload(pictures.upload, sent, **self.shown, preprocess=False, api_name="upload")
        uploaded.success(self.acts.sharing.linked, studio.session, studio.ready, **SILENT)
        uploaded.failure(pictures.keep, studio.session, studio.source, **AT_ONCE)
        _cancel_each(studio.stop.click, self.running)
        studio.stop.click(handlers.stop, self.view, **self.shown, queue=False, api_name="stop")

    def come_back_to_halves(self) -> None:
        """A half that was chosen while something went on."""
        followed = comparison.follow(self.studio, self.acts.comparison, self.ending, self.work)
        for trigger in (self.studio.examples.pick, self.studio.source.upload, self.studio.stop.click):
            _cancel_each(trigger, followed)

    def show_what_can_be_chosen(self) -> None:
        """Choices that change what else can be chosen; nothing is computed."""
        studio, acts = self.studio, self.acts
        size = [studio.session, studio.side, studio.codec]
        studio.side.input(acts.pictures.choose_size, size, studio.side, **SILENT, **LATEST)
        encoding = [studio.codec, studio.bpp, studio.preset, studio.seed]
        studio.codec.input(acts.handlers.choose_codec, studio.codec, encoding, **AT_ONCE, **LATEST)
        knobs = [*studio.knobs.values()]
        chosen = [studio.decoder, studio.session]
        studio.decoder.change(acts.viewing.choose_decoder, chosen, knobs, **AT_ONCE, **LATEST)


def _cancel_each(trigger: Callable[..., Any], events: list[Any]) -> None:
    """Let a control cancel whatever of these is going on when it is used.

    In an event of its own for each: given several, Gradio's page waits for the server to end the first, which takes as
    long as a step does, and then ends those of the others that have been started since.
    """
    for event in events:
        trigger(None, cancels=[event], api_visibility="private")
