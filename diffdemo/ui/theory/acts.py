"""The events of the theory tab: curves of a source, runs of the codec on it, and the rounding of a picture."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import gradio as gr

from diffdemo.images import fit_pixels, to_png
from diffdemo.metrics.curves import bytes_needed
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.pictures import load_picture
from diffdemo.theory.dither import dither, plain
from diffdemo.theory.real_files import Landing, Landings
from diffdemo.theory.sources import Source, curves, from_blocks, mark, most_bits, power_law
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import Events
from diffdemo.ui.memory.session import Session
from diffdemo.ui.server.files import served
from diffdemo.ui.theory import words
from diffdemo.ui.theory.plot import theory_plot
from diffdemo.ui.turns import Turns

Spectrum = Literal["power", "picture"]
MAX_DITHERED_PIXELS = 1 << 20
NO_PICTURE = "There is no picture yet. Choose an example or upload one in the studio."
MIN_RATE = 0.01
_QUIET_SECONDS = 0.3
UNCHANGED = gr.skip()


class TheoryScreen(NamedTuple):
    """What the events of the upper half change, by the names of their components."""

    plot: Any = UNCHANGED
    gap: Any = UNCHANGED
    table: Any = UNCHANGED
    landed: Any = UNCHANGED
    rate: Any = UNCHANGED
    status: Any = UNCHANGED
    run: Any = UNCHANGED
    stop: Any = UNCHANGED


class DitherScreen(NamedTuple):
    """What the events of the lower half change, by the names of their components."""

    rounded: Any = UNCHANGED
    original: Any = UNCHANGED
    plain: Any = UNCHANGED
    dithered: Any = UNCHANGED


class TheoryActs(Events):
    """The events of the tab."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._landings = Landings()

    def curves(
        self,
        session: Session,
        spectrum: Spectrum = "power",
        exponent: float = 1.5,
        rate: float = 0.5,
        request: gr.Request | None = None,
    ) -> TheoryScreen:
        """The closed forms of a Gaussian source, and the files of it that have been run; ends a run that is going on.

        Args:
            spectrum: "power" for a power law of 256 components, or "picture" for the studio's picture.
            exponent: of the power law, 0 to 2.5.
            rate: where to compare, in bits per dimension.
        """
        self._turns.take(request)
        source = _source(session, spectrum, exponent)
        last = highest_rate(source)
        rate = rate if rate <= last else max(MIN_RATE, round(0.4 * last, 2))
        return self._at_rest(source, rate)._replace(rate=gr.update(maximum=last, value=rate, interactive=True))

    def move(self, session: Session, spectrum: Spectrum, exponent: float, rate: float) -> TheoryScreen:
        """Compare at another rate; the slider is the visitor's."""
        return self._at_rest(_source(session, spectrum, exponent), rate)._replace(rate=UNCHANGED)

    def run(
        self,
        session: Session,
        spectrum: Spectrum = "power",
        exponent: float = 1.5,
        rate: float = 0.5,
        request: gr.Request | None = None,
    ) -> Iterator[TheoryScreen]:
        """Write files of the source with the real codec, decode them in three ways, and show where they land.

        Arguments are those of the curves. What was run before is not run again.
        """
        turn = self._turns.take(request)
        source = _source(session, spectrum, exponent)
        yield from self._turns.while_mine(turn, self._screens(source, rate), TheoryScreen())

    def _screens(self, source: Source, rate: float) -> Iterator[TheoryScreen]:
        """A run as it is seen: the plot when a file has landed, the line several times a second."""
        count, quiet_since = -1, 0.0
        for progress in self._landings.run(source):
            if progress.done:
                yield paint(source, rate, progress.landings)
            elif len(progress.landings) != count:
                count = len(progress.landings)
                yield paint(source, rate, progress.landings, progress.share_done)
            elif time.monotonic() - quiet_since > _QUIET_SECONDS:
                quiet_since = time.monotonic()
                yield TheoryScreen(status=words.progress(progress.share_done, count))

    def _at_rest(self, source: Source, rate: float) -> TheoryScreen:
        return paint(source, rate, self._landings.known(source))

    def dither(self, session: Session, step: float = 48) -> DitherScreen:
        """Round the studio's picture with and without dither, to levels that are 4 to 128 of 256 apart."""
        whole = load_picture(_picture(session)).pixels
        pixels = fit_pixels(whole, MAX_DITHERED_PIXELS)
        with_dither, without = dither(pixels, step), plain(pixels, step)
        height, width = pixels.shape[:2]
        num_bytes = bytes_needed(session.own, with_dither.psnr_db) if pixels is whole else None
        bpp = None if num_bytes is None else bits_per_pixel(num_bytes, width, height)
        labels = words.captions((width, height), without, with_dither)
        pictures = [
            gr.update(value=served(to_png(each), f"{name}.png"), label=label)
            for name, each, label in zip(
                ("original", "rounded", "dithered"), (pixels, without.pixels, with_dither.pixels), labels, strict=True
            )
        ]
        return DitherScreen(words.rounded(with_dither, bpp), *pictures)

    def open(
        self, session: Session, spectrum: Spectrum, exponent: float, rate: float, request: gr.Request | None = None
    ) -> TheoryScreen:
        """When the tab opens: the studio may have another picture by now."""
        if spectrum == "power" or not _has_picture(session):
            return TheoryScreen()
        return self.curves(session, spectrum, exponent, rate, request)

    def open_dither(self, session: Session, step: float) -> DitherScreen:
        """When the tab opens: round the studio's picture, if there is one."""
        if not _has_picture(session):
            return DitherScreen(f"<p>{NO_PICTURE}</p>")
        return self.dither(session, step)


def highest_rate(source: Source) -> float:
    """Where the slider of the rate ends: where the plot does, in hundredths of a bit per dimension."""
    return math.floor(100 * most_bits(source)) / 100


def paint(source: Source, rate: float, landings: Sequence[Landing] = (), share: float | None = None) -> TheoryScreen:
    """A source at a rate in bits per dimension, while a share of a run is done or (None) at rest."""
    chosen, is_running = mark(source, rate), share is not None
    return TheoryScreen(
        plot=theory_plot(curves(source), mark=chosen, landings=landings),
        gap=words.gap(chosen),
        table=words.table(chosen),
        landed=words.landed(landings, is_running=is_running),
        rate=gr.update(interactive=not is_running),
        status=words.finished(len(landings)) if share is None else words.progress(share, len(landings)),
        run=gr.update(interactive=not is_running),
        stop=gr.update(interactive=is_running),
    )


def _source(session: Session, spectrum: Spectrum, exponent: float) -> Source:
    return power_law(exponent) if spectrum == "power" else _measured(_picture(session))


@functools.lru_cache(maxsize=8)
def _measured(png: bytes) -> Source:
    return from_blocks(load_picture(png).pixels)


def _picture(session: Session) -> bytes:
    """The picture that the session's file was made from, or will be made from, as PNG.

    Raises:
        gr.Error: there is none.
    """
    if not _has_picture(session):
        raise refusal(NO_PICTURE)
    return session.original or session.source


def _has_picture(session: Session) -> bool:
    return bool(session.original or session.source)
