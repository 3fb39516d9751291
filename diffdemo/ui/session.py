"""What the page remembers of one visitor: bytes and numbers, so that it can be copied, bounded and dropped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diffdemo.engine.records import CurvePoint, Frame
from diffdemo.images import to_png


@dataclass(frozen=True, slots=True)
class Side:
    """One half of the stage: a PNG file and the words above it."""

    caption: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """The reconstruction that is on the stage; the fields are those of `Frame`."""

    png: bytes
    num_bytes: int
    bpp: float
    psnr_db: float | None
    ms_ssim: float | None
    decoder: str

    @classmethod
    def of(cls, frame: Frame) -> Shown:
        """Keep what the page needs of a frame."""
        return cls(to_png(frame.pixels), frame.num_bytes, frame.bpp, frame.psnr_db, frame.ms_ssim, frame.decoder)

    @property
    def point(self) -> CurvePoint | None:
        """Where it lies in the plot, if there was an original to measure against."""
        if self.psnr_db is None:
            return None
        return CurvePoint(self.num_bytes, self.bpp, self.psnr_db, self.ms_ssim)


@dataclass(frozen=True, slots=True)
class Session:
    """One visitor's picture and file.

    Attributes:
        name: for file names.
        source: the picture as it came, PNG; at most `MOST_PIXELS` pixels.
        original: the picture at the working size that `data` was made from, PNG; empty for a file that came alone.
        data: the compressed file.
        own: the posterior mean along that file.
        left, shown: the two halves of the stage.
    """

    name: str = "picture"
    source: bytes = b""
    original: bytes = b""
    data: bytes = b""
    own: tuple[CurvePoint, ...] = ()
    left: Side | None = None
    shown: Shown | None = None

    def with_frame(self, frame: Frame) -> Session:
        """The session with another reconstruction on the stage."""
        return replace(self, shown=Shown.of(frame))

    def grown(self, frame: Frame) -> Session:
        """The session with another reconstruction that is also a point of the file's curve."""
        session = self.with_frame(frame)
        point = session.shown.point if session.shown and frame.decoder == "mean" else None
        if point is None:
            return session
        others = (other for other in self.own if other.num_bytes != point.num_bytes)
        return replace(session, own=tuple(sorted((*others, point), key=lambda each: each.num_bytes)))
