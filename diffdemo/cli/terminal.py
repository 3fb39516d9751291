"""What the command line shows: a line of progress, aligned reports, JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from diffdemo.cli import signals
from diffdemo.plain_text import aligned, duration, size

if TYPE_CHECKING:
    from diffdemo.engine import CacheUsage, DownloadProgress, FileInfo, Frame, ModelInfo, Running

LABELS = {
    "num_bytes": "bytes",
    "psnr_db": "PSNR (dB)",
    "ms_ssim": "MS-SSIM",
    "num_frames": "pictures",
    "delta": "quantisation step",
}
DIGITS = {"psnr_db": 2, "seconds": 1}


class Progress:
    """One line on standard error that is written over and over; silent where that is not a terminal."""

    def __init__(self) -> None:
        self._is_on = sys.stderr.isatty()
        self._width = 0
        self._duty = signals.duty(self._wipe)

    def __enter__(self) -> Progress:
        self._duty.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._duty.__exit__(kind, error, traceback)
        self._wipe()

    def _wipe(self) -> None:
        self._write("", end="\r")

    def show(self, frame: Frame) -> None:
        """Replace the line by the state of this frame."""
        quality = "" if frame.psnr_db is None else f"  {frame.psnr_db:.2f} dB"
        self._write(
            f"step {frame.step}/{frame.num_steps}  {frame.num_bytes:,} bytes  {frame.bpp:.3f} bpp{quality}"
            f"  {math.ceil(frame.seconds_left)} s left"
        )

    def follow(self, work: Running[Any]) -> None:
        """Replace the line by how far a job is, until it has something to show; nobody is before it here."""
        from diffdemo.engine import Underway

        for moment in work.places():
            if isinstance(moment, Underway):
                share, left = moment.done / moment.total, math.ceil(moment.seconds_left)
                self._write(f"{share:.0%} of {moment.total / 1e9:,.0f} billion multiplications  {left} s left")

    def show_download(self, moment: DownloadProgress) -> None:
        """Replace the line by how far a download is."""
        share = moment.num_bytes / max(1, moment.total_bytes)
        speed = "" if moment.bytes_per_second is None else f"  {moment.bytes_per_second / 1e6:.1f} MB/s"
        left = "" if moment.seconds_left is None else f"  {duration(moment.seconds_left, at_most=True)} left"
        of = f"{moment.num_bytes / 1e6:,.1f} of {moment.total_bytes / 1e6:,.1f} MB"
        self._write(f"{moment.model}  {share:.0%}  {of}{speed}{left}")

    def _write(self, line: str, end: str = "") -> None:
        if self._is_on:
            try:
                print(f"\r{line:<{self._width}}", end=end, file=sys.stderr, flush=True)
            except OSError:  # The terminal has gone; the work goes on.
                self._is_on = False
            self._width = len(line)


def in_one_line(text: str) -> str:
    """A text whose line ends, and whatever else would move a terminal's cursor, are shown as Python writes them."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def print_report(report: Mapping[str, object], *, as_json: bool, to: TextIO | None = None) -> None:
    """One object as JSON, or a line for each entry that is neither None nor empty.

    Infinite numbers, such as the PSNR of equal pictures, are null in JSON, which has no word for them.

    Args:
        report: by the names that JSON has for them.
        as_json: which of the two.
        to: None for standard output.
    """
    stream = sys.stdout if to is None else to
    if as_json:
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in report.items()}
        print(_json(finite, stream), file=stream)
        return
    shown = {LABELS.get(name, name): _text(name, value) for name, value in report.items() if value not in (None, ())}
    print(*aligned(list(shown.items()), left=(0, 1)), sep="\n", file=stream)


def _json(contents: Mapping[str, object], stream: TextIO) -> str:
    """JSON as people read it; in ASCII if the stream lacks a letter, or a terminal would take one for a command."""
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(contents, allow_nan=False)
    return text if text.isprintable() else json.dumps(contents, allow_nan=False)


def print_file(info: FileInfo) -> None:
    """A file's properties, then its steps as a table."""
    state = "damaged" if info.is_damaged else "cut" if info.is_cut else "whole"
    print_report(
        {
            "codec": f"{info.codec}, format version {info.version}",
            "model": info.model or f"unknown here (fingerprint {info.fingerprint})",
            "picture": f"{info.width} x {info.height} pixels",
            "file": f"{info.num_bytes:,} of {info.whole_bytes:,} bytes, {info.header_bytes} of them header; {state}",
            "bpp": info.bpp,
            **info.facts,
            "decoding": _decoding(info),
        },
        as_json=False,
    )
    if info.steps:
        print()
    rows = [
        (
            str(s.number),
            f"{s.sigma:.4f}",
            f"{s.bits:,}",
            f"{s.side_bits}",
            f"{s.end_bytes:,}",
            "" if s.received else "missing",
        )
        for s in info.steps
    ]
    print_table(("step", "sigma", "bits", "side bits", "bytes so far", ""), rows)


def _decoding(info: FileInfo) -> str | None:
    """What there is to say about files no part of which is a picture."""
    if info.is_embedded:
        return None
    if info.is_cut or info.is_damaged:
        return "not possible: needs the whole file as it was written"
    return "needs the whole file"


def print_models(models: Sequence[ModelInfo]) -> None:
    """A table of the models that can be chosen; the default ones are marked."""
    rows = [
        (
            m.name + (" *" if m.is_default else ""),
            m.codec,
            size(m.num_bytes),
            _state(m),
            size(m.memory),
            m.licence,
            m.domain,
        )
        for m in models
    ]
    print_table(("model", "codec", "size", "where", "memory", "licence", "pictures"), rows)


def _state(model: ModelInfo) -> str:
    if model.is_shipped:
        return "shipped"
    if model.is_here:
        return "here"
    return "Hub, gated" if model.is_gated else "Hub"


def print_cache(cache: CacheUsage) -> None:
    """Where downloaded models lie, and how much room they take and have."""
    print(f"\nDownloaded models: {size(cache.num_bytes)} in {cache.folder}, {size(cache.free_bytes)} free.")


def print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Columns as wide as their widest entry, those of numbers flush right; nothing at all without rows."""
    body = list(rows)
    if body:
        left = [i for i, cell in enumerate(body[0]) if not cell[:1].isdigit()]
        print(*aligned([head, *body], left=left), sep="\n")


def _text(name: str, value: object) -> str:
    if isinstance(value, float):
        if math.isinf(value):
            return "lossless"
        return f"{value:.{DIGITS.get(name, 4)}f}"
    if isinstance(value, int):
        return f"{value:,}" if name == "num_bytes" else str(value)
    return in_one_line(" ".join(map(str, value)) if isinstance(value, tuple) else str(value))
