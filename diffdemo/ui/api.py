"""Endpoints for programs: each call stands alone, files go in and come out, nothing is remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.images import MOST_PIXELS, fit_pixels, load_picture, to_png
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import served, stem_of
from diffdemo.ui.viewing import last_frame
from diffdemo.ui.wiring import DEVICE


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The calls, on one engine."""

    engine: Engine

    @friendly
    def compress(
        self, image: str, bpp: float = 1.0, num_bytes: int | None = None, preset: str = "balanced", seed: int = 0
    ) -> tuple[str, dict]:
        """Compress a picture to a .difd file.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF.
            bpp: bits per pixel to spend.
            num_bytes: exact most of bytes instead; overrides `bpp`.
            preset: how long to search: "fast", "balanced" or "best".
            seed: of the randomness that encoder and decoder share.

        Returns:
            The file, and a report: size, rate, PSNR and MS-SSIM of its posterior mean, notes on the picture.
        """
        picture = load_picture(image)
        pixels = fit_pixels(picture.pixels, MOST_PIXELS)
        target: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        *_, last = self.engine.encode(pixels, preset=preset, seed=int(seed), **target)
        report = _numbers(last.frame) | {"notes": list(picture.notes)}
        return served(last.data, f"{stem_of(image)}.difd"), report

    @friendly
    def decompress(
        self, file: str, decoder: str = "mean", realism: float = 1.0, num_bytes: int | None = None, seed: int = 0
    ) -> tuple[str, dict]:
        """Decode a .difd file, whole or cut, to a PNG file.

        Args:
            file: the .difd file.
            decoder: "mean" (safest average), "flow" (sharp) or "ancestral" (one of the possible pictures).
            realism: for "flow", from 0 (the mean) to 1.
            num_bytes: use only the first bytes; empty for all.
            seed: for "ancestral", which of the possible pictures.

        Returns:
            The picture, and a report: bytes used, rate, steps, seconds.
        """
        data = Path(file).read_bytes()
        frame = last_frame(
            self.engine.decode(
                data, num_bytes=int(num_bytes) if num_bytes else None, decoder=decoder, realism=realism, seed=int(seed)
            )
        )
        return served(to_png(frame.pixels), f"{stem_of(file)}.png"), _numbers(frame)

    @friendly
    def inspect(self, file: str) -> dict:
        """Describe a .difd file: header, steps, what has been received of it.

        Args:
            file: the .difd file.

        Returns:
            The fields of the header and a list of steps.
        """
        return json.loads(json.dumps(asdict(self.engine.describe(Path(file).read_bytes()))))

    @friendly
    def classical(self, image: str, codec: str, num_bytes: int) -> tuple[str, str, dict]:
        """Compress with JPEG, WebP or AVIF to as many bytes at most.

        Args:
            image: a picture file.
            codec: "jpeg", "webp" or "avif".
            num_bytes: most bytes; if no quality fits, the smallest file is returned.

        Returns:
            The file, its decoded picture as PNG, and a report: quality setting, size, PSNR and MS-SSIM.
        """
        pixels = fit_pixels(load_picture(image).pixels, MOST_PIXELS)
        result = self.engine.classical(pixels, codec, num_bytes=int(num_bytes))
        stem = stem_of(image)
        report = {"codec": result.codec, "quality": result.quality, **asdict(result.point)}
        return served(result.data, f"{stem}.{codec}"), served(to_png(result.pixels), f"{stem}-{codec}.png"), report


def expose(engine: Engine) -> None:
    """Make the endpoints callable; their components are placed on the page where nobody sees them."""
    calls = Endpoints(engine)
    with gr.Row(visible=False):
        trigger = gr.Button()
        image, file = gr.File(label="picture"), gr.File(label=".difd file")
        output, decoded, report = gr.File(label="file"), gr.File(label="PNG file"), gr.JSON(label="report")
        bpp = gr.Number(1.0, label="bits per pixel")
        num_bytes = gr.Number(None, precision=0, label="bytes; empty for no limit")
        most_bytes = gr.Number(10_000, precision=0, label="most bytes")
        preset = gr.Radio(["fast", "balanced", "best"], value="balanced", label="quality of search")
        seed = gr.Number(0, precision=0, label="seed")
        decoder = gr.Radio(["mean", "flow", "ancestral"], value="mean", label="decoder")
        realism = gr.Number(1.0, label="realism, 0 to 1")
        codec = gr.Radio(["jpeg", "webp", "avif"], value="jpeg", label="classical codec")

    def endpoint(call: Callable[..., Any], inputs: list, outputs: list, **options: Any) -> None:
        trigger.click(call, inputs, outputs, api_name=call.__name__, show_progress="hidden", **options)

    endpoint(calls.compress, [image, bpp, num_bytes, preset, seed], [output, report], **DEVICE)
    endpoint(calls.decompress, [file, decoder, realism, num_bytes, seed], [decoded, report], **DEVICE)
    endpoint(calls.inspect, [file], [report])
    endpoint(calls.classical, [image, codec, most_bytes], [output, decoded, report])


def _numbers(frame: Any) -> dict:
    names = ("num_bytes", "bpp", "psnr_db", "ms_ssim", "step", "num_steps", "seconds", "decoder")
    return {name: getattr(frame, name) for name in names}
