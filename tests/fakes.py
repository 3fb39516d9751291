"""An engine without a network: the same contract, real pixels and real files, in milliseconds.

A fake DiffC file is a header and a sequence of JPEG files of rising quality, one a step; a prefix shows the last whole
one. For the fake CDC see `fake_cdc`, for the models `fake_models`.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from itertools import count
from typing import TypeVar

import fake_cdc
import numpy as np
from fake_models import FakeModels
from PIL import Image, ImageFilter
from skimage import data as pictures

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.engine.records import (
    BitsMap,
    Classical,
    CodecInfo,
    Encoding,
    Example,
    FileInfo,
    Frame,
    ModelInfo,
    Samples,
    Step,
)
from diffdemo.engine.samples import gather
from diffdemo.engine.scheduling.counts import Counts
from diffdemo.engine.scheduling.job import Asker
from diffdemo.engine.scheduling.lanes import Device
from diffdemo.engine.scheduling.scheduler import Running, Scheduler
from diffdemo.errors import CorruptBitstream, RateError, TruncatedBitstream, UnsupportedBitstream, WeightsError
from diffdemo.images import Pixels, require_pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.points import CurvePoint, measured
from diffdemo.metrics.registry import Values, When, measure, until

T = TypeVar("T")

MAGIC = b"FAKE"
QUALITIES = (3, 8, 15, 25, 40, 55, 70, 80, 88, 94)
EXAMPLES = (
    Example("astronaut", "astronaut", "NASA, public domain"),
    Example("coffee", "coffee", "Rachel Michetti, CC0"),
    Example("cat", "cat", "Stefan van der Walt, CC0"),
)


def in_line(call: Callable[..., Iterator[T]]) -> Callable[..., Running[T]]:
    """A long call of the engine, as a job that begins at once unless the test has filled the line."""

    @wraps(call)
    def begun(self: FakeEngine, *args: object, asker: Asker = Asker(), **options: object) -> Running[T]:  # noqa: B008
        job = self.scheduler.job(asker, seconds=self.job_seconds)
        return self.scheduler.running(job, self.scheduler.each(job, call(self, *args, **options)))

    return begun


class FakeEngine(FakeModels):
    """Implements `diffdemo.engine.Engine`.

    Args:
        step_seconds: what each step of an encode, decode or download takes.
        ships_files: whether examples come with a precomputed file.
    """

    def __init__(self, *, step_seconds: float = 0.0, ships_files: bool = True) -> None:
        super().__init__(step_seconds)
        self.device_label = "CPU, 2 threads"
        self.default_model = "fake"
        self.ships_files = ships_files
        self.lock = threading.Lock()
        self.scheduler = Scheduler(Device(lanes=2), memory=1 << 40)
        self.job_seconds = 0.0
        self._originals: dict[bytes, Pixels | None] = {}
        self._held_from: float = math.inf
        self._is_let_go = threading.Event()

    @contextmanager
    def held(self, step: int) -> Iterator[None]:
        """Until the end of this, let no encode or decode that begins meanwhile do that step."""
        self._held_from, self._is_let_go = step, threading.Event()
        try:
            yield
        finally:
            self._held_from = math.inf
            self._is_let_go.set()

    def _hold(self) -> Callable[[int], bool]:
        """What one that begins now calls before each of its steps."""
        first, is_let_go = self._held_from, self._is_let_go
        return lambda step: step < first or is_let_go.wait()

    def codecs(self) -> list[CodecInfo]:
        """Both that there are."""
        return [
            CodecInfo(
                codec.name,
                codec.label,
                model,
                codec.is_embedded,
                tuple(map(str, codec.decoders)),
                codec.sentence,
                codec.rates,
                codec.options,
                is_listed=codec is Cdc,
            )
            for codec, model in ((DiffC, "fake"), (Cdc, "fake-cdc"))
        ]

    def warm_up(self) -> None:
        """Nothing to load."""

    def counts(self) -> Counts:
        """Of the jobs that there were."""
        return self.scheduler.counts()

    def estimate_seconds(self, num_pixels: int, *, codec: str = "diffc", preset: str = "balanced") -> float | None:
        """Nothing has been timed."""
        return None

    @in_line
    def encode(
        self,
        pixels: Pixels,
        *,
        codec: str = "diffc",
        model: str | None = None,
        preset: str = "balanced",
        num_bytes: int | None = None,
        bpp: float | None = None,
        psnr_db: float | None = None,
        seed: int = 0,
        prompt: str = "",
        begun: bytes = b"",
    ) -> Iterator[Encoding]:
        """Append one JPEG file after the other until the next does not fit."""
        require_pixels(pixels)
        info = self.model(model or ("fake" if codec == "diffc" else "fake-cdc"))
        if info.codec != codec:
            raise RateError(f"The model '{info.name}' does not belong to '{codec}'.")
        if not info.is_here:
            raise WeightsError(f"The model '{info.name}' is not on this computer.")
        height, width = pixels.shape[:2]
        most = num_bytes or int((bpp or 1.0) * width * height / 8)
        if codec == "cdc":
            with self.lock:
                time.sleep(self.step_seconds)
                data = fake_cdc.encode(pixels, most)
                *_, frame = fake_cdc.decode(data, steps=1, reference=pixels)
            yield Encoding(data, frame, True)
            return
        bodies = [_jpeg(pixels, quality) for quality in QUALITIES]
        lengths = [len(body) for body in bodies]
        header = _header(width, height, preset, seed, lengths, model=info.name, prompt=prompt)
        if most < len(header):
            raise RateError(f"{most} bytes cannot hold the header, which is {len(header)} bytes. Ask for more.")
        data, started = header, time.monotonic()
        least = sum(step.received for step in self.describe(begun).steps) + 1 if begun else 0
        fitting = [n for n in range(least, len(bodies) + 1) if len(header) + sum(map(len, bodies[:n])) <= most]
        hold = self._hold()
        for number in fitting:
            hold(number)
            with self.lock:
                time.sleep(self.step_seconds)
                data = header + b"".join(bodies[:number])
                self._originals[_key(data)] = pixels
                frame = self._frame(data, len(data), "mean", pixels, number, fitting[-1], started)
            if number or len(fitting) == 1:
                yield Encoding(data, frame, number == fitting[-1])

    def rehearse(self, data: bytes, *, reference: Pixels | None = None, asker: Asker | None = None) -> Iterator[None]:
        for _ in self.decode(data, reference=reference, asker=asker or Asker()):
            yield None

    @in_line
    def decode(
        self,
        data: bytes,
        *,
        num_bytes: int | None = None,
        decoder: str | None = None,
        realism: float = 1.0,
        gamma: float = 0.8,
        eta: float = 0.0,
        steps: int | None = None,
        seed: int = 0,
        reference: Pixels | None = None,
        every_step: bool = False,
    ) -> Iterator[Frame]:
        """Show every whole step, then sharpen or add noise."""
        used = len(data) if num_bytes is None else num_bytes
        embedded = not data.startswith(fake_cdc.MAGIC)
        offered = ("mean", "flow", "ancestral") if embedded else fake_cdc.DECODERS
        decoder = decoder or offered[0]
        if decoder not in offered:
            raise RateError(f"The file has no decoder '{decoder}'; choose one of: {', '.join(offered)}.")
        if not embedded:
            yield from self._locked(
                fake_cdc.decode(data[:used], decoder=decoder, gamma=gamma, steps=steps, seed=seed, reference=reference)
            )
            return
        info = self.describe(data[:used])
        self._originals.setdefault(_key(data), reference)
        ends = [info.header_bytes] + [step.end_bytes for step in info.steps if step.received]
        started = time.monotonic()
        for number, end in enumerate(ends):
            with self.lock:
                time.sleep(self.step_seconds)
                frame = self._frame(data, end, "mean", reference, number, len(ends), started)
            yield frame
        with self.lock:
            yield self._frame(data, used, decoder, reference, len(ends), len(ends), started, realism, seed)

    def _locked(self, items: Iterator[Frame]) -> Iterator[Frame]:
        hold = self._hold()
        for step in count(1):
            hold(step)
            with self.lock:
                time.sleep(self.step_seconds)
                item = next(items, None)
            if item is None:
                return
            yield item

    @in_line
    def samples(self, data: bytes, *, count: int = 4, seed: int = 0, **options: object) -> Iterator[Samples]:
        """Several decodes that differ in their seed."""
        if not 2 <= count <= 16:
            raise RateError(f"{count} samples were asked for; it must be 2 to 16.")
        decoder = "ancestral" if self.describe(data).is_embedded else "stochastic"
        return gather((self.decode(data, decoder=decoder, seed=seed + n, **options) for n in range(count)), count)

    def sweep(self, pixels: Pixels, *, model: str | None = None) -> Iterator[CurvePoint]:
        """A few rates of the fake CDC."""
        for bpp in (0.4, 0.6, 0.8, 1.0):
            time.sleep(self.step_seconds)
            data = fake_cdc.encode(pixels, int(bpp * pixels.size / 24))
            *_, frame = fake_cdc.decode(data, steps=1, reference=pixels)
            yield frame.point

    def preview(self, data: bytes, num_bytes: int) -> Frame | None:
        """The last whole step, if the file was encoded or decoded here."""
        if _key(data) not in self._originals:
            return None
        return self._frame(data, num_bytes, "mean", self._originals[_key(data)], 1, 1, time.monotonic())

    def bits_map(self, data: bytes, *, num_bytes: int | None = None) -> BitsMap | None:
        """As many everywhere, if the original is known."""
        original = self._originals.get(_key(data))
        if original is None:
            return None
        return BitsMap(np.full_like(original, 200), 1, 8.0 * (num_bytes or len(data)), 2.0, 1.0)

    def curve(self, data: bytes) -> list[CurvePoint]:
        """One point a step."""
        original = self._originals.get(_key(data))
        if original is None:
            return []
        ends = [step.end_bytes for step in self.describe(data).steps if step.received]
        return [_point(original, _last_picture(data, end), end) for end in ends]

    def describe(self, data: bytes) -> FileInfo:
        """Parse the header."""
        if data.startswith(fake_cdc.MAGIC):
            return fake_cdc.describe(data)
        if data[:4] != MAGIC:
            raise UnsupportedBitstream(f"Not a diffdemo file: it starts with {data[:4]!r}.")
        fields, start = _fields(data)
        ends = [start + sum(fields["lengths"][: n + 1]) for n in range(len(fields["lengths"]))]
        steps = tuple(
            Step(n + 1, 10 / (n + 1), 8 * length, 16, end, end <= len(data))
            for n, (length, end) in enumerate(zip(fields["lengths"], ends, strict=True))
        )
        width, height = fields["width"], fields["height"]
        model = self._models.get(fields["model"])
        is_here = model is not None and model.is_here
        return FileInfo(
            codec="diffc",
            version=1,
            model=fields["model"] if is_here else None,
            fingerprint=model.fingerprint if is_here else "cafe0001",
            width=width,
            height=height,
            facts={key: fields[key] or None for key in ("preset", "prompt")} | {"seed": fields["seed"], "delta": None},
            is_embedded=True,
            header_bytes=start,
            num_bytes=len(data),
            whole_bytes=ends[-1],
            bpp=bits_per_pixel(len(data), width, height),
            is_cut=len(data) < ends[-1],
            is_damaged=False,
            steps=steps,
        )

    def who_wrote(self, data: bytes) -> ModelInfo | None:
        """The model that the header names, if there is one of that name."""
        return self._models.get(_fields(data)[0]["model"])

    def classical(self, pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
        """The best quality that fits, or the smallest file."""
        tries = [(quality, _save(pixels, codec, quality)) for quality in (1, 5, 10, 20, 35, 50, 65, 80, 90, 95)]
        fitting = [item for item in tries if len(item[1]) <= num_bytes] or tries[:1]
        quality, data = fitting[-1]
        decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        return Classical(codec, quality, data, decoded, _point(pixels, decoded, len(data)))

    def classical_curve(self, pixels: Pixels, codec: str, metrics: Collection[str] | None = None) -> list[CurvePoint]:
        """A short sweep, once for every picture: tests share a few, and AVIF takes its time."""
        return list(_classical_curve(pixels.tobytes(), pixels.shape, codec, tuple(metrics or until(When.REST))))

    def examples(self) -> list[Example]:
        """Pictures that scikit-image brings along."""
        return list(EXAMPLES)

    def example_pixels(self, name: str) -> Pixels:
        """A small square, so that tests stay quick."""
        return _square(name).copy()

    def example_file(self, name: str) -> bytes | None:
        """An encode that nobody had to wait for."""
        if not self.ships_files:
            return None
        pause, self.step_seconds = self.step_seconds, 0.0
        *_, last = self.encode(self.example_pixels(name), bpp=1.0)
        self.step_seconds = pause
        self._originals.pop(_key(last.data), None)
        return last.data

    def example_result(self, name: str) -> None:
        """Nothing is known of it before it is decoded."""

    def _frame(
        self,
        data: bytes,
        num_bytes: int,
        decoder: str,
        reference: Pixels | None,
        step: int,
        num_steps: int,
        started: float,
        realism: float = 1.0,
        seed: int = 0,
    ) -> Frame:
        pixels = _last_picture(data, num_bytes)
        if decoder == "flow":
            blurred = Image.fromarray(pixels)
            pixels = np.asarray(blurred.filter(ImageFilter.UnsharpMask(2, round(150 * realism), 0)))
        elif decoder == "ancestral":
            noise = np.random.default_rng(seed).normal(0, 8, pixels.shape)
            pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
        height, width = pixels.shape[:2]
        seconds = time.monotonic() - started
        return Frame(
            pixels,
            num_bytes,
            bits_per_pixel(num_bytes, width, height),
            _distortion(pixels, reference),
            step,
            num_steps,
            10 / (step + 1),
            seconds,
            seconds * (num_steps - step) / max(step, 1),
            decoder,
        )


_distortions: dict[bytes, Values] = {}


@lru_cache
def _square(name: str) -> Pixels:
    picture = Image.fromarray(getattr(pictures, name)())
    side = min(picture.size)
    return np.asarray(picture.crop((0, 0, side, side)).resize((256, 256)))


def _key(data: bytes) -> bytes:
    return data[:64]


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    return _save(pixels, "jpeg", quality)


def _save(pixels: Pixels, codec: str, quality: int) -> bytes:
    out = io.BytesIO()
    options = {"quality": quality} | ({"speed": 10} if codec == "avif" else {})
    if codec == "jpeg2000":
        options = FORMATS[codec].options(8 * quality)
    Image.fromarray(pixels).save(out, FORMATS[codec].pillow, **options)
    return out.getvalue()


@lru_cache(maxsize=64)
def _classical_curve(
    content: bytes, shape: tuple[int, ...], codec: str, metrics: tuple[str, ...]
) -> tuple[CurvePoint, ...]:
    pixels = np.frombuffer(content, np.uint8).reshape(shape)
    files = [_save(pixels, codec, quality) for quality in (2, 10, 30, 60, 90)]
    decoded = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in files]
    return tuple(measured(pixels, picture, len(data), metrics) for picture, data in zip(decoded, files, strict=True))


def _point(original: Pixels, pixels: Pixels, num_bytes: int) -> CurvePoint:
    height, width = original.shape[:2]
    return CurvePoint(num_bytes, bits_per_pixel(num_bytes, width, height), _distortion(pixels, original))


def _distortion(pixels: Pixels, original: Pixels | None) -> Values:
    """What a frame at rest has, measured once for every pair: MS-SSIM takes longer than all the rest of a step."""
    if original is None:
        return {}
    names = until(When.REST)
    key = hashlib.sha256(original.tobytes() + pixels.tobytes()).digest()
    known = _distortions.get(key, {})
    _distortions[key] = measure(original, pixels, names, known)
    return {name: _distortions[key][name] for name in names}


def _header(width: int, height: int, preset: str, seed: int, lengths: list[int], **others: str) -> bytes:
    fields = {"width": width, "height": height, "preset": preset, "seed": seed, "lengths": lengths} | others
    body = json.dumps(fields).encode()
    return MAGIC + struct.pack("<II", len(body), zlib.crc32(body)) + body


def _fields(data: bytes) -> tuple[dict, int]:
    if len(data) < 12 or len(data) < 12 + struct.unpack("<I", data[4:8])[0]:
        raise TruncatedBitstream("The file ends inside its header; there is no picture in it yet.")
    length, checksum = struct.unpack("<II", data[4:12])
    if zlib.crc32(data[12 : 12 + length]) != checksum:
        raise CorruptBitstream("The header of this file is damaged: its checksum disagrees.")
    return json.loads(data[12 : 12 + length]), 12 + length


def _last_picture(data: bytes, num_bytes: int) -> Pixels:
    fields, start = _fields(data)
    pixels = np.full((fields["height"], fields["width"], 3), 128, np.uint8)
    for length in fields["lengths"]:
        if start + length > min(num_bytes, len(data)):
            break
        pixels = np.asarray(Image.open(io.BytesIO(data[start : start + length])))
        start += length
    return pixels
