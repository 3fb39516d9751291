"""Numbers into words: captions, sentences and notes of the page. Pure text, nothing of Gradio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from diffdemo.engine import DECODERS, Decoder, Place, Underway
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.engine.records import FileInfo, Frame
from diffdemo.plain_text import duration
from diffdemo.ui.memory.session import Shown
from diffdemo.ui.plot.baselines import Baseline

ORIGINAL = "original"
NOTHING_YET = '<p class="headline">Not compressed yet.</p><p>Press Compress to see how many bytes it needs.</p>'
TINY = "So few pixels at this rate are less than a file takes: it may have {} bytes."
NO_PICTURE = "There is no picture yet. Upload one or pick an example."
NO_ORIGINAL = "Rate and distortion are measured<br>against the original, which did<br>not come with the file. Add it."
NOTHING_TO_COMPRESS = "The file came without its original, so there is nothing to compress. Add it, or upload one."
ASK_FOR_ORIGINAL = "The file came alone. Drop its original onto the picture, or add it below: then it can be measured."
EXAMPLE = "An example, already compressed."
OPENING = '<p class="headline">Opening an example …</p><p>Until it is decoded, both halves show the original.</p>'
SIDES = (512, 768)
MAX_SUSPECTS = 8
"""Places of a single wrong bit that are named one by one."""
LARGE_PIXELS = 600_000
"""Beyond this an encode on a CPU takes long enough to offer less."""


def size(num_bytes: int) -> str:
    """Bytes with separators: file sizes here are small enough to read exactly."""
    return f"{num_bytes:,} byte" + ("" if num_bytes == 1 else "s")


def rate(bpp: float) -> str:
    """Bits per pixel with three significant places at least."""
    return f"{bpp:.3f} bpp" if bpp < 0.1 else f"{bpp:.2f} bpp"


def quality(psnr_db: float | None) -> str:
    """Decibels, "lossless" for equal pictures, nothing without an original."""
    if psnr_db is None:
        return ""
    return "lossless" if math.isinf(psnr_db) else f"{psnr_db:.1f} dB"


def argument(shown: Shown, num_pixels: int, baselines: Sequence[Baseline]) -> str:
    """The sentence under the stage: what this file is, and what others would need or reach."""
    ratio = 3 * num_pixels / shown.num_bytes
    compared = f"{ratio:.0f}:1" if ratio >= 1 else f"1:{1 / ratio:.0f}"
    facts = [size(shown.num_bytes), rate(shown.bpp), compared, quality(shown.psnr_db)]
    headline = " · ".join(f"<b>{fact}</b>" for fact in facts if fact)
    said = ASK_FOR_ORIGINAL if shown.psnr_db is None else _compared(shown.num_bytes, baselines)
    return f'<p class="headline">{headline}</p><p>{said}</p>'


def _compared(num_bytes: int, baselines: Sequence[Baseline]) -> str:
    reached = [
        f"{FORMATS[each.codec].label} reaches {quality(each.psnr_db)}" for each in baselines if each.psnr_db is not None
    ]
    needed = [f"{FORMATS[each.codec].label} {size(each.needs)}" for each in baselines if each.needs is not None]
    sentences = [("At these bytes ", reached), ("For this PSNR: ", needed)]
    said = [f"{start}{', '.join(facts)}." for start, facts in sentences if facts]
    return " ".join([*_too_large(num_bytes, baselines), *said])


def _too_large(num_bytes: int, baselines: Sequence[Baseline]) -> list[str]:
    """A sentence on the first classical codec that cannot make a file as small, if there is one."""
    for each in baselines:
        if each.smallest > num_bytes:
            times = f"is {each.smallest / num_bytes:.1f} times as large"
            told = " at ".join(filter(None, (times, quality(each.smallest_db))))
            return [f"The smallest {FORMATS[each.codec].label} {told}."]
    return []


def progress(frame: Frame, verb: str) -> str:
    """The line that moves while bits arrive; their number and what they are worth stand under the stage."""
    return status(f"{verb}: {step_of(frame)}", min(1.0, frame.step / max(1, frame.num_steps)))


def step_of(frame: Frame) -> str:
    """How far work is, and how long it will take."""
    if in_steps(frame.decoder):
        return f"step {frame.step} of {frame.num_steps}, {duration(frame.seconds_left)} left"
    counted = f"step {frame.step} of about {frame.num_steps}"
    return f"{counted} · {duration(frame.seconds)}, about {duration(frame.seconds_left)} left"


def waiting(place: Place | Underway) -> str:
    """The line that says how long it will take until work begins, and then until there is something to look at."""
    return status(place_in_line(place), place.done / place.total if isinstance(place, Underway) else 0.0)


def place_in_line(place: Place | Underway) -> str:
    """Who is before somebody who waits, and for how long; how far work is that has nothing to show."""
    if isinstance(place, Underway):
        counted = f"{place.done / 1e9:.0f} of {place.total / 1e9:.0f} billion multiplications"
        return f"Computing: {counted}, {duration(place.seconds_left)} left"
    before = f"{place.before} before you" if place.before else "You are next"
    return f"Waiting for others: {before}, about {duration(place.seconds)}"


def sampling(number: int, count: int, share: float) -> str:
    """The line that moves while samples are drawn."""
    return status(f"Drawing sample {number} of {count}", share)


def status(text: str, share: float | None = None) -> str:
    """One line with a hair of a bar under it; `share` from 0 to 1, None for no bar."""
    width = 0.0 if share is None else 100 * share
    return (
        f'<div class="line" role="status">{escape(text)}</div><div class="bar"><i style="width:{width:.1f}%"></i></div>'
    )


def file_note(info: FileInfo) -> str:
    """How much of a file that was opened has arrived."""
    received = sum(step.received for step in info.steps)
    facts = f"{size(info.num_bytes)}, {received} of {len(info.steps)} steps"
    if not info.is_embedded:
        return _whole_note(info)
    if info.is_damaged:
        return f"This file is damaged: what could be decoded is shown ({facts})."
    if info.is_cut:
        return f"This file is cut: {facts} arrived, and they decode."
    return f"The whole file: {facts}."


def suspicion(info: FileInfo) -> str:
    """Where a damaged file may be wrong; nothing for any other."""
    if not info.is_damaged:
        return ""
    if not info.suspects:
        return " More than one of its bits is wrong, so that its check value does not tell where."
    if len(info.suspects) > MAX_SUSPECTS:
        return f" If a single bit is wrong, it may be in any of {len(info.suspects)} places."
    *others, last = (f"byte {each + 1:,}{_step_with(info, each)}" for each in info.suspects)
    places = f"{', '.join(others)} or {last}" if others else last
    return f" If a single bit is wrong, it is in {places}; what comes before is as it was."


def _step_with(info: FileInfo, byte: int) -> str:
    number = next((step.number for step in info.steps if byte < step.end_bytes), None)
    return f" (step {number})" if number else ""


def _whole_note(info: FileInfo) -> str:
    """How much has arrived of a file that decodes as a whole or not at all."""
    if info.is_damaged:
        return f"This file is damaged, and cannot be decoded ({size(info.num_bytes)})."
    if info.is_cut:
        arrived = f"{info.num_bytes:,} of {size(info.whole_bytes)}"
        return f"This file is cut: {arrived} arrived, and a part of it cannot be decoded."
    return f"The whole file: {size(info.num_bytes)}."


def stopped(shown: Shown | None) -> str:
    """What there is after Stop."""
    if shown is None or not in_steps(shown.decoder):
        return "Stopped. What is there is a valid file."
    if shown.step < shown.num_steps:
        return f"Stopped: this is the picture after step {shown.step} of {shown.num_steps}. The file is whole."
    return "Stopped. The file is whole."


def in_steps(decoder: str) -> bool:
    """Whether it works in denoising steps whose number is chosen, so that there is something to count."""
    return "steps" in DECODERS[Decoder(decoder)].knobs


def simplest(*, is_embedded: bool) -> str:
    """What the simplest decode of a file is called."""
    return "average" if is_embedded else "one step"


def decoded_caption(shown: Shown, label: str) -> str:
    """What the file looks like here; `label` is that of its codec."""
    way = DECODERS[Decoder(shown.decoder)]
    if in_steps(shown.decoder):
        done = f"step {shown.step} of {shown.num_steps}" if shown.step < shown.num_steps else steps(shown.num_steps)
        return f"{label}, {way.short}, {done}"
    return f"{label}, {way.plain}"


def steps(number: int) -> str:
    """How many denoising steps."""
    return f"{number} step" + ("" if number == 1 else "s")


def decoded_in(frame: Frame) -> str:
    """What has been done, and how long it took."""
    words = DECODERS[Decoder(frame.decoder)].label
    counted = f", {steps(frame.num_steps)}" if in_steps(frame.decoder) else ""
    return f"{words[0].upper()}{words[1:]}{counted}, in {duration(frame.seconds)}."


def table(kind: str, heads: Sequence[str], rows: str, foot: str = "") -> str:
    """Rows, in HTML, below the names of their columns."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>{foot}</table>'


