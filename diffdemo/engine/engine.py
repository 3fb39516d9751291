"""The engine: codecs with their models loaded, one picture at a time, for many users.

Everything that a person watches is an iterator. The lock is held while something is computed and released while a
picture travels, so that several users advance side by side and closing an iterator leaves nothing locked.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.base import Codec, Decoder, Preset, Rendering, Target
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC, State
from diffdemo.codecs.diffc_plan import DEFAULT_BPP, EFFORTS
from diffdemo.coding.container import read_bitstream
from diffdemo.engine import classical, examples
from diffdemo.engine.describe import describe_file
from diffdemo.engine.device import choose_device, describe_device
from diffdemo.engine.records import (
    Classical,
    CodecInfo,
    CurvePoint,
    Encoding,
    Example,
    FileInfo,
    Frame,
    ModelInfo,
    Samples,
)
from diffdemo.engine.samples import gather
from diffdemo.engine.store import ModelStore
from diffdemo.engine.trace import Trace, TraceCache
from diffdemo.engine.watch import FRAMES_A_SECOND, Pace, frame_of, watch_decode, watch_encode
from diffdemo.engine.whole import encode_whole, sweep_whole, watch_whole
from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels, require_pixels
from diffdemo.metrics import bits_per_pixel, ms_ssim
from diffdemo.models.registry import DEFAULT_MODEL, default_model, require_known

MS_SSIM_POINTS = 12
MOST_SAMPLES = 16

T = TypeVar("T")


class Engine:
    """Encodes and decodes; knows models, caches and devices, and nothing of pages or terminals.

    Args:
        device: "auto", "cpu", "cuda".
        threads: for PyTorch on the CPU; None leaves its default.
    """

    def __init__(self, *, device: str = "auto", threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = choose_device(device)
        self.device_label = describe_device(self._device)
        self._lock = threading.Lock()
        self._store = ModelStore(self._device, self._lock)
        self._traces = TraceCache()
        self._seconds_a_pixel: dict[str, float] = {}

    # --- models -----------------------------------------------------------------------------------------------------

    def models(self) -> list[ModelInfo]:
        """All models, loaded if they are not yet."""
        return self._store.infos()

    def codecs(self) -> list[CodecInfo]:
        """All codecs that have a model, DiffC first, without loading any."""
        return [
            CodecInfo(
                name=kind.name,
                label=kind.label,
                default_model=default_model(kind.name),
                is_embedded=kind.is_embedded,
                decoders=tuple(decoder.value for decoder in kind.decoders),
            )
            for kind in (DiffC, Cdc)
        ]

    @property
    def default_model(self) -> str:
        """Name of the model that is used where none is named."""
        return DEFAULT_MODEL

    def warm_up(self) -> None:
        """Load the default model and run it, so that the first user does not wait, and time is known.

        Twice, because the first run compiles and draws codebooks.
        """
        grey = np.full((256, 256, 3), 128, np.uint8)
        grey[::2] += np.arange(256, dtype=np.uint8)[None, :, None] // 2
        for _ in range(2):
            for _ in self.encode(grey, num_bytes=600, preset="balanced"):
                pass

    def estimate_seconds(self, num_pixels: int, *, codec: str = DiffC.name, preset: str = "balanced") -> float | None:
        """How long an encode of so many pixels would take, judged by the last one; None before there was one."""
        pace = self._seconds_a_pixel.get(codec)
        if pace is None:
            return None
        steps = EFFORTS[_choice(Preset, preset, "preset")].steps if codec == DiffC.name else 1
        return pace * num_pixels * steps

    # --- encode and decode ------------------------------------------------------------------------------------------

    def encode(
        self,
        pixels: Pixels,
        *,
        codec: str | None = None,
        model: str | None = None,
        preset: str = "balanced",
        num_bytes: int | None = None,
        bpp: float | None = None,
        psnr_db: float | None = None,
        seed: int = 0,
    ) -> Iterator[Encoding]:
        """Compress, yielding a valid file and its picture several times a second.

        Args:
            pixels: uint8 [H,W,3].
            codec: "diffc" or "cdc"; None for that of the model, or DiffC.
            model: name from `models`; None for the codec's default.
            preset: "fast", "balanced" or "best"; of no effect for CDC.
            num_bytes: largest file, header included.
            bpp: the same in bits per pixel; `DEFAULT_BPP` if no target is given.
            psnr_db: quality of the posterior mean (DiffC) or the one-step decode (CDC) that is enough.
            seed: of the shared randomness, 0 to 2^32 - 1; of no effect for CDC.

        Raises:
            ImageError, RateError, WeightsError.
        """
        require_pixels(pixels)
        target = _target(pixels, num_bytes=num_bytes, bpp=bpp, quality=psnr_db)
        chosen = self._store.codec(model or default_model(codec or DiffC.name))
        if codec not in (None, chosen.name):
            raise RateError(f"The model '{model}' belongs to {chosen.label} and not to '{codec}'.")
        effort = _choice(Preset, preset, "preset")
        if isinstance(chosen, Cdc):
            return self._timed(chosen, self._locked(encode_whole(chosen, pixels, target)))
        progress = chosen.encode_progressively(pixels, target, preset=effort, seed=seed)
        return self._timed(chosen, watch_encode(pixels, self._locked(progress), self._traces))

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
        """Decompress, yielding pictures from coarse to fine; the last one is the result.

        Args:
            data: a file, whole or cut.
            num_bytes: use only so many bytes of it; CDC needs all of them.
            decoder: "mean", "flow" or "ancestral" for DiffC, "deterministic" or "stochastic" for CDC; None for the
                first of these.
            realism, gamma, eta, steps, seed: see `codecs.base.Rendering`.
            reference: the original, if it is known: frames then say how far they are from it.
            every_step: start from the first step and leave no picture out, instead of a few a second.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        rendering = Rendering(
            decoder=None if decoder is None else _choice(Decoder, decoder, "decoder"),
            realism=realism,
            gamma=gamma,
            eta=eta,
            steps=steps,
            seed=seed,
        )
        prefix = data if num_bytes is None else data[: max(0, num_bytes)]
        header = read_bitstream(prefix).header
        if reference is not None and reference.shape[:2] != (header.height, header.width):
            raise ImageError(
                f"The file holds {header.width} x {header.height} pixels, the original has "
                f"{reference.shape[1]} x {reference.shape[0]}; they cannot be compared."
            )
        codec = self._store.codec(require_known(header.fingerprint, self._store.known()))
        pace = Pace(math.inf if every_step else FRAMES_A_SECOND)
        if isinstance(codec, Cdc):
            chosen = rendering.decoder_of(codec)
            codec.open(prefix)
            return watch_whole(self._locked(codec.decode(prefix, rendering)), chosen, reference, pace)
        return self._decode_embedded(codec, data, prefix, rendering, reference, pace, from_start=every_step)

    def _decode_embedded(
        self,
        codec: DiffC,
        data: bytes,
        prefix: bytes,
        rendering: Rendering,
        reference: Pixels | None,
        pace: Pace,
        *,
        from_start: bool,
    ) -> Iterator[Frame]:
        decoder = rendering.decoder_of(codec)
        bitstream = codec.open(prefix)
        trace = self._traces.get(data)
        if trace is None:
            trace = Trace()
            self._traces.put(data, trace)
        trace.compare_with(reference)
        start = None if from_start else trace.state_within(bitstream.num_bytes)
        states = self._locked(codec.states(bitstream, start=start, decoder=decoder, seed=rendering.seed))

        def render(state: State) -> Iterator[tuple[Tensor, int, int]]:
            return self._locked(codec.render(state, rendering))

        return watch_decode(
            bitstream, start or codec.empty_state(bitstream), states, render, decoder, reference, trace, pace
        )

    def samples(
        self,
        data: bytes,
        *,
        count: int = 4,
        gamma: float = 0.8,
        eta: float = 0.0,
        steps: int | None = None,
        seed: int = 0,
        num_bytes: int | None = None,
        reference: Pixels | None = None,
    ) -> Iterator[Samples]:
        """Draw several pictures from one file: ancestral ones of DiffC, stochastic ones of CDC.

        Args:
            data, num_bytes, gamma, eta, steps, reference: as for `decode`.
            count: 2 to 16 pictures.
            seed: of the first; the others count on from it.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        if not 2 <= count <= MOST_SAMPLES:
            raise RateError(f"{count} samples were asked for; it must be 2 to {MOST_SAMPLES}.")
        decoder = Decoder.ANCESTRAL if self.describe(data).is_embedded else Decoder.STOCHASTIC
        draws = (
            self.decode(
                data,
                num_bytes=num_bytes,
                decoder=decoder.value,
                gamma=gamma,
                eta=eta,
                steps=steps,
                seed=seed + number,
                reference=reference,
            )
            for number in range(count)
        )
        return gather(draws, count)

    def sweep(self, pixels: Pixels, *, model: str | None = None) -> Iterator[CurvePoint]:
        """Rate and distortion of CDC over its quantisation steps, decoded in one step; coarse to fine.

        DiffC needs no such thing: the points of `curve` are by-products of its one file.

        Args:
            pixels: uint8 [H,W,3].
            model: name from `models`; None for CDC's default.

        Raises:
            ImageError, WeightsError.
        """
        codec = self._store.codec(model or default_model(Cdc.name))
        if not isinstance(codec, Cdc):
            raise RateError(f"The model '{model}' belongs to {codec.label}, whose curve comes with its files.")
        return self._locked(sweep_whole(codec, pixels))

    # --- what is known without computing ----------------------------------------------------------------------------

    def preview(self, data: bytes, num_bytes: int) -> Frame | None:
        """Posterior mean of the last whole step within `num_bytes`, at once; None if it is not in the cache."""
        trace = self._traces.get(data)
        moment = trace.moment_within(num_bytes) if trace else None
        if moment is None:
            return None
        return frame_of(
            moment.pixels,
            num_bytes=num_bytes,
            quality=moment.psnr_db,
            similarity=None,
            step=moment.number,
            num_steps=moment.number,
            sigma=moment.sigma,
            seconds=0.0,
            decoder=Decoder.MEAN,
        )

    def curve(self, data: bytes) -> list[CurvePoint]:
        """Posterior-mean points of the steps that are in the cache; empty if the original is not known.

        MS-SSIM takes longer than it takes to look at a plot: it is measured at a dozen of the points.
        """
        trace = self._traces.get(data)
        if trace is None or trace.original is None:
            return []
        stride = -(-len(trace.moments) // MS_SSIM_POINTS)
        for moment in trace.moments[::-1][::stride]:
            if moment.number not in trace.ms_ssim:
                trace.ms_ssim[moment.number] = ms_ssim(trace.original, moment.pixels)
        height, width = trace.original.shape[:2]
        return [
            CurvePoint(m.num_bytes, bits_per_pixel(m.num_bytes, width, height), m.psnr_db, trace.ms_ssim.get(m.number))
            for m in trace.moments
            if m.psnr_db is not None
        ]

    def describe(self, data: bytes) -> FileInfo:
        """What a file says about itself; needs no network.

        Raises:
            BitstreamError: if it is none of ours.
        """
        return describe_file(data, self._store.known())

    # --- classical codecs and examples ------------------------------------------------------------------------------

    def classical(self, pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
        """The best JPEG, WebP or AVIF of at most so many bytes, or the smallest if none is small enough."""
        return classical.classical_at(pixels, codec, num_bytes=num_bytes)

    def classical_curve(self, pixels: Pixels, codec: str) -> list[CurvePoint]:
        """Rate and distortion over a sweep of the codec's quality setting."""
        return classical.classical_curve(pixels, codec)

    def bytes_needed(self, points: list[CurvePoint], psnr_db: float) -> int | None:
        """Bytes at which a curve reaches a PSNR, interpolated; None outside of what was measured."""
        return classical.bytes_needed(points, psnr_db)

    def examples(self) -> list[Example]:
        """Photographs that can be tried without an upload."""
        return list(examples.EXAMPLES)

    def example_pixels(self, name: str) -> Pixels:
        """uint8 [H,W,3] of an example."""
        return examples.example_pixels(name)

    def example_file(self, name: str) -> bytes | None:
        """The shipped file of an example, if there is one that an installed model can decode."""
        data = examples.example_file(name)
        if data is None or read_bitstream(data).header.fingerprint not in self._store.known():
            return None
        return data

    # --- inside -----------------------------------------------------------------------------------------------------

    def _timed(self, codec: Codec, encodings: Iterator[Encoding]) -> Iterator[Encoding]:
        """The same moments; from the last one the engine learns how fast it is."""
        for encoding in encodings:
            frame = encoding.frame
            if encoding.done:
                height, width = frame.pixels.shape[:2]
                self._seconds_a_pixel[codec.name] = frame.seconds / frame.step / (height * width)
            yield encoding

    def _locked(self, work: Iterator[T]) -> Iterator[T]:
        """The same items, each computed under the device lock, which is free while an item is looked at."""
        while True:
            with self._lock:
                item = next(work, None)
            if item is None:
                return
            yield item


def _target(pixels: Pixels, *, num_bytes: int | None, bpp: float | None, quality: float | None) -> Target:
    height, width = pixels.shape[:2]
    for name, value in (("bytes", num_bytes), ("bits per pixel", bpp), ("PSNR", quality)):
        if value is not None and not 0 < value < 1e9:
            raise RateError(f"The target of {value} {name} cannot be met; it must be a positive number.")
    limits = [n for n in (num_bytes, None if bpp is None else int(bpp * width * height / 8)) if n is not None]
    if not limits and quality is None:
        limits = [max(64, int(DEFAULT_BPP * width * height / 8))]
    return Target(min(limits) if limits else None, quality)


def _choice(kind: type[T], value: str, what: str) -> T:
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError:
        options = ", ".join(str(v) for v in kind)  # type: ignore[attr-defined]
        raise RateError(f"'{value}' is no {what}; choose one of: {options}.") from None
