"""What leaves the engine: numpy arrays, bytes and numbers, never tensors."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from diffdemo.codecs.records import Facts, Rates, Step
from diffdemo.codecs.rendering import KNOBS
from diffdemo.images import Pixels
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, Values


@dataclass(frozen=True, slots=True)
class Frame:
    """A reconstruction on its way to a screen.

    Attributes:
        pixels: uint8 [H,W,3].
        num_bytes: bytes of the file that it rests on, header included.
        bpp: the same in bits per pixel of the picture.
        values: against the original, by names of metrics; empty where there is none. Frames that stay have those of
            `When.REST`, others those of `When.FRAME`.
        step, num_steps: work done and expected in all; an estimate while encoding.
        sigma: noise level reached.
        seconds, seconds_left: elapsed and expected.
        decoder: one of `codecs.base.Decoder`.
    """

    pixels: Pixels
    num_bytes: int
    bpp: float
    values: Values
    step: int
    num_steps: int
    sigma: float
    seconds: float
    seconds_left: float
    decoder: str

    @property
    def psnr_db(self) -> float | None:
        """Against the original, in decibels; None where there is none."""
        return self.values.get(BASE)

    @property
    def point(self) -> CurvePoint:
        """Where it lies in a plot."""
        return CurvePoint(self.num_bytes, self.bpp, self.values)


@dataclass(frozen=True, slots=True)
class Encoding:
    """One moment of an encode. Its `data` is a whole valid file that ends there; keeping it is how Stop keeps work.

    Attributes:
        data: the file so far.
        done: whether the target has been reached.
    """

    data: bytes
    frame: Frame
    done: bool


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A picture as another program's file.

    Attributes:
        width, height: of the picture that it decodes to.
        note: what became of the picture's size, in sentences; "" for nothing.
    """

    data: bytes
    width: int
    height: int
    note: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures drawn from the same file, so far.

    Attributes:
        pictures: uint8 [H,W,3] each; the last one may still be on its way.
        psnr_db: of each against the original, where it is known.
        mean: their average.
        spread: where they differ, as a grey picture.
        share_done: of the whole work, 0..1.
    """

    pictures: tuple[Pixels, ...]
    psnr_db: tuple[float | None, ...]
    mean: Pixels
    spread: Pixels
    count: int
    share_done: float


@dataclass(frozen=True, slots=True)
class BitsMap:
    """Where in a picture the bits of its file went.

    Attributes:
        pixels: uint8 [H,W,3], light where there are many.
        cell: side in pixels of what is told apart.
        num_bits: in all.
        lightest: bits per pixel where the map is lightest.
        median: bits per pixel of the cell in the middle.
    """

    pixels: Pixels
    cell: int
    num_bits: float
    lightest: float
    median: float


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a file says about itself, readable without the model.

    Attributes:
        facts: what the codec states beside: of DiffC preset, seed and prompt, of CDC the quantisation step delta, of
            CoD-Lite stride and bits of its codes; None for what files of this codec do not state.
        header_bytes: everything before the picture's own bits, the prompt included.
        is_embedded: whether a prefix of it can be decoded.
        steps: of an embedded file.
        suspects: numbers of bytes, from 0, of a damaged file: a wrong bit in one of them, and no other one, would
            explain the file's check value; none where more is wrong.
    """

    codec: str
    version: int
    model: str | None
    fingerprint: str
    width: int
    height: int
    facts: Facts
    is_embedded: bool
    header_bytes: int
    num_bytes: int
    whole_bytes: int
    bpp: float
    is_cut: bool
    is_damaged: bool
    steps: tuple[Step, ...]
    suspects: tuple[int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """All of it in one level, facts included."""
        fields = asdict(self)
        facts: dict[str, object] = fields.pop("facts")
        return fields | facts


@dataclass(frozen=True, slots=True)
class Classical:
    """A picture through a classical codec.

    Attributes:
        codec: one of `engine.classical.available()`.
        quality: the setting that was chosen, 0..100; of JPEG 2000 0..1000.
        pixels: decoded, uint8 [H,W,3].
        point: where it lies on the curve.
        note: a sentence for the user where the file is larger than was asked for, because none is so small; "" else.
    """

    codec: str
    quality: int
    data: bytes
    pixels: Pixels
    point: CurvePoint
    note: str = ""

    @property
    def is_within(self) -> bool:
        """Whether the file is as small as was asked for."""
        return not self.note


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be chosen, for menus and tables; known without loading it.

    Attributes:
        name, label: what users type and what they read.
        codec: that it belongs to.
        parameters: of all its networks.
        num_bytes: of its weight files, as they lie here or will be downloaded.
        memory: bytes that it takes to run at its native size, as estimated.
        licence: of the weights.
        page: where to read about it and to accept its licence; "" for what is shipped.
        paper: arXiv number; "" for none.
        domain: which pictures it knows.
        native: side in pixels of the pictures that it is made for; None for any.
        takes_prompt: whether a text can say what the picture shows.
        is_gated: whether its licence has to be accepted on `page` first.
        is_shipped: whether it comes with diffdemo.
        is_here: whether it can be used at once, without a download.
        is_removable: whether it may be deleted from this computer.
        is_default: whether its codec uses it where none is named.
        fingerprint: eight hexadecimal digits that stand in its files; "" while unknown.
        description: one sentence.
        rate: bits per pixel that it is for, where it has only one; else None.
    """

    name: str
    label: str
    codec: str
    parameters: int
    num_bytes: int
    memory: int
    licence: str
    page: str
    paper: str
    domain: str
    native: int | None
    takes_prompt: bool
    is_gated: bool
    is_shipped: bool
    is_here: bool
    is_removable: bool
    is_default: bool
    fingerprint: str
    description: str
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture as a model takes it.

    Attributes:
        pixels: uint8 [H,W,3]; the picture itself where the model takes any size.
        note: what was done to it, in a sentence; "" for nothing.
    """

    pixels: Pixels
    note: str


@dataclass(frozen=True, slots=True)
class CodecInfo:
    """A codec that can be chosen.

    Attributes:
        name, label: what users type and what they read.
        default_model: name of the model that it uses where none is named.
        is_embedded: whether every prefix of its files is a file, so that a slider can move through one.
        decoders: what it can do about the bits that were not sent, the default first.
        sentence: what it is, in one.
        rates: bits per pixel that make sense for it.
        options: which of "preset" and "seed" its encoder reads.
        knobs: which of `KNOBS` any of its decoders reads.
        is_listed: whether the Hub can be asked which more models of it there are.
        stops: bits per pixel that it has models for, rising, where each model has one; () where one has them all.
    """

    name: str
    label: str
    default_model: str
    is_embedded: bool
    decoders: tuple[str, ...]
    sentence: str
    rates: Rates
    options: tuple[str, ...]
    knobs: tuple[str, ...] = tuple(KNOBS)
    is_listed: bool = False
    stops: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that comes along, and who made it."""

    name: str
    label: str
    credit: str
