"""One picture through any two codecs, at equal bytes or at a rate each, for programs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import gradio as gr

from diffdemo.engine import Asker, Engine
from diffdemo.engine.classical.files import available
from diffdemo.engine.classical.formats import RAW_BPP
from diffdemo.errors import ImageError, RateError
from diffdemo.images import MAX_PIXELS, Pixels, to_png
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.registry import METRICS, measure
from diffdemo.pictures import load_picture
from diffdemo.ui.codec_controls import offers
from diffdemo.ui.compare.sides import ORIGINAL
from diffdemo.ui.events import Events, program
from diffdemo.ui.models import choice
from diffdemo.ui.programs.endpoints import notes_of, waiting
from diffdemo.ui.server.uploads import require_upload
from diffdemo.ui.studio.screen import served, stem_of

Moment = tuple[str | None, str | None, dict[str, Any]]
"""What the call tells at a time: both pictures, once they are there, and a report."""

# The descriptions below are what an agent reads. Gradio takes the first line of each argument, hence one line for each.


class Comparison(Events):
    """The call, on one engine."""

    def compare_codecs(
        self,
        image: str,
        num_bytes: int | None = 10_000,
        codec: str = "jpeg",
        own: str = "",
        bpp: float | None = None,
        their_bpp: float | None = None,
        request: gr.Request | None = None,
    ) -> Iterator[Moment]:
        """Compress a picture with two codecs, to equally many bytes or to a rate each, and compare the results.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF, and HEIC where it is installed.
            num_bytes: most bytes for the first file; the second gets as many as the first takes.
            codec: the second: a classical one such as "jpeg", one of diffdemo's such as "diffc", or "original".
            own: the first, of the same; empty for the first of diffdemo's.
            bpp: bits per pixel for the first file, instead of `num_bytes`.
            their_bpp: bits per pixel for the second file, instead of as many bytes as the first takes.

        Returns:
            Both pictures as PNG files, and a report with bytes, rate, PSNR, MS-SSIM and (with its weights) LPIPS.
            Until both are done there are no pictures yet, and the report says how far it is.
        """
        own = own or self._engine.codecs()[0].name
        pixels, notes = self._fitted(image, own, codec)
        num_pixels = pixels.shape[0] * pixels.shape[1]
        asked = _asked(bpp, num_pixels) or int(num_bytes or 0)
        if asked < 1:
            raise RateError("How large the first file may be is missing: please give num_bytes or bpp.")
        first, ours = yield from self._made(own, pixels, asked, program(request))
        equal = asked if own == ORIGINAL else ours["num_bytes"]
        theirs_asked = _asked(their_bpp, num_pixels) or equal
        second, theirs = yield from self._made(codec, pixels, theirs_asked, program(request))
        if theirs["num_bytes"] > theirs_asked and codec != ORIGINAL:
            than = "was asked for" if their_bpp else "ours"
            notes.append(f"The smallest {codec} file that was found is larger than {than}.")
        if ours["num_bytes"] > asked and own != ORIGINAL:
            notes.append(f"The smallest {own} file that was found is larger than was asked for.")
        stem = stem_of(image)
        yield (
            served(to_png(first), f"{stem}-{own}.png"),
            served(to_png(second), f"{stem}-{codec}.png"),
            {"ours": ours, "theirs": theirs, "notes": notes},
        )

    def _fitted(self, image: str, *codecs: str) -> tuple[Pixels, list[str]]:
        """The picture as all of them take it, and what was done to it for that."""
        picture = load_picture(require_upload(image), most_pixels=MAX_PIXELS)
        pixels, notes = picture.pixels, notes_of(picture)
        chosen = [choice.chosen(self._engine, codec, None) for codec in codecs if codec in offers(self._engine)]
        for model in chosen:
            fitted = self._engine.fit(pixels, model.name)
            pixels, notes = fitted.pixels, notes + ([fitted.note] if fitted.note else [])
        if any(self._engine.fit(pixels, model.name).pixels.shape != pixels.shape for model in chosen):
            raise ImageError("These two codecs take pictures of different sizes, and cannot be compared on one.")
        return pixels, notes

    def _made(
        self, codec: str, pixels: Pixels, asked: int, asker: Asker
    ) -> Generator[Moment, None, tuple[Pixels, dict[str, Any]]]:
        """The picture through a codec, with so many bytes at most, and numbers; the original has those of its pixels.

        Yields how far it is, so that whoever has left is not worked for.
        """
        height, width = pixels.shape[:2]
        if codec == ORIGINAL:
            size = {"codec": codec, "num_bytes": pixels.nbytes, "bpp": RAW_BPP}
            return pixels, size | dict.fromkeys(METRICS)
        how: dict[str, Any]
        if codec in offers(self._engine):
            moments = self._engine.encode(pixels, codec=codec, num_bytes=asked, asker=asker)
            for place in moments.places():
                yield None, None, {"codec": codec} | waiting(place)
            for last in moments:
                share = last.frame.step / max(1, last.frame.num_steps)
                yield None, None, {"codec": codec, "share": share, "seconds_left": last.frame.seconds_left}
            picture, num_bytes, known = last.frame.pixels, len(last.data), last.frame.values
            how = {"decoder": last.frame.decoder}
        elif codec in available():
            result = self._engine.classical(pixels, codec, num_bytes=asked)
            picture, num_bytes, known = result.pixels, len(result.data), result.point.values
            how = {"quality": result.quality}
        else:
            raise RateError(f"There is no codec '{codec}' here; choose one of: {', '.join(choices(self._engine))}.")
        bpp = bits_per_pixel(num_bytes, width, height)
        values = measure(pixels, picture, METRICS, known)
        return picture, {"codec": codec, "num_bytes": num_bytes, "bpp": bpp, **values, **how}


def choices(engine: Engine) -> list[str]:
    """Names of what can be compared."""
    return [ORIGINAL, *offers(engine), *available()]


def _asked(bpp: float | None, num_pixels: int) -> int:
    """Bytes for a rate; 0 where none is given."""
    if bpp is None:
        return 0
    if not 0 < bpp <= RAW_BPP:
        raise RateError(f"{bpp:g} bits per pixel cannot be met; it must be more than 0 and at most {RAW_BPP}.")
    return max(1, int(bpp * num_pixels / 8))
