"""Links to what the page shows: made at the press of a button, and restored when somebody opens one."""

from __future__ import annotations

from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.ui import words
from diffdemo.ui.codec_controls import encoding_controls
from diffdemo.ui.errors import friendly
from diffdemo.ui.links.permalink import LONGEST_FILE, Place, place_of, to_query
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import choice
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


DRAWN = ("ancestral", "stochastic")
"""Decoders that draw one of many pictures, of DiffC and of CDC."""


class Sharing:
    """The events of links, on one engine."""

    def __init__(self, engine: Engine, opening: Opening) -> None:
        self._engine = engine
        self._opening = opening

    @friendly
    def link(
        self,
        session: Session,
        codec: str,
        model: str,
        bpp: float,
        num_bytes: int | None,
        preset: str,
        seed: int | None,
        prompt: str | None,
        decoder: str,
        realism: float,
        draw: int | None,
        texture: str,
        steps: int,
        gamma: float,
        eta: float,
        noise: int | None,
    ) -> str:
        """The query string of what is chosen, with the file in it if that is short."""
        of_file = self._engine.describe(session.data).codec if session.data else codec
        own = {example.name for example in self._engine.examples()}
        place = Place(
            codec=codec,
            model=model or "",
            bpp=None if num_bytes else float(bpp),
            num_bytes=int(num_bytes) if num_bytes else None,
            preset=preset if codec == "diffc" else "",
            prompt=(prompt or "").strip(),
            example=session.name if session.name in own else "",
            file=session.data,
            **_diffc(decoder, realism, draw, seed) if of_file == "diffc" else _cdc(texture, steps, gamma, eta, noise),
        )
        if session.data and len(session.data) > LONGEST_FILE:
            gr.Info(f"The link names the settings. The file is longer than {LONGEST_FILE:,} bytes and is not in it.")
        else:
            gr.Info("The link is in the address bar and, where the browser allows it, copied.")
        return to_query(place)

    @friendly
    def restore(self, request: gr.Request | None = None) -> tuple[Any, ...]:
        """Set the studio's controls as a link says; what it does not name stays as it is."""
        place = place_of(request)
        codec = place.codec or self._engine.model(self._engine.default_model).codec
        chosen = choice.chosen(self._engine, codec, place.model)
        # One number in the link, and what it is the seed of follows from the decoder.
        draw, noise = (place.seed if place.decoder == drawn else None for drawn in DRAWN)
        seed = None if place.decoder in DRAWN else place.seed
        controls: list[Any] = [gr.skip()] * 5
        if place.codec or place.model or place.bpp:
            values = codec, place.bpp, place.preset or None, seed
            updates = zip(encoding_controls(codec), values, strict=True)
            controls = [update if value is None else update | {"value": value} for update, value in updates]
            controls.append(gr.update(choices=choice.choices(self._engine.models(), codec), value=chosen.name))
        of_cdc = place.decoder in words.TEXTURES
        decoders = (None, place.decoder) if of_cdc else (place.decoder or None, None)
        others = (place.num_bytes, place.prompt or None, place.realism, place.steps, place.gamma, place.eta)
        return (*controls, *map(_if_given, (*others, draw, noise, *decoders)))

    @friendly
    def linked(self, session: Session, request: gr.Request | None = None) -> Waiting | dict:
        """The file that travels in the link, for the studio to open; nothing if there is none.

        Args:
            session: who asks.
        """
        place = place_of(request)
        if not place.file:
            return gr.skip()
        info = self._engine.describe(place.file)
        missing = self._opening.missing(place.file, info)
        if missing:
            raise gr.Error(
                f"The file of this link needs {missing.label}. Download it in the model menu, then open the link anew.",
                print_exception=False,
            )
        return Waiting("shared", place.file, info.model or "", session.turn)


def wire(studio: Studio, sharing: Sharing, button: gr.Button, query: gr.Textbox, greeted: Any) -> None:
    """Connect links with the studio.

    Args:
        studio: its components.
        sharing: the handlers.
        button, query: to make a link, and where its query string passes through.
        greeted: the event after which a link is restored.
    """
    rate = [studio.codec, studio.model, studio.bpp, studio.num_bytes, studio.preset, studio.seed, studio.prompt]
    decoding = [studio.decoder, studio.realism, studio.draw, studio.texture, studio.steps]
    noise = [studio.gamma, studio.eta, studio.noise]
    made = button.click(
        sharing.link,
        [studio.session, *rate, *decoding, *noise],
        query,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    made.success(None, query, query, js=COPY, api_visibility="private")
    restored = [studio.codec, studio.bpp, studio.preset, studio.seed, studio.model, studio.num_bytes, studio.prompt]
    restored += [studio.realism, studio.steps, studio.gamma, studio.eta, studio.draw, studio.noise]
    restored += [studio.decoder, studio.texture]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    set_up = greeted.success(sharing.restore, None, restored, queue=False, **quiet)
    # By way of the state that also releases a file when its model has come: it changes only if there is a file.
    set_up.success(sharing.linked, studio.session, studio.ready, **quiet)


def _diffc(decoder: str, realism: float, draw: int | None, seed: int | None) -> dict[str, Any]:
    is_drawn = decoder in DRAWN
    return {
        "decoder": decoder,
        "realism": realism if decoder == "flow" else None,
        "seed": int(draw or 0) if is_drawn else int(seed) if seed else None,
    }


def _cdc(texture: str, steps: int, gamma: float, eta: float, noise: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"decoder": texture, "steps": int(steps)}
    return place | {"gamma": gamma, "eta": eta, "seed": int(noise or 0)} if texture == "stochastic" else place


def _if_given(value: object) -> Any:
    return gr.skip() if value is None else gr.update(value=value)