def cells(texts: Sequence[str]) -> str:
    """Cells of a row, of texts in HTML."""
    return "".join(f"<td>{text}</td>" for text in texts)


def strip(info: FileInfo, used: int) -> str:
    """The file drawn to scale: header, then one box a step, hollow where the step is not used or not there."""
    starts = [info.header_bytes, *(step.end_bytes for step in info.steps[:-1])]
    boxes = "".join(
        f'<i class="{"here" if step.end_bytes <= used else "missing"}" style="flex-grow:{step.end_bytes - start}" '
        f'title="step {step.number}, up to {size(step.end_bytes)}"></i>'
        for step, start in zip(info.steps, starts, strict=True)
    )
    header = f'<i class="header" style="flex-grow:{info.header_bytes}" title="header, {size(info.header_bytes)}"></i>'
    return f'<div class="strip" aria-hidden="true">{header}{boxes}</div>'


def picture_notes(width: int, height: int, notes: Sequence[str]) -> str:
    """What was uploaded, and what was done to it."""
    return " ".join([f"{width} x {height} pixels.", *(escape(note) for note in notes)])


def size_choices(width: int, height: int) -> list[tuple[str, int]]:
    """Working sizes for a large picture: words and the longest side, 0 for the original."""
    longest = max(width, height)
    smaller = [(f"{side} px", side) for side in SIDES if side < longest]
    return [*smaller, (f"original, {longest} px", 0)]


def size_reason(saving: float, device: str, seconds: float | None) -> str:
    """Why a smaller size is offered; a time only where one has been measured.

    Args:
        saving: how many times the picture has more pixels than the working size.
        device: where it is computed.
        seconds: expected with the balanced preset, or None while no encode has been timed.
    """
    if seconds is not None:
        return f"About {duration(seconds)} at this size on {device}, judged by the last encode here."
    if saving <= 1:
        return f"The time grows with the pixels, and these are many for {device}."
    return f"Large for {device}: this size is {saving:.1f} times less work than the original."
