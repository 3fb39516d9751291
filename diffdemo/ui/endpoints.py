"""Endpoints for programs: each call stands alone, files go in and come out, nothing is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffdemo.engine import Engine
from diffdemo.engine.classical import SUFFIXES
from diffdemo.engine.heat import difference, error_map
from diffdemo.errors import RateError
from diffdemo.images import MOST_PIXELS, fit_pixels, to_png
from diffdemo.perceptual import lpips
from diffdemo.pictures import load_picture
from diffdemo.ui import models
from diffdemo.ui.codecs import DEFAULT_CODEC, DEFAULT_GAMMA
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import served, stem_of
from diffdemo.ui.viewing import last_frame

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
        model: str = "",
        prompt: str = "",
    ) -> tuple[str, dict]:
        """Compress a picture to a .difd file.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF.
            bpp: bits per pixel to spend.
            num_bytes: exact most of bytes instead; overrides `bpp`.
            preset: for DiffC, how long to search: "fast", "balanced" or "best".
            seed: for DiffC, of the randomness that encoder and decoder share.
            codec: "diffc" or "cdc"; a model that is named decides it.
            model: name of a model that is here, as `/models` lists them; empty for the codec's own choice.
            prompt: what the picture shows, for a model that can be told; it is part of the file.

        Returns:
            The file, and a report: size, rate, PSNR and MS-SSIM of what it decodes to by default, the model, and notes.
        """
        picture = load_picture(image)
        chosen = self.engine.model(model) if model else models.chosen(self.engine, codec, None)
        fitted = self.engine.fit(fit_pixels(picture.pixels, MOST_PIXELS), chosen.name)
        options: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        options |= {"preset": preset, "seed": int(seed), "prompt": prompt}
        *_, last = self.engine.encode(fitted.pixels, codec=chosen.codec, model=chosen.name, **options)
        notes = [*picture.notes, *([fitted.note] if fitted.note else [])]
        report = _numbers(last.frame) | {"model": chosen.name, "notes": notes}
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
            decoder: "auto"; DiffC: "mean" (safest), "flow" (sharp), "ancestral"; CDC: "deterministic", "stochastic".
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
    def models(self, refresh: bool = False) -> list[dict]:
        """All models that can be chosen, here or to be downloaded.

        Args:
            refresh: whether to ask the Hub for the released checkpoints of CDC.

        Returns:
            Of each its name, codec, size, memory, licence, native size, whether it is here, and more.
        """
        return [asdict(info) for info in self.engine.models(refresh=bool(refresh))]

    @friendly
    def download(self, model: str) -> Iterator[dict]:
        """Download a model, telling several times a second how far it is; whoever stops listening cancels it.

        Args:
            model: its name. See `/models`.

        Returns:
            Bytes here and in all, speed, seconds left, and at the end `done`.
        """
        for moment in self.engine.download(model):
            yield asdict(moment)

    @friendly
    def classical(
        self, image: str, codec: str, num_bytes: int | None = 10_000, bpp: float | None = None
    ) -> tuple[str, str, dict]:
        """Compress with a classical codec to as many bytes at most.

        Args:
            image: a picture file.
            codec: "jpeg", "jpeg2000", "webp", "avif" or "jxl", where it is installed.
            num_bytes: most bytes; if no quality fits, the smallest file is returned.
            bpp: bits per pixel instead; overrides `num_bytes`.

        Returns:
            The file, its decoded picture as PNG, and a report: quality setting, size, PSNR, MS-SSIM and LPIPS.
        """
        pixels = fit_pixels(load_picture(image).pixels, MOST_PIXELS)
        most = float(bpp) * pixels.shape[0] * pixels.shape[1] / 8 if bpp else float(num_bytes or 0)
        if not 1 <= most < 1e9:
            raise RateError("How large the file may be is missing: please give num_bytes, or bpp above 0.")
        result = self.engine.classical(pixels, codec, num_bytes=int(most))
        stem, suffix = stem_of(image), SUFFIXES.get(codec, codec)
        report = {"codec": result.codec, "quality": result.quality, **asdict(result.point)}
        report["lpips"] = lpips(pixels, result.pixels)
        return served(result.data, f"{stem}.{suffix}"), served(to_png(result.pixels), f"{stem}-{codec}.png"), report

    @friendly
    def difference(self, image: str, other: str) -> tuple[str, str]:
        """Show where two pictures of one size differ.

        Args:
            image: a picture file.
            other: another one, of the same size.

        Returns:
            The other less the first, four times enlarged around grey, and a map of the error, light where it is large,
            as PNG files.
        """
        first, second = load_picture(image).pixels, load_picture(other).pixels
        stem = stem_of(other)
        enlarged = served(to_png(difference(first, second)), f"{stem}-difference.png")
        return enlarged, served(to_png(error_map(first, second)), f"{stem}-error.png")


def _whole_number(value: float | None) -> int | None:
    """The value of a number field; empty and 0 stand for none."""
    return int(value) if value else None


def _numbers(frame: Any) -> dict:
    names = ("num_bytes", "bpp", "psnr_db", "ms_ssim", "step", "num_steps", "seconds", "decoder")
    return {name: getattr(frame, name) for name in names}
