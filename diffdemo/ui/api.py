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
from diffdemo.ui import present
from diffdemo.ui.codecs import DEFAULT_CODEC, DEFAULT_GAMMA, OFFERS
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import served, stem_of
from diffdemo.ui.viewing import last_frame
from diffdemo.ui.wiring import DEVICE

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The calls, on one engine."""

    engine: Engine

    @friendly
    def compress(
        self,
        image: str,
        bpp: float = 1.0,
        num_bytes: int | None = None,
        preset: str = "balanced",
        seed: int = 0,
        codec: str = DEFAULT_CODEC,
    ) -> tuple[str, dict]:
        """Compress a picture to a .difd file.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF.
            bpp: bits per pixel to spend.
            num_bytes: exact most of bytes instead; overrides `bpp`.
            preset: for DiffC, how long to search: "fast", "balanced" or "best".
            seed: for DiffC, of the randomness that encoder and decoder share.
            codec: "diffc" or "cdc".

        Returns:
            The file, and a report: size, rate, PSNR and MS-SSIM of its posterior mean, or of CDC's picture after one
            step, and notes on the picture.
        """
        picture = load_picture(image)
        pixels = fit_pixels(picture.pixels, MOST_PIXELS)
        target: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        *_, last = self.engine.encode(pixels, codec=codec, preset=preset, seed=int(seed), **target)
        report = _numbers(last.frame) | {"notes": list(picture.notes)}
        return served(last.data, f"{stem_of(image)}.difd"), report

    @friendly
    def decompress(
        self,
        file: str,
        decoder: str = AUTO,
        realism: float = 1.0,
        num_bytes: int | None = None,
        seed: int = 0,
        gamma: float = DEFAULT_GAMMA,
        eta: float = 0.0,
        steps: int | None = None,
    ) -> tuple[str, dict]:
        """Decode a .difd file, of DiffC whole or cut, of CDC whole, to a PNG file.

        Args:
            file: the .difd file.
            decoder: "auto" (the first of the file's codec); for DiffC "mean" (safest average), "flow" (sharp) or
                "ancestral" (one of the possible pictures); for CDC "deterministic" or "stochastic".
            realism: for "flow", from 0 (the mean) to 1.
            num_bytes: use only the first bytes; empty for all, which CDC needs.
            seed: for "ancestral" and "stochastic", which of the possible pictures.
            gamma: for "stochastic", noise to start from, 0 to 2.
            eta: for "stochastic", fresh noise in every step, 0 to 1.
            steps: for CDC, denoising steps; empty for what suits the model.

        Returns:
            The picture, and a report: bytes used, rate, steps, seconds.
        """
        data = Path(file).read_bytes()
        frame = last_frame(
            self.engine.decode(
                data,
                num_bytes=_whole_number(num_bytes),
                decoder=None if decoder == AUTO else decoder,
                realism=realism,
                seed=int(seed),
                gamma=gamma,
                eta=eta,
                steps=_whole_number(steps),
            )
        )
        return served(to_png(frame.pixels), f"{stem_of(file)}.png"), _numbers(frame)

    @friendly
    def samples(
        self,
        file: str,
        count: int = 4,
        gamma: float = DEFAULT_GAMMA,
        eta: float = 0.0,
        steps: int | None = None,
        seed: int = 0,
        num_bytes: int | None = None,
    ) -> tuple[list[str], str, str]:
        """Draw several pictures from one .difd file: what they share was sent, what they differ in was imagined.

        Args:
            file: the .difd file.
            count: how many, 2 to 16.
            gamma: for CDC, noise to start from, 0 to 2.
            eta: for CDC, fresh noise in every step, 0 to 1.
            steps: for CDC, denoising steps; empty for what suits the model.
            seed: of the first; the others count on from it.
            num_bytes: use only the first bytes; empty for all, which CDC needs.

        Returns:
            The pictures, their mean, and their spread (standard deviation, four times as bright), as PNG files.
        """
        *_, last = self.engine.samples(
            Path(file).read_bytes(),
            count=int(count),
            gamma=gamma,
            eta=eta,
            steps=_whole_number(steps),
            seed=int(seed),
            num_bytes=_whole_number(num_bytes),
        )
        stem = stem_of(file)
        pictures = [served(to_png(pixels), f"{stem}-{n}.png") for n, pixels in enumerate(last.pictures, int(seed))]
        mean, spread = served(to_png(last.mean), f"{stem}-mean.png"), served(to_png(last.spread), f"{stem}-spread.png")
        return pictures, mean, spread

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
        decoder = gr.Radio([AUTO, *present.DECODERS, *present.TEXTURES], value=AUTO, label="decoder")
        realism = gr.Number(1.0, label="realism, 0 to 1")
        gamma, eta = gr.Number(DEFAULT_GAMMA, label="gamma, 0 to 2"), gr.Number(0.0, label="eta, 0 to 1")
        steps = gr.Number(None, precision=0, label="denoising steps; empty for what suits the model")
        own = gr.Radio([*OFFERS], value=DEFAULT_CODEC, label="codec")
        count = gr.Number(4, precision=0, label="samples, 2 to 16")
        drawn, spread = gr.File(file_count="multiple", label="PNG files"), gr.File(label="spread, PNG file")
        mean = gr.File(label="mean, PNG file")
        codec = gr.Radio(["jpeg", "webp", "avif"], value="jpeg", label="classical codec")

    def endpoint(call: Callable[..., Any], inputs: list, outputs: list, **options: Any) -> None:
        trigger.click(call, inputs, outputs, api_name=call.__name__, show_progress="hidden", **options)

    endpoint(calls.compress, [image, bpp, num_bytes, preset, seed, own], [output, report], **DEVICE)
    rendering = [file, decoder, realism, num_bytes, seed, gamma, eta, steps]
    endpoint(calls.decompress, rendering, [decoded, report], **DEVICE)
    endpoint(calls.samples, [file, count, gamma, eta, steps, seed, num_bytes], [drawn, mean, spread], **DEVICE)
    endpoint(calls.inspect, [file], [report])
    endpoint(calls.classical, [image, codec, most_bytes], [output, decoded, report])


def _whole_number(value: float | None) -> int | None:
    """The value of a number field; empty and 0 stand for none."""
    return int(value) if value else None


def _numbers(frame: Any) -> dict:
    names = ("num_bytes", "bpp", "psnr_db", "ms_ssim", "step", "num_steps", "seconds", "decoder")
    return {name: getattr(frame, name) for name in names}
