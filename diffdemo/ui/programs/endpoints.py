"""Endpoints for programs: each call stands alone, files go in and come out, nothing is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, Frame, Place, Underway
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.errors import ImageError, RateError
from diffdemo.images import MAX_PIXELS, to_png
from diffdemo.metrics.maps import difference, error_map
from diffdemo.metrics.registry import METRICS, When, measure, until
from diffdemo.pictures import Picture, load_picture
from diffdemo.ui.events import Events, program
from diffdemo.ui.models import choice
from diffdemo.ui.server.uploads import read_upload, require_upload
from diffdemo.ui.studio.screen import served, stem_of

AUTO = "auto"
MAX_BYTES = 1 << 24
"""Of one file: twice what the format holds, as classical codecs may need more."""
ENOUGH = 0.9
"""Share of the bytes that were asked for below which a file is said to be complete before them."""


class Endpoints(Events):
    """The calls, on one engine."""

    def compress(
        self,
        image: str,
        bpp: float = 1.0,
        num_bytes: int | None = None,
        preset: str = "balanced",
        seed: int = 0,
        codec: str = AUTO,
        model: str = "",
        prompt: str = "",
        request: gr.Request | None = None,
    ) -> Iterator[tuple[str | None, dict]]:
        """Compress a picture to a .difd file.

        Args:
            image: a picture file; PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF, and HEIC where it is installed.
            bpp: bits per pixel to spend.
            num_bytes: exact most of bytes instead; overrides `bpp`.
            preset: for DiffC, how long to search: "fast", "balanced" or "best".
            seed: for DiffC, of the randomness that encoder and decoder share.
            codec: name of one, such as "diffc"; "auto" for that of the model, or the first.
            model: name of a model that is here, as `/models` lists them; empty for the codec's own choice at this rate.
            prompt: what the picture shows, for a model that can be told; it is part of the file.

        Returns:
            The file, and a report: size, rate, PSNR and MS-SSIM of what it decodes to by default, the model, and notes.
            Until it is done there is no file yet, and the report says how far it is.
        """
        picture = load_picture(require_upload(image), most_pixels=MAX_PIXELS)
        rate: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        chosen = choice.of_program(self._engine, codec, model, pixels=picture.pixels, **rate)
        fitted = self._engine.fit(picture.pixels, chosen.name, preset=preset, **rate)
        options = {"preset": preset, "seed": int(seed), "prompt": prompt or "", "asker": program(request), **rate}
        moments = self._engine.encode(fitted.pixels, codec=chosen.codec, model=chosen.name, **options)
        for place in moments.places():
            yield None, waiting(place)
        for moment in moments:
            yield None, _progress(moment.frame)
        asked = num_bytes or bpp * fitted.pixels.size / 24
        notes = [*notes_of(picture), *([fitted.note] if fitted.note else [])]
        if len(moment.data) < ENOUGH * asked:
            notes.append(f"The file is complete with {len(moment.data):,} bytes: the model knows no finer picture.")
        report = _numbers(moment.frame) | {"model": chosen.name, "notes": notes}
        yield served(moment.data, f"{stem_of(image)}.difd"), report

    def decompress(
        self,
        file: str,
        decoder: str = AUTO,
        realism: float = 1.0,
        num_bytes: int | None = None,
        seed: int = 0,
        gamma: float = KNOBS["gamma"].default,
        eta: float = 0.0,
        steps: int | None = None,
        request: gr.Request | None = None,
    ) -> Iterator[tuple[str | None, dict]]:
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
            Until it is done there is no picture yet, and the report says how far it is.
        """
        frames = self._engine.decode(
            read_upload(file),
            num_bytes=_whole_number(num_bytes),
            decoder=None if decoder == AUTO else decoder,
            realism=realism,
            seed=int(seed),
            gamma=gamma,
            eta=eta,
            steps=_whole_number(steps),
            asker=program(request),
        )
        for place in frames.places():
            yield None, waiting(place)
        for frame in frames:
            yield None, _progress(frame)
        yield served(to_png(frame.pixels), f"{stem_of(file)}.png"), _numbers(frame)

    def samples(
        self,
        file: str,
        count: int = 4,
        gamma: float = KNOBS["gamma"].default,
        eta: float = 0.0,
        steps: int | None = None,
        seed: int = 0,
        num_bytes: int | None = None,
        request: gr.Request | None = None,
    ) -> Iterator[tuple[list[str] | None, str | None, str | None]]:
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
            Until all are drawn there is nothing yet.
        """
        drawn = self._engine.samples(
            read_upload(file),
            count=int(count),
            gamma=gamma,
            eta=eta,
            steps=_whole_number(steps),
            seed=int(seed),
            num_bytes=_whole_number(num_bytes),
            asker=program(request),
        )
        for _ in drawn.places():
            yield None, None, None
        for samples in drawn:
            last = samples
            yield None, None, None
        stem = stem_of(file)
        pictures = [served(to_png(pixels), f"{stem}-{n}.png") for n, pixels in enumerate(last.pictures, int(seed))]
        mean, spread = served(to_png(last.mean), f"{stem}-mean.png"), served(to_png(last.spread), f"{stem}-spread.png")
        yield pictures, mean, spread

    def inspect(self, file: str) -> dict:
        """Describe a .difd file: header, steps, what has been received of it.

        Args:
            file: the .difd file.

        Returns:
            The fields of the header and a list of steps.
        """
        return json.loads(json.dumps(self._engine.describe(read_upload(file)).to_json()))

    def models(self, refresh: bool = False) -> list[dict]:
        """All models that can be chosen, here or to be downloaded.

        Args:
            refresh: whether to ask the Hub for the released checkpoints of CDC.

        Returns:
            Of each its name, codec, size, memory, licence, native size, whether it is here, and more.
        """
        return [asdict(info) for info in self._engine.models(refresh=bool(refresh))]

    def download(self, model: str) -> Iterator[dict]:
        """Download a model, telling several times a second how far it is; whoever stops listening cancels it.

        Args:
            model: its name. See `/models`.

        Returns:
            Bytes here and in all, speed, seconds left, and at the end `done`.
        """
        for moment in self._engine.download(model):
            yield asdict(moment)

    def classical(
        self, image: str, codec: str, num_bytes: int | None = 10_000, bpp: float | None = None
    ) -> tuple[str, str, dict]:
        """Compress with a classical codec to as many bytes at most.

        Args:
            image: a picture file.
            codec: "jpeg", "jpeg2000", "webp", "heic", "avif" or "jxl", where it is installed.
            num_bytes: most bytes; if no quality fits, the smallest file is returned, and the notes say so.
            bpp: bits per pixel instead; overrides `num_bytes`.

        Returns:
            The file, its decoded picture as PNG, and a report: quality setting, size, PSNR, MS-SSIM, LPIPS and notes.
        """
        pixels = load_picture(require_upload(image), most_pixels=MAX_PIXELS).pixels
        most = float(bpp) * pixels.shape[0] * pixels.shape[1] / 8 if bpp else float(num_bytes or 0)
        if not 1 <= most < 1e9:
            raise RateError("How large the file may be is missing: please give num_bytes, or bpp above 0.")
        result = self._engine.classical(pixels, codec, num_bytes=int(most))
        point = result.point
        stem, suffix = stem_of(image), FORMATS[codec].suffix
        report = {"codec": result.codec, "quality": result.quality, "num_bytes": point.num_bytes, "bpp": point.bpp}
        report |= measure(pixels, result.pixels, METRICS, point.values)
        report["notes"] = [result.note] if result.note else []
        return served(result.data, f"{stem}.{suffix}"), served(to_png(result.pixels), f"{stem}-{codec}.png"), report

    def difference(self, image: str, other: str) -> tuple[str, str]:
        """Show where two pictures of one size differ; both are made smaller where they have over 4 megapixels.

        Args:
            image: a picture file.
            other: another one, of the same size.

        Returns:
            The other less the first, four times enlarged around grey, and a map of the error, light where it is large,
            as PNG files.
        """
        pictures = [load_picture(require_upload(path), most_pixels=MAX_PIXELS) for path in (image, other)]
        sizes = dict.fromkeys(f"{picture.width} x {picture.height}" for picture in pictures)
        if len(sizes) > 1:
            raise ImageError(f"The pictures have {' and '.join(sizes)} pixels; only equal sizes can be compared.")
        first, second = (picture.pixels for picture in pictures)
        stem = stem_of(other)
        enlarged = served(to_png(difference(first, second)), f"{stem}-difference.png")
        return enlarged, served(to_png(error_map(first, second)), f"{stem}-error.png")


def _whole_number(value: float | None) -> int | None:
    """The value of a number field; empty and 0 stand for none."""
    return int(value) if value else None


def notes_of(picture: Picture) -> list[str]:
    """What was done to a picture when it was read."""
    if not picture.is_reduced:
        return list(picture.notes)
    height, width = picture.pixels.shape[:2]
    return [*picture.notes, f"Made smaller, from {picture.width} x {picture.height} to {width} x {height} pixels."]


def waiting(place: Place | Underway) -> dict:
    """What a program reads while its call stands in the engine's line, and while there is nothing to look at."""
    if isinstance(place, Underway):
        return {"share": place.done / place.total, "seconds_left": place.seconds_left}
    return {"before": place.before, "seconds_until_begun": place.seconds}


def _progress(frame: Frame) -> dict:
    return {"share": frame.step / max(1, frame.num_steps), "seconds_left": frame.seconds_left}


def _numbers(frame: Frame) -> dict:
    values = {name: frame.values.get(name) for name in until(When.REST)}
    work = {name: getattr(frame, name) for name in ("step", "num_steps", "seconds", "decoder")}
    return {"num_bytes": frame.num_bytes, "bpp": frame.bpp, **values, **work}
