"""What hangs on the wall: all that codecs and decoders make of one picture with as many bytes, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import gradio as gr

from diffdemo.engine import DECODERS, KNOBS, Asker, Decoder, Engine
from diffdemo.engine.classical.formats import FORMATS, available
from diffdemo.engine.records import Frame
from diffdemo.errors import Cancelled, DiffDemoError
from diffdemo.ui import words
from diffdemo.ui.closer.wall import Cell, Wall
from diffdemo.ui.compare import previews, sides
from diffdemo.ui.compare.sides import ORIGINAL
from diffdemo.ui.memory.png import known_pixels
from diffdemo.ui.memory.session import Session, Side
from diffdemo.ui.models import choice
from diffdemo.ui.server.files import served

VALUES: dict[str, tuple[float, ...]] = {"realism": (0.5, 1.0), "gamma": (0.4, 0.8, 1.2)}
"""Knobs that are shown at several values beside each other."""
Way = tuple[str, dict[str, Any]]
"""Name of a codec, classical or ours, and how its decoder is asked."""


def ways(engine: Engine) -> dict[str, Way]:
    """All that can hang on the wall, by caption."""
    found: dict[str, Way] = {words.ORIGINAL: (ORIGINAL, {})}
    found |= {FORMATS[name].label: (name, {}) for name in available()}
    for codec in engine.codecs():
        found |= {f"{codec.label}, {way}": (codec.name, how) for way, how in every_way(codec.decoders)}
    return found


def usual(engine: Engine) -> list[str]:
    """What hangs there unless somebody chooses: of each decoder whose model is here one picture."""
    absent = {codec.name for codec in engine.codecs() if not engine.model(codec.default_model).is_here}
    return [
        caption
        for caption, (codec, how) in ways(engine).items()
        if codec not in absent and all(how[name] == KNOBS[name].default for name in VALUES if name in how)
    ]


def every_way(decoders: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can be made of a file: words, and arguments for `Engine.decode`."""
    for decoder in decoders:
        way = DECODERS[Decoder(decoder)]
        varied = [(knob, value) for knob in way.knobs for value in VALUES.get(knob, ())]
        for knob, value in varied:
            yield f"{way.short}, {knob} {value:g}", {"decoder": decoder, knob: value}
        if not varied:
            yield way.short, {"decoder": decoder}


def hang(engine: Engine, session: Session, wanted: Collection[str], used: int, asker: Asker) -> Iterator[Wall]:
    """The wall as it fills.

    Args:
        session: with a file; where its original is not known, only its own decoders can hang there.
        wanted: captions out of `ways`.
        used: bytes of an embedded file to use.
    """
    info = engine.describe(session.data)
    possible = {
        caption: way
        for caption, way in ways(engine).items()
        if caption in wanted and (session.original or way[0] == info.codec)
    }
    num_bytes = min(used, len(session.data)) if info.is_embedded else len(session.data)
    cells = tuple(map(Cell, possible))
    wall = Wall(session.name, info.width, info.height, num_bytes, cells)
    making = _Making(engine, session, num_bytes, asker)
    for number, (caption, way) in enumerate(possible.items(), 1):
        place = f"{number} of {len(possible)}: {caption}"
        try:
            for cell, line in making.of(caption, way):
                wall = wall.having(cell, ", ".join(filter(None, (place, line))))
                yield wall
        except Cancelled:
            raise
        except (DiffDemoError, gr.Error) as error:
            wall = wall.having(Cell(caption, note=str(getattr(error, "message", error))), place)
            yield wall
    yield wall.ended()


class _Making:
    """The cells of one wall, with the files that are made for it."""

    def __init__(self, engine: Engine, session: Session, num_bytes: int, asker: Asker) -> None:
        self._engine, self._session, self._num_bytes, self._asker = engine, session, num_bytes, asker
        self._files = {engine.describe(session.data).codec: session.data}

    def of(self, caption: str, way: Way) -> Iterator[tuple[Cell, str]]:
        """A cell as it comes, with words for how far it is.

        Raises:
            DiffDemoError, gr.Error: it cannot be made.
        """
        codec, how = way
        if codec == ORIGINAL:
            yield _cell(caption, sides.of_original(self._session.original)), ""
        elif codec in FORMATS:
            pixels = known_pixels(self._session.original)
            assert pixels is not None, "without the original it is not on the wall"
            yield Cell(caption), ""
            result = self._engine.classical(pixels, codec, num_bytes=self._num_bytes)
            side = sides.of_classical(result, self._num_bytes, self._session.original)
            yield _cell(caption, side, result.point.num_bytes / self._num_bytes), ""
        else:
            if codec not in self._files:
                yield from self._compressed(caption, codec)
            yield from self._decoded(caption, codec, how)

    def _compressed(self, caption: str, codec: str) -> Iterator[tuple[Cell, str]]:
        pixels = known_pixels(self._session.original)
        assert pixels is not None, "without the original it is not on the wall"
        model = choice.fitting(self._engine, codec, pixels, self._num_bytes)
        moments = self._engine.encode(
            pixels, codec=codec, model=model.name, num_bytes=self._num_bytes, asker=self._asker
        )
        for place in moments.places():
            yield Cell(caption), words.place_in_line(place)
        for moment in moments:
            yield _preview(caption, moment.frame), words.step_of(moment.frame)
        self._files[codec] = moment.data

    def _decoded(self, caption: str, codec: str, how: dict[str, Any]) -> Iterator[tuple[Cell, str]]:
        data, original = self._files[codec], self._session.original
        part = self._num_bytes if self._num_bytes < len(data) else None
        frames = self._engine.decode(data, num_bytes=part, reference=known_pixels(original), asker=self._asker, **how)
        for place in frames.places():
            yield Cell(caption), words.place_in_line(place)
        for frame in frames:
            yield _preview(caption, frame), words.step_of(frame)
        frame = sides.cut_at(frame, self._num_bytes) if part else frame
        yield _cell(caption, sides.of_frame(caption, frame, original), frame.num_bytes / self._num_bytes), ""


def _cell(caption: str, side: Side, times: float = 1.0) -> Cell:
    """A picture that stays, whose file is so many times as large as it was to be."""
    note = f"Its smallest file is {times:.1f} times as large." if times > 1 else ""
    return Cell(caption, served(side.png, "picture.png"), side.numbers, note, is_larger=times > 1)


def _preview(caption: str, frame: Frame) -> Cell:
    """A picture on its way."""
    return Cell(caption, served(previews.small(frame.pixels), "preview.webp"), sides.numbers(frame), is_preview=True)
