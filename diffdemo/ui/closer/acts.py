"""What is asked of a file that is there: its film, its download in time, a wall of all codecs, its bits, a card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from diffdemo.engine import BitsMap, CodecInfo, Engine
from diffdemo.images import to_png
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.closer import filmstrip, hanging, keeping
from diffdemo.ui.closer.sheet import Plate, sheet
from diffdemo.ui.closer.wall import EMPTY, STOPPED, Wall
from diffdemo.ui.compare import sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import Events
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.server.files import served
from diffdemo.ui.studio.pictures import JPEG
from diffdemo.ui.turns import Turns

NO_FILE = "There is no file yet. Compress a picture first."
NOT_EMBEDDED = "A part of a {} file is no picture: it arrives all at once. Choose {} to watch one arrive."
NO_MAP = "For a {} file this needs the original, which is not here. Compress the picture on this page."


class Looks(Events):
    """The events of the section, on one engine.

    Args:
        turns: of the wall, which may grow while the studio does something else.
    """

    def __init__(self, engine: Engine, turns: Turns) -> None:
        super().__init__(engine)
        self._turns = turns

    def film(self, session: Session) -> tuple[dict, dict]:
        """Show the picture at several sizes of its file, coarse to fine."""
        self._require_embedded(session)
        frames = filmstrip.film(self._engine, session.data)
        files = (served(to_png(frame.pixels), f"{session.name}-{frame.num_bytes}.png") for frame in frames)
        pictures = [*zip(files, map(sides.numbers, frames), strict=True)]
        return gr.update(value=pictures, visible=True), gr.update(visible=True)

    def wall(
        self, session: Session, used: int, wanted: list[str], request: gr.Request | None = None
    ) -> Iterator[tuple[Any, Any]]:
        """Hang what codecs and decoders make of the picture with as many bytes, one beside the other.

        Args:
            wanted: captions out of `hanging.ways`.
        """
        self._codec(session)
        if not wanted:
            raise refusal("Please choose what to hang on the wall.")
        turn = self._turns.take(request)
        walls = hanging.hang(self._engine, session, wanted, int(used), self._turns.asker(turn))
        for wall in self._turns.while_mine(turn, walls, EMPTY):
            yield (wall.on_page(), wall) if wall.cells else (gr.skip(), gr.skip())

    def halt(self, wall: Wall, request: gr.Request | None = None) -> tuple[Any, Any]:
        """End it with what is done."""
        self._turns.take(request)
        wall = wall.ended(STOPPED)
        return wall.on_page(), wall

    def save(self, wall: Wall, event: gr.EventData) -> str:
        """The wall as one HTML file, or what is seen of its pictures as a PNG file."""
        asked: dict[str, Any] = event._data or {}
        kind, part = asked.get("kind"), asked.get("part")
        if not any(cell.path for cell in wall.cells):
            raise refusal("There is nothing on the wall yet.")
        if kind == "html":
            return served(keeping.as_html(wall), f"{wall.name}-wall.html")
        if kind != "png" or not isinstance(part, list) or len(part) != 4 or not all(map(_is_share, part)):
            raise refusal("A wall is kept as “html”, or as “png” with the part that is seen: four shares from 0 to 1.")
        return served(keeping.as_png(wall, part), f"{wall.name}-wall.png")

    def forget(self, request: gr.Request | None = None) -> None:
        """End what is going on, because the page shows another picture or file."""
        self._turns.take(request)

    def play(self, session: Session, line: str) -> Iterator[tuple[str, Any]]:
        """Let the file arrive as slowly as over a line of that kind."""
        self._require_embedded(session)
        before = None
        for arrived in filmstrip.arriving(self._engine, session.data, filmstrip.LINES[line][1]):
            picture: Any = gr.skip()
            if arrived.frame is not None and arrived.frame is not before:
                before = arrived.frame
                picture = gr.update(value=served(to_png(before.pixels), "arriving.png"), visible=True)
            yield filmstrip.clock(arrived, line), picture

    def bits(self, session: Session, used: int) -> tuple[dict, str]:
        """Show where in the picture the bits of the file went: light where there are many."""
        codec, info = self._codec(session), self._engine.describe(session.data)
        part = min(int(used), len(session.data)) if codec.is_embedded and used else len(session.data)
        found = self._engine.bits_map(session.data, num_bytes=part)
        if found is None:
            raise refusal(NO_MAP.format(codec.label))
        return gr.update(value=served(to_png(found.pixels), "bits.png"), visible=True), legend(
            found, info.header_bytes, part
        )

    def card(self, session: Session, address: str = "") -> dict:
        """Compose original, JPEG of as many bytes, reconstruction and numbers as one picture to pass on.

        Args:
            address: of this page, to stand on the card.
        """
        codec, shown = self._codec(session), session.shown
        if shown is None or not session.original:
            raise refusal("A card needs the original beside the result. Compress a picture here.")
        original = pixels_of(session.original)
        jpeg = self._engine.classical(original, JPEG, num_bytes=shown.num_bytes)
        theirs = sides.of_classical(jpeg, shown.num_bytes, session.original)
        plates = [
            Plate(original, words.ORIGINAL),
            Plate(jpeg.pixels, theirs.caption, theirs.numbers),
            Plate(load_picture(shown.png).pixels, words.decoded_caption(shown, codec.label), sides.numbers(shown)),
        ]
        lines = [
            f"{codec.label} · {session.model} · {words.size(shown.num_bytes)} · {words.rate(shown.bpp)}",
            *([address] if address else []),
            keeping.MADE_WITH,
        ]
        png = to_png(sheet(plates, lines, columns=len(plates)))
        return gr.update(value=served(png, f"{session.name}-card.png"), visible=True)

    def _codec(self, session: Session) -> CodecInfo:
        """The codec that wrote the session's file."""
        if not session.data:
            raise refusal(NO_FILE)
        name = self._engine.describe(session.data).codec
        return next(codec for codec in self._engine.codecs() if codec.name == name)

    def _require_embedded(self, session: Session) -> None:
        codec = self._codec(session)
        if not codec.is_embedded:
            embedded = " or ".join(each.label for each in self._engine.codecs() if each.is_embedded)
            raise refusal(NOT_EMBEDDED.format(codec.label, embedded))


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def legend(found: BitsMap, header: int, used: int) -> str:
    """What the colours of a map mean, and where the bytes are that are not on it.

    Args:
        header: bytes of it.
        used: bytes of the file that the map is about.
    """
    cell = "each pixel" if found.cell == 1 else f"each {found.cell}x{found.cell} pixels"
    shown = min(used - header, round(found.num_bits / 8))
    return (
        f'<p class="legend">Told apart: {cell}. Dark is nothing, light is {found.lightest:.2g} bits per pixel and '
        f"more; half of the picture has less than {found.median:.2g}. Of {words.size(used)}, {shown:,} are on the map, "
        f"{header:,} are the header, and {used - header - shown:,} have no place in it, such as those of a step that "
        "is not complete.</p>"
    )
