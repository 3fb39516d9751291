"""What the page remembers of one visitor: bytes and numbers, so that it can be copied, bounded and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from diffdemo.engine import CodecInfo
from diffdemo.engine.records import Frame
from diffdemo.images import to_png
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, Values
from diffdemo.ui.likeness import is_settled, likeness
from diffdemo.ui.links.permalink import Place
from diffdemo.ui.memory.tried import Earlier, Run, Tried, with_run
from diffdemo.ui.rates import EQUAL

SESSION_SECONDS = 3600
MAX_OTHERS = 2
"""One for each half."""
Wanted = tuple[str, int]
"""A codec on a half of the stage: its name, and the bytes that it gets."""


@dataclass(frozen=True, slots=True)
class Side:
    """One half of the stage: a PNG file, the words and numbers above it, and a preview (WebP) that is shown instead."""

    caption: str
    png: bytes
    numbers: str = ""
    preview: bytes = b""


@dataclass(frozen=True, slots=True)
class Other:
    """What one of our own codecs made of the picture with so many bytes, so far or (`is_done`) as the result."""

    wanted: Wanted
    side: Side
    is_done: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The reconstruction that the page is about; the fields are those of `Frame`, with values of all metrics.

    While it is about to be replaced by the next, a preview stands for it on the stage; see `compare.previews`.
    """

    png: bytes
    num_bytes: int
    bpp: float
    values: Values
    decoder: str
    step: int = 1
    num_steps: int = 1
    preview: bytes = b""

    @classmethod
    def of(cls, frame: Frame, original: bytes = b"", preview: bytes = b"") -> Shown:
        """Keep what the page needs of a frame; the original is a PNG file, empty where it is not known."""
        png = to_png(frame.pixels)
        return cls(
            png=png,
            num_bytes=frame.num_bytes,
            bpp=frame.bpp,
            values={**frame.values, **(likeness(original, frame.pixels) if is_settled(frame) else {})},
            decoder=frame.decoder,
            step=frame.step,
            num_steps=frame.num_steps,
            preview=preview,
        )

    @property
    def psnr_db(self) -> float | None:
        """In decibels; None without an original."""
        return self.values.get(BASE)

    @property
    def point(self) -> CurvePoint | None:
        """Where it lies in the plot, if there was an original to measure against."""
        if self.psnr_db is None:
            return None
        return CurvePoint(self.num_bytes, self.bpp, self.values)


@dataclass(frozen=True, slots=True)
class Session:
    """One visitor's picture and file.

    Attributes:
        name: for file names.
        source: the picture as it came, PNG; at most `MAX_PIXELS` pixels.
        notes: on that picture, in HTML.
        original: the picture at the working size that `data` was made from, PNG; empty for a file that came alone.
        fit: what was done to the picture for the model's sake; empty for nothing.
        example: name of the picture, if it is one of ours.
        data: the compressed file.
        goal: bytes of the encode that has not reached them yet; 0 where there is none.
        codec: whose decoders the page's controls show; empty where that is not known.
        wish: the decoder that a link asks for, until the controls of its codec are there.
        asked: how a link or the memory of a tab wants the file shown, until the controls say so.
        is_due: whether they do, and the file is still to be shown that way.
        notice: what of that is not here any more, in words.
        model: name of the model that the file needs; empty before there was one.
        own: what the first decoder makes of beginnings of an embedded file of this picture.
        quick: what a file that is not embedded is after one step, PNG; empty for others.
        runs: decodes of such a file that were tried.
        tried: decodes of any file of this picture that were tried, as points of the plot.
        earlier: encodes of this picture before the present one.
        left, right: the two halves of the stage; None for `shown`.
        shown: what the file looks like.
        others: what our own codecs made of the picture for a half of the stage, the latest last.
        amounts: how many bytes the left and the right half get, where that can be chosen; see `amounts`.
        turn: number of the turn that brought this picture or file; what follows by itself goes on in it.
        plotted: what the plot on the page shows besides the place of `shown`, as a hash; empty where that is not known.
    """

    name: str = "picture"
    source: bytes = b""
    notes: str = ""
    original: bytes = b""
    fit: str = ""
    example: str = ""
    data: bytes = b""
    goal: int = 0
    codec: str = ""
    wish: str = ""
    asked: Place | None = None
    is_due: bool = False
    notice: str = ""
    model: str = ""
    own: tuple[CurvePoint, ...] = ()
    quick: bytes = b""
    runs: tuple[Run, ...] = ()
    tried: tuple[Tried, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    left: Side | None = None
    right: Side | None = None
    shown: Shown | None = None
    others: tuple[Other, ...] = ()
    amounts: tuple[str, str] = (EQUAL, EQUAL)
    turn: int = 0
    plotted: str = ""

    @property
    def subject(self) -> str:
        """What the page is about, the same for as long as the picture is: where there is none, the file."""
        return sha256(self.source).hexdigest()[:16] if self.source else f"file {self.turn}"

    @property
    def is_brought(self) -> bool:
        """Whether a link or the memory of a tab has brought a file that is still to be opened."""
        return bool(self.data) and (self.shown is None or self.asked is not None)

    def with_frame(self, frame: Frame, preview: bytes = b"") -> Session:
        """The session with another reconstruction on the stage."""
        return replace(self, shown=Shown.of(frame, self.original, preview))

    def anew(self, **fields: Any) -> Session:
        """Another picture or file on the same page."""
        return Session(codec=self.codec, wish=self.wish, **fields)

    def at_rest(self) -> Session:
        """The session with nothing on the way: the stage shows PNG files only."""
        return replace(self, shown=replace(self.shown, preview=b"") if self.shown else None)

    def grown(self, frame: Frame, codec: CodecInfo, preview: bytes = b"") -> Session:
        """The session with a reconstruction that says something about its file.

        By the first decoder it is a point of an embedded file's curve, or the picture that another file is after one
        step.
        """
        session = self.with_frame(frame, preview)
        if session.shown is None or frame.decoder != codec.decoders[0]:
            return session
        if not codec.is_embedded:
            return replace(session, quick=session.shown.png)
        point = session.shown.point
        if point is None:
            return session
        others = (other for other in self.own if other.num_bytes != point.num_bytes)
        return replace(session, own=tuple(sorted((*others, point), key=lambda each: each.num_bytes)))

    def having_tried(self, codec: str, name: str) -> Session:
        """The session with what is on the stage as a point that stays in the plot."""
        point = self.shown.point if self.shown else None
        return self if point is None else replace(self, tried=Tried(codec, name, point).among(self.tried))

    def keeping(self, wanted: Sequence[Wanted]) -> Session:
        """The session in which these results go last when there are too many."""
        return replace(self, others=tuple(sorted(self.others, key=lambda other: other.wanted in wanted)))

    def having_met(self, other: Other) -> Session:
        """The session with another result of a codec, or more of it; the oldest make room."""
        kept = [each for each in self.others if each.wanted != other.wanted]
        return replace(self, others=(*kept, other)[-MAX_OTHERS:])

    def trying(self, run: Run) -> Session:
        """The session with a decode that is new or has gone on."""
        return replace(self, runs=with_run(self.runs, run))


NOTHING = Session()
"""Of a visitor who has no picture yet."""
