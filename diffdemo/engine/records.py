"""What leaves the engine: numpy arrays, bytes and numbers, never tensors."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.images import Pixels


@dataclass(frozen=True, slots=True)
class Frame:
    """A reconstruction on its way to a screen.

    Attributes:
        pixels: uint8 [H,W,3].
        num_bytes: bytes of the file that it rests on, header included.
        bpp: the same in bits per pixel of the picture.
        psnr_db, ms_ssim: against the original; None where there is none (or where a metric is undefined).
        step, num_steps: work done and expected in all; an estimate while encoding.
        sigma: noise level reached.
        seconds, seconds_left: elapsed and expected.
        decoder: one of `codecs.base.Decoder`.
    """

    pixels: Pixels
    num_bytes: int
    bpp: float
    psnr_db: float | None
    ms_ssim: float | None
    step: int
    num_steps: int
    sigma: float
    seconds: float
    seconds_left: float
    decoder: str


@dataclass(frozen=True, slots=True)
class Encoding:
    """One moment of an encode. Its `data` is a whole valid file that ends there; keeping it is how Stop keeps work.

    Attributes:
        data: the file so far.
        frame: its posterior mean.
        done: whether the target has been reached.
    """

    data: bytes
    frame: Frame
    done: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a DiffC file as `describe` lists it.

    Attributes:
        number: from 1.
        sigma: noise level after it.
        bits: symbols of this step, two bits a stage.
        side_bits: what it took to say how far the step goes.
        end_bytes: shortest prefix of the file that holds the whole step.
        received: whether this file does.
    """

    number: int
    sigma: float
    bits: int
    side_bits: int
    end_bytes: int
    received: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures drawn from the same file, so far.

    Attributes:
        pictures: uint8 [H,W,3] each; the last one may still be on its way.
        psnr_db: of each against the original, where it is known.
        mean: their average.
        spread: where they differ, as a grey picture.
        count: how many there will be.
        share_done: of the whole work, 0..1.
    """

    pictures: tuple[Pixels, ...]
    psnr_db: tuple[float | None, ...]
    mean: Pixels
    spread: Pixels
    count: int
    share_done: float


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a file says about itself, readable without the model.

    Attributes:
        seed, preset: of a DiffC file; None for CDC, which has neither.
        delta: quantisation step of a CDC file; None for DiffC.
        is_embedded: whether a prefix of it can be decoded.
        steps: of a DiffC file; empty for CDC.
    """

    codec: str
    version: int
    model: str | None
    fingerprint: str
    width: int
    height: int
    seed: int | None
    preset: str | None
    delta: float | None
    is_embedded: bool
    header_bytes: int
    num_bytes: int
    whole_bytes: int
    bpp: float
    is_cut: bool
    is_damaged: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a rate-distortion curve, measured on 8-bit pixels and file bytes."""

    num_bytes: int
    bpp: float
    psnr_db: float
    ms_ssim: float | None


@dataclass(frozen=True, slots=True)
class Classical:
    """A picture through JPEG, WebP or AVIF.

    Attributes:
        codec: "jpeg", "webp" or "avif".
        quality: the setting that was chosen, 0..100.
        data: the file.
        pixels: decoded, uint8 [H,W,3].
        point: where it lies on the curve.
    """

    codec: str
    quality: int
    data: bytes
    pixels: Pixels
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be chosen, for menus and tables."""

    name: str
    label: str
    codec: str
    parameters: int
    num_bytes: int
    licence: str
    fingerprint: str
    is_default: bool
    description: str


@dataclass(frozen=True, slots=True)
class CodecInfo:
    """A codec that can be chosen.

    Attributes:
        name, label: what users type and what they read.
        default_model: name of the model that it uses where none is named.
        is_embedded: whether every prefix of its files is a file, so that a slider can move through one.
        decoders: what it can do about the bits that were not sent, the default first.
    """

    name: str
    label: str
    default_model: str
    is_embedded: bool
    decoders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that comes along, and who made it."""

    name: str
    label: str
    credit: str
