"""Links to what the page shows: made at the press of a button, and restored when somebody opens one."""

from __future__ import annotations

from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, Engine
from diffdemo.ui.codec_controls import encoding_controls, offers, read_by
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import AT_ONCE, SILENT, Events
from diffdemo.ui.links.permalink import LONGEST_FILE, Place, place_of, to_query
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import choice
from diffdemo.ui.studio.choices import Choices, Settings, by_values
from diffdemo.ui.studio.opening import Opening, Waiting
from diffdemo.ui.studio.page import Studio

COPY = """(query) => {
    const link = location.origin + location.pathname + (query ? "?" + query : "");
    history.replaceState(null, "", link);
    if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(link); }
    return query;
}"""
"""In the browser, which alone knows its address. Where a page may not use the clipboard, the link is in the address
bar all the same."""


class Sharing(Events):
    """The events of links, on one engine."""

    def __init__(self, engine: Engine, opening: Opening) -> None:
        super().__init__(engine)
        self._opening = opening
        self._codecs = offers(engine)

    def link(self, session: Session, settings: Settings, choices: Choices) -> str:
        """The query string of what is chosen, with the file in it if that is short."""
        own = {example.name for example in self._engine.examples()}
        codec = settings.codec or next(iter(self._codecs))
        of_file = self._engine.describe(session.data).codec if session.data else codec
        seed = {"seed": settings.seed} if settings.seed and "seed" in self._codecs[of_file].options else {}
        place = Place(
            codec=codec,
            model=settings.model,
            # Where each model has one rate, the model says which.
            bpp=None if settings.num_bytes or self._codecs[codec].stops else settings.bpp,
            num_bytes=settings.num_bytes,
            preset=settings.preset if "preset" in self._codecs[codec].options else "",
            prompt=settings.prompt,
            decoder=choices.decoder,
            knobs=seed | choices.read_knobs,
            example=session.name if session.name in own else "",
            file=session.data,
        )
        if session.data and len(session.data) > LONGEST_FILE:
            gr.Info(f"The link names the settings. The file is longer than {LONGEST_FILE:,} bytes and is not in it.")
        else:
            gr.Info("The link is in the address bar and, where the browser allows it, copied.")
        return to_query(place)

    def restore(self, request: gr.Request | None = None) -> tuple[Any, ...]:
        """Set the studio's controls as a link says; what it does not name stays as it is.

        A decoder of another codec than the first is none of the entries yet: the session remembers it, see `greet`.
        """
        place, first = place_of(request, self._codecs), next(iter(self._codecs.values()))
        codec = place.codec or self._engine.model(self._engine.default_model).codec
        chosen = choice.chosen(self._engine, codec, place.model, bpp=place.bpp)
        knobs = dict(place.knobs)
        # One number in the link, and what it is the seed of follows from the decoder.
        draws = place.decoder and "seed" in read_by(place.decoder)
        seed = None if draws else knobs.pop("seed", None)
        controls: list[Any] = [gr.skip()] * 5
        if place.codec or place.model or place.bpp:
            values = codec, place.bpp, place.preset or None, seed
            updates = zip(encoding_controls(self._codecs[codec]), values, strict=True)
            controls = [update if value is None else update | {"value": value} for update, value in updates]
            controls.append(gr.update(choices=choice.choices(self._engine.models(), codec), value=chosen.name))
        decoder = place.decoder if place.decoder in first.decoders else None
        others = (place.num_bytes, place.prompt or None, decoder, *map(knobs.get, KNOBS))
        return (*controls, *map(_if_given, others))

    def linked(self, session: Session, request: gr.Request | None = None) -> Waiting | dict:
        """The file that travels in the link, for the studio to open; nothing if there is none."""
        place = place_of(request, self._codecs)
        if not place.file:
            return gr.skip()
        info = self._engine.describe(place.file)
        missing = self._opening.missing(place.file, info)
        if missing:
            raise refusal(
                f"The file of this link needs {missing.label}. Download it in the model menu, then open the link anew."
            )
        return Waiting("shared", place.file, info.model or "", session.turn)


def wire(studio: Studio, sharing: Sharing, button: gr.Button, query: gr.Textbox, greeted: Any) -> Any:
    """Connect links with the studio; gives the event that sets its controls as a link says."""
    chosen = [studio.session, *studio.settings, *studio.choices]
    made = button.click(by_values(sharing.link), chosen, query, **AT_ONCE)
    made.success(None, query, query, js=COPY, api_visibility="private")
    restored = [studio.codec, studio.bpp, studio.preset, studio.seed, studio.model, studio.num_bytes, studio.prompt]
    set_up = greeted.success(sharing.restore, None, [*restored, studio.decoder, *studio.knobs.values()], **AT_ONCE)
    # By way of the state that also releases a file when its model has come: it changes only if there is a file.
    set_up.success(sharing.linked, studio.session, studio.ready, **SILENT)
    return set_up


def _if_given(value: object) -> Any:
    return gr.skip() if value is None else gr.update(value=value)
