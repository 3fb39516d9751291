"""Links to what the page shows: made at the press of a button, and the page's controls set as one says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from diffdemo.engine import KNOBS, Engine
from diffdemo.metrics.registry import BASE, available
from diffdemo.ui.codec_controls import encoding_controls, offers, read_by
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import AT_ONCE, LATEST, SILENT, Events
from diffdemo.ui.links.permalink import LONGEST_FILE, in_text, place_of
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import choice
from diffdemo.ui.plot import published
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.plot.view import View
from diffdemo.ui.studio.opening import Opening, Waiting
from diffdemo.ui.studio.page import Studio

IN_THE_LINK = "The link is in the address bar and, where the browser allows it, copied."
ON_THE_SHELF = " This server keeps picture and file for it, for a day: whoever has the link can see both."


class Sharing(Events):
    """The events of links, on one engine.

    Args:
        shelf: for what is too long for a link.
    """

    def __init__(self, engine: Engine, opening: Opening, shelf: Shelf) -> None:
        super().__init__(engine)
        self._opening = opening
        self._shelf = shelf
        self._codecs = offers(engine)

    def share(self, session: Session, used: int, request: gr.Request | None = None) -> str:
        """What a link needs besides what is chosen: the picture, and the file cut at the slider."""
        own = self._engine.example_file(session.example) if session.example else None
        if session.example and session.data in (b"", own):
            gr.Info(IN_THE_LINK)
            return urlencode({"example": session.example})
        if not (session.data or session.source):
            raise refusal("There is nothing to link to yet.")
        is_cut = session.data and self._engine.describe(session.data).is_embedded and used
        data = session.data[: int(used)] if is_cut else session.data
        leads_to = {"name": session.name}
        if 0 < len(data) <= LONGEST_FILE:
            leads_to |= {"file": in_text(data)} | ({"example": session.example} if session.example else {})
        if "file" not in leads_to or (session.source and not session.example):
            leads_to["kept"] = self._shelf.put(session, data, request.client.host if request and request.client else "")
        gr.Info(IN_THE_LINK + (ON_THE_SHELF if "kept" in leads_to else " The file is in it."))
        return urlencode(leads_to)

    def restore(self, query: str | None = None) -> tuple[Any, ...]:
        """Set the studio's controls as a link says; what it does not name stays as it is.

        A decoder of another codec than the first is none of the entries yet: the session remembers it, see `greet`.
        """
        place, first = place_of(query, self._codecs), next(iter(self._codecs.values()))
        codec = place.codec or self._engine.model(self._engine.default_model).codec
        chosen = choice.chosen(self._engine, codec, place.model, bpp=place.bpp)
        knobs: dict[str, Any] = dict(place.knobs)
        seed: Any = place.file_seed
        # In links of before there is one seed, and whose it is follows from the decoder.
        if seed is None and not (place.decoder and "seed" in read_by(place.decoder)):
            seed = knobs.pop("seed", None)
        controls: list[Any] = [gr.skip()] * 5
        if place.codec or place.model or place.bpp:
            values = codec, place.bpp, place.preset or None, seed
            updates = zip(encoding_controls(self._codecs[codec]), values, strict=True)
            controls = [update if value is None else update | {"value": value} for update, value in updates]
            controls.append(gr.update(choices=choice.choices(self._engine.models(), codec), value=chosen.name))
        decoder = place.decoder if place.decoder in first.decoders else None
        rates = place.left_rate or None, place.right_rate or None
        others = (place.num_bytes, place.prompt or None, decoder, *map(knobs.get, KNOBS), *rates)
        return (*controls, *map(_if_given, others), *self._plot_as(place.view))

    def linked(self, session: Session) -> Waiting | dict:
        """The file that has been brought, for the studio to open; nothing if there is none."""
        if session.notice:
            gr.Warning(escape(session.notice))
        if not session.is_brought:
            return gr.skip()
        info = self._engine.describe(session.data)
        missing = self._opening.missing(session.data, info)
        if missing:
            raise refusal(
                f"The file of this link needs {missing.label}. Download it in the model menu, then open the link anew."
            )
        return Waiting(session.name, session.data, info.model or "", session.turn)

    def _plot_as(self, words: str) -> tuple[Any, ...]:
        """The view in words, the controls that say it, and where its published curves come from."""
        view, offered = View.read(words), kinds(self._engine.codecs())
        if not words:
            return (gr.skip(),) * 8
        metric = view.metric if view.metric in {each.name for each in available()} else BASE
        others = view.others if view.others in {key for _, key in published.choices()} else ""
        view = replace(view, metric=metric, others=others)
        lines = [kind for kind in offered if kind not in view.hidden]
        controls = (view.metric, view.across, view.scale, lines, view.sweeps, view.others)
        return view.words(), *controls, published.credit(view)


def wire(studio: Studio, sharing: Sharing, button: gr.Button, query: gr.Textbox, greeted: Any, recall: str) -> Any:
    """Connect links with the studio; gives the event that sets its controls as a link says.

    Args:
        greeted: the event that shows what the page opens with.
        recall: program that tells the query string.
    """
    names = json.dumps(defaults(studio.named))
    made = button.click(sharing.share, [studio.session, studio.used], query, **SILENT)
    link = f"(leads_to, ...values) => diffdemoMemory.link({names}, values, leads_to)"
    made.success(None, [query, *studio.named.values()], query, js=link, api_visibility="private")
    keep = {"js": f"(...values) => diffdemoMemory.keep({names}, values)", "api_visibility": "private"}
    seen = [studio.source, *studio.named.values()]
    gr.on([each.change for each in seen], None, seen, **keep, **LATEST)
    encoding = [studio.codec, studio.bpp, studio.preset, studio.seed, studio.model, studio.num_bytes, studio.prompt]
    stage = [studio.decoder, *studio.knobs.values(), studio.left_rate, studio.right_rate]
    plot = [studio.view, studio.metric, studio.across, studio.scale, studio.lines, studio.sweeps, studio.others]
    restored = [*encoding, *stage, *plot, studio.credit]
    set_up = greeted.success(sharing.restore, query, restored, js=recall, **AT_ONCE)
    # By way of the state that also releases a file when its model has come: it changes only if there is a file.
    set_up.success(sharing.linked, studio.session, studio.ready, **SILENT)
    return set_up


def defaults(named: Mapping[str, Any]) -> dict[str, Any]:
    """What controls begin with, by their names in a link; None for what a link always says."""
    return {name: None if name == "bpp" else component.value for name, component in named.items()}


def _if_given(value: object) -> Any:
    return gr.skip() if value is None else gr.update(value=value)
