"""What the studio paints while a file comes: one that is compressed, or one that is opened."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from diffdemo.engine import Asker, CodecInfo
from diffdemo.engine.records import Frame
from diffdemo.ui import words
from diffdemo.ui.compare import previews, sides
from diffdemo.ui.memory.png import known_pixels
from diffdemo.ui.memory.session import Session
from diffdemo.ui.studio.screen import BUSY, UNCHANGED, Screen, StudioEvents

_PLOT_SECONDS = 3.0
"""From one drawing of a plot that grows to the next: each takes the browser longer than all the rest."""


class Growing(StudioEvents):
    """Answers events that bring a file."""

    def _opened(self, session: Session, metric: str, asker: Asker, text: str, **others: Any) -> Iterator[Screen]:
        """The file of a session as far as it goes, one that is not embedded in one step for now.

        Args:
            text: the status at the end.
            others: fields of the screen as soon as anything has come.
        """
        pixels = known_pixels(session.original)
        if pixels is not None:
            self._painter.baselines.start(session.original, pixels)
        frames = self._engine.decode(session.data, steps=1, reference=pixels, asker=asker)
        yield from self._in_line(frames)
        arriving = ((session.data, frame) for frame in frames)
        codec = self._painter.codecs[self._engine.describe(session.data).codec]
        session = yield from self._growing(session, arriving, codec, metric, "Decoding", **others)
        yield self._painter.settled(session, metric, text)

    def _growing(
        self,
        session: Session,
        arriving: Iterator[tuple[bytes, Frame]],
        codec: CodecInfo,
        metric: str,
        verb: str,
        **others: Any,
    ) -> Generator[Screen, None, Session]:
        """Paint each file with its picture, and `others` once; gives the session that holds the last.

        Whatever is sent again and again may arrive on top of what the visitor has put there meanwhile.
        """
        drawn = -math.inf
        for data, frame in arriving:
            session = replace(session.grown(frame, codec, previews.small(frame.pixels)), data=data)
            if not session.original:
                session = replace(session, left=sides.of_frame(words.simplest(is_embedded=codec.is_embedded), frame))
            as_it_was = {} if time.monotonic() - drawn > _PLOT_SECONDS else {"plot": UNCHANGED}
            drawn = drawn if as_it_was else time.monotonic()
            line = words.progress(frame, verb)
            screen = self._painter.paint(session, metric, status=line, **BUSY, **others, **as_it_was)
            session, others = screen.session, {}
            yield screen
        return session
