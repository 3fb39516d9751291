"""PNG and APNG (W3C PNG, third edition) as browsers show them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from diffdemo.images import Pixels
from diffdemo.pictures.colours.colour import (
    HDR_NOTE,
    Conversion,
    Samples,
    by_curve,
    by_numbers,
    by_profile,
    is_hdr,
    same_as_srgb,
)
from diffdemo.pictures.colours.primaries import BT709, Primaries
from diffdemo.pictures.colours.transfer import power_to_light, srgb_to_light
from diffdemo.pictures.compose import ENDS_EARLY, FIRST_ONLY, FROM_16_BITS, ON_WHITE, TURNED, on_white
from diffdemo.pictures.kinds.exif import orientation_of
from diffdemo.pictures.kinds.png_chunks import (
    COLOUR,
    GREY,
    GREY_ALPHA,
    PALETTE,
    Chunks,
    Frame,
    Header,
    profile_in,
    read_chunks,
)
from diffdemo.pictures.kinds.png_rows import sample_strips
from diffdemo.pictures.limits import Order
from diffdemo.pictures.raster import Raster, row_ranges

USUAL_GAMMA = 1 / 2.2
_SAME_GAMMA = 0.05
"""Exponents closer than this are the usual one: viewers show such pictures as sRGB."""


def read_png(data: bytes, order: Order) -> Raster:
    """Open a PNG file; its pixels are unpacked when the strips are taken.

    Raises:
        ImageError: if it has too many pixels.
        ValueError: if a chunk that the picture needs is damaged or missing.
    """
    chunks = read_chunks(data)
    header = chunks.header
    order.admit(header.width, header.height)
    if header.interlaced:
        samples = header.width * header.height * header.channels
        order.admit_whole(samples * (2 if header.depth == 16 else 1), "its rows are interlaced")
    notes = [FIRST_ONLY] if chunks.is_animated else []
    orientation = orientation_of(chunks.side.get(b"eXIf", b""))
    if orientation != 1:
        notes.append(TURNED)
    return Raster(header.width, header.height, _strips(data, chunks, notes), notes, orientation)


def _strips(data: bytes, chunks: Chunks, notes: list[str]) -> Iterator[Pixels]:
    """The first picture in sRGB on white; `notes` are complete when it has been read."""
    header, spans = chunks.header, chunks.still
    if chunks.frame:
        header, spans = header._replace(width=chunks.frame.width, height=chunks.frame.height), chunks.frame_spans
    has_alpha = b"tRNS" in chunks.side or header.colour > PALETTE
    samples = _spread(sample_strips(data, spans, header), header, chunks)
    convert = _conversion(chunks, notes)
    if header.depth == 16:
        notes.append(FROM_16_BITS)
    strips = on_white(samples, notes, has_alpha=has_alpha, convert=convert)
    yield from _on_canvas(strips, chunks.frame, chunks.header, notes) if chunks.frame else strips
    if chunks.is_cut:
        notes.append(ENDS_EARLY)


def _spread(strips: Iterator[Samples], header: Header, chunks: Chunks) -> Iterator[Samples]:
    """Samples as stored to samples over the full range: palettes are looked up, colour keys become alpha."""
    transparent = chunks.side.get(b"tRNS")
    if header.colour == PALETTE:
        table = _table(chunks.palette, transparent)
        yield from (table[strip[..., 0]] for strip in strips)
        return
    top = 255 if header.depth < 16 else 65535
    scale = top // ((1 << header.depth) - 1)
    key = _key(transparent, header)
    for strip in strips:
        full = strip * strip.dtype.type(scale)
        if key is not None:
            alpha = np.where((strip == key).all(axis=2, keepdims=True), 0, top).astype(strip.dtype)
            full = np.concatenate([full, alpha], axis=2)
        elif transparent is not None and header.colour in (GREY, COLOUR):
            full = np.concatenate([full, np.full_like(full[..., :1], top)], axis=2)
        yield full


def _table(palette: bytes, transparent: bytes | None) -> Samples:
    """[256, 3], or [256, 4] with alpha; colours that the palette does not have are black."""
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    table[: len(colours), :3] = colours
    if transparent is None:
        return table[:, :3]
    alpha = np.frombuffer(transparent[:256], np.uint8)
    table[: len(alpha), 3] = alpha
    return table


def _key(transparent: bytes | None, header: Header) -> Samples | None:
    """The sample values [C] that mean transparent, in the picture's own bits."""
    if transparent is None or header.colour not in (GREY, COLOUR) or len(transparent) != 2 * header.channels:
        return None
    key = np.frombuffer(transparent, ">u2").astype(np.uint16) & np.uint16((1 << header.depth) - 1)
    return key if header.depth == 16 else key.astype(np.uint8)


def _on_canvas(strips: Iterator[Pixels], frame: Frame, header: Header, notes: list[str]) -> Iterator[Pixels]:
    """A picture of an animation within the whole, which is transparent elsewhere."""
    yield from _white(header.width, frame.top)
    for strip in strips:
        whole = np.full((len(strip), header.width, 3), 255, np.uint8)
        whole[:, frame.left : frame.left + frame.width] = strip
        yield whole
    yield from _white(header.width, header.height - frame.top - frame.height)
    if (frame.width, frame.height) != (header.width, header.height) and ON_WHITE not in notes:
        notes.append(ON_WHITE)


def _white(width: int, height: int) -> Iterator[Pixels]:
    for first, last in row_ranges(width, height):
        yield np.full((last - first, width, 3), 255, np.uint8)


def _conversion(chunks: Chunks, notes: list[str]) -> Conversion | None:
    """How colours become sRGB. Of several descriptions the first counts: cICP, iCCP, sRGB, gAMA and cHRM."""
    side, is_grey = chunks.side, chunks.header.colour in (GREY, GREY_ALPHA)
    if len(numbers := side.get(b"cICP", b"")) == 4 and numbers[2] == 0 and numbers[3] <= 1:
        primaries, transfer, _, full = numbers
        if convert := by_numbers(primaries, transfer, narrow=not full):
            notes.append(HDR_NOTE if is_hdr(transfer) else "Converted to sRGB by the numbers in the chunk cICP.")
            return convert
        if (primaries, transfer) == (1, 13):
            return None
    if convert := by_profile(profile_in(side.get(b"iCCP", b"")), 1 if is_grey else 3, grey_by_rgb=False):
        return convert
    if b"sRGB" in side:
        return None
    gamma, primaries_ = _gamma(side.get(b"gAMA", b"")), _chromaticities(side.get(b"cHRM", b""))
    is_usual = gamma is None or abs(gamma / USUAL_GAMMA - 1) < _SAME_GAMMA
    if is_usual and (is_grey or primaries_ is None or same_as_srgb(primaries_)):
        return None
    notes.append("Converted to sRGB from the gamma and primaries that the file names.")
    curve = srgb_to_light if is_usual else lambda signal: power_to_light(signal, 1 / (gamma or USUAL_GAMMA))
    return by_curve(curve, primaries_ or BT709)


def _gamma(body: bytes) -> float | None:
    """The exponent of a chunk gAMA: signal = light ** gamma."""
    value = struct.unpack(">I", body)[0] if len(body) == 4 else 0
    return value / 100_000 if value else None


def _chromaticities(body: bytes) -> Primaries | None:
    """Those of a chunk cHRM, if colours can be made of them."""
    if len(body) != 32:
        return None
    numbers = [value / 100_000 for value in struct.unpack(">8i", body)]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    primaries = Primaries(red, green, blue, white)
    try:
        by_curve(srgb_to_light, primaries)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return primaries
