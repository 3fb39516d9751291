"""One picture, one size, two codecs: ours beside a classical one, for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from diffdemo.engine import Classical, Engine, Frame
from diffdemo.engine.classical import available
from diffdemo.images import MOST_PIXELS, fit_pixels, load_picture, to_png
from diffdemo.ui import models
from diffdemo.ui.codecs import DEFAULT_CODEC, OFFERS
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import served, stem_of
from diffdemo.ui.wiring import DEVICE

# The descriptions below are what an agent reads. Gradio takes the first line of each argument, hence one line for each.


@dataclass(frozen=True, slots=True)
class Comparison:
    """The call, on one engine."""

    engine: Engine

    @friendly
    def compare_codecs(
        self, image: str, num_bytes: int = 10_000, codec: str = "jpeg", own: str = DEFAULT_CODEC
    ) -> tuple[str, str, dict]:
        """Compress a picture with diffdemo and with a classical codec to equally many bytes, and compare the results.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF.
            num_bytes: most bytes for either file; the classical one gets as many as ours takes.
            codec: the classical codec: "jpeg", "jpeg2000", "webp", "avif" or "jxl", where it is installed.
            own: the codec of diffdemo: "diffc" or "cdc".

        Returns:
            Our picture and the classical one as PNG files, and a report with bytes, rate, PSNR and MS-SSIM of both.
        """
        chosen = models.chosen(self.engine, own, None)
        fitted = self.engine.fit(fit_pixels(load_picture(image).pixels, MOST_PIXELS), chosen.name)
        *_, ours = self.engine.encode(fitted.pixels, codec=own, model=chosen.name, num_bytes=int(num_bytes))
        theirs = self.engine.classical(fitted.pixels, codec, num_bytes=len(ours.data))
        stem = stem_of(image)
        return (
            served(to_png(ours.frame.pixels), f"{stem}-{own}.png"),
            served(to_png(theirs.pixels), f"{stem}-{codec}.png"),
            _report(ours.frame, theirs, fitted.note),
        )


def _report(ours: Frame, theirs: Classical, note: str) -> dict[str, Any]:
    """Both sides and, in words, what keeps the comparison from being fair."""
    notes = [note] if note else []
    if theirs.point.num_bytes > ours.num_bytes:
        notes.append(f"The smallest {theirs.codec} file that was found is larger than ours.")
    measures = ("num_bytes", "bpp", "psnr_db", "ms_ssim")
    return {
        "ours": {name: getattr(ours, name) for name in measures} | {"decoder": ours.decoder},
        "theirs": {name: getattr(theirs.point, name) for name in measures}
        | {"codec": theirs.codec, "quality": theirs.quality},
        "notes": notes,
    }


def expose(engine: Engine) -> None:
    """Make the call callable; its components are placed on the page where nobody sees them."""
    with gr.Row(visible=False):
        image, report = gr.File(label="picture"), gr.JSON(label="report")
        num_bytes = gr.Number(10_000, precision=0, label="most bytes")
        codec = gr.Radio([*available()], value="jpeg", label="classical codec")
        own = gr.Radio([*OFFERS], value=DEFAULT_CODEC, label="codec of diffdemo")
        ours, theirs = gr.File(label="our picture, PNG file"), gr.File(label="their picture, PNG file")
        gr.Button().click(
            Comparison(engine).compare_codecs,
            [image, num_bytes, codec, own],
            [ours, theirs, report],
            api_name="compare_codecs",
            show_progress="hidden",
            **DEVICE,
        )
