"""The engine: codecs with their models loaded, one picture at a time, for many users.

Everything that a person watches is an iterator. The lock is held while something is computed and released while a
picture travels, so that several users advance side by side and closing an iterator leaves nothing locked.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from diffdemo.codecs.base import Decoder, Preset, Rendering, Target, Work
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC, State
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.coding.container import read_bitstream
from diffdemo.engine import examples
from diffdemo.engine.arguments import target_of
from diffdemo.engine.bits_map import diffc_bits, map_of
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.classical import files
from diffdemo.engine.decode_cache import Trace, TraceCache
from diffdemo.engine.describe import describe_file
from diffdemo.engine.examples import ExampleResult
from diffdemo.engine.frames import (
    FRAMES_A_SECOND,
    Pace,
    frame_of,
    seen_progress,
    seen_rendering,
    seen_states,
    watch_decode,
    watch_encode,
)
from diffdemo.engine.hardware.device import choose_device, describe_device, is_out_of_memory
from diffdemo.engine.records import BitsMap, Classical, Encoding, Example, FileInfo, Fitted, Frame, Samples
from diffdemo.engine.samples import gather
from diffdemo.engine.whole_files import SWEEP_CODES, encode_whole, sweep_whole, watch_whole
from diffdemo.engine.work import Estimates, Limits, require_within
from diffdemo.errors import ImageError, MemoryBudgetError, RateError, WorkLimitError
from diffdemo.images import MOST_PIXELS, Pixels, fit_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import bits_per_pixel, ms_ssim
from diffdemo.metrics.distortion import psnr_db as measure_psnr
from diffdemo.metrics.points import CurvePoint
from diffdemo.plain_text import duration

MS_SSIM_POINTS = 12
LATENT_CELL = 16
"""Side in pixels of what one latent position of CDC stands for."""
MOST_SAMPLES = 16
DECODE_ELSEWHERE = "On a computer of your own there is no such limit: python -m diffdemo decode FILE -o OUT.png"

T = TypeVar("T")


class _Speed(NamedTuple):
    """Of a model here: seconds for a pixel and an evaluation of the network, and how many views it knows."""

    seconds: float
    most_views: int


class Engine(Catalogue):
    """Encodes and decodes; knows models, caches and devices, and nothing of pages or terminals.

    Args:
        device: "auto", "cpu", "cuda".
        threads: for PyTorch on the CPU; None leaves its default.
        model: to use where none is named; None for the shipped one. It is used once it is on this computer.
        memory: bytes that loaded models may take together; None for a share of what there is.
        is_fixed: whether users may neither fetch nor remove models, as on a public server.
        limits: what one call may ask for; None for whatever the format allows.

    Raises:
        WeightsError: there is no such model.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        threads: int | None = None,
        model: str | None = None,
        memory: int | None = None,
        is_fixed: bool = False,
        limits: Limits | None = None,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        where = choose_device(device)
        super().__init__(where, model=model, memory=memory, is_fixed=is_fixed)
        self.device_label = describe_device(where)
        self._lock = threading.Lock()
        self._traces = TraceCache()
        self._speeds: dict[str, _Speed] = {}
        self._limits = limits or Limits()
        self._estimates = Estimates(self._computing)

    # --- work -------------------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Fetch and load the preferred model and run it, so that the first user does not wait, and time is known.

        Twice, because the first run compiles and draws codebooks.

        Raises:
            WeightsError: the preferred model cannot be had; others work.
        """
        for _ in self._fetched(self._preferred):
            pass
        grey = np.full((256, 256, 3), 128, np.uint8)
        grey[::2] += np.arange(256, dtype=np.uint8)[None, :, None] // 2
        for _ in range(2):
            for _ in self.encode(grey, num_bytes=600, preset="balanced"):
                pass

    def ceiling(self, pixels: Pixels, model: str) -> float | None:
        """PSNR in dB that the autoencoder of a latent model costs alone, at any rate; None for other models.

        Raises:
            ImageError, WeightsError.
        """
        codec = self._store.codec(model)
        if not isinstance(codec, DiffC) or codec.space.factor == 1:
            return None
        fitted = self.fit(pixels, model).pixels
        with self._computing():
            signal = codec.space.to_signal(to_image(fitted))
            return measure_psnr(fitted, to_pixels(codec.space.to_image(signal, *fitted.shape[:2])))

    def estimate_seconds(
        self, num_pixels: int, *, codec: str = DiffC.name, model: str | None = None, preset: str = "balanced"
    ) -> float | None:
        """How long an encode of so many pixels would take, judged by the last one; None before there was one."""
        speed = self._speeds.get(model or self._default_of(codec))
        if speed is None:
            return None
        effort = EFFORTS[_choice(Preset, preset, "preset")]
        views, steps = effort.evaluations(speed.most_views) if codec == DiffC.name else (1, 1)
        return speed.seconds * num_pixels * views * steps

    def fit(
        self,
        pixels: Pixels,
        model: str,
        *,
        preset: str = "balanced",
        num_bytes: int | None = None,
        bpp: float | None = None,
    ) -> Fitted:
        """A picture as a model takes it, and no larger than one call may work on; `encode` asks for the first itself.

        Args:
            pixels: uint8 [H,W,3].
            model: name from `models`.
            preset, num_bytes, bpp: of the encode that is to come; without a rate the time that it takes is not judged.

        Raises:
            ImageError, RateError, WeightsError.
        """
        fitted = self._fit_to_model(pixels, model)
        if num_bytes is None and bpp is None:
            return fitted
        seconds = self._seconds_to_encode(fitted.pixels, model, preset, num_bytes, bpp)
        most = self._limits.seconds
        if most is None or seconds <= most:
            return fitted
        height, width = fitted.pixels.shape[:2]
        smaller, left = fitted.pixels, seconds
        while left > most and smaller.size > 3:  # The padding of small pictures does not shrink with them.
            area = smaller.shape[0] * smaller.shape[1]
            smaller = fit_pixels(fitted.pixels, max(1, min(area - 1, int(area * most / left))))
            left = self._seconds_to_encode(smaller, model, preset, num_bytes, bpp)
        new_height, new_width = smaller.shape[:2]
        note = (
            f"Made smaller, from {width} x {height} to {new_width} x {new_height} pixels: as it was, this would take "
            f"about {duration(seconds, at_most=True)} here, and one call may take {duration(most, at_most=True)}."
        )
        return Fitted(smaller, f"{fitted.note} {note}".strip())

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
        prompt: str = "",
    ) -> Iterator[Encoding]:
        """Compress, yielding a valid file and its picture several times a second.

        Args:
            pixels: uint8 [H,W,3]; fitted to the model, see `fit`.
            codec: "diffc" or "cdc"; None for that of the model, or of the default model.
            model: name from `models`; None for the codec's default.
            preset: "fast", "balanced" or "best"; of no effect for CDC.
            num_bytes: largest file, header included.
            bpp: the same in bits per pixel; `DEFAULT_BPP` if no target is given.
            psnr_db: quality of the posterior mean (DiffC) or the one-step decode (CDC) that is enough.
            seed: of the shared randomness, 0 to 2^32 - 1; of no effect for CDC.
            prompt: for models that take one, what the picture shows; it is stored in the file.

        Raises:
            ImageError, RateError, WeightsError.
        """
        name = model or self._default_of(codec)
        fitted = self._fit_to_model(pixels, name).pixels
        target = _target(fitted, num_bytes=num_bytes, bpp=bpp, quality=psnr_db)
        chosen = self._store.codec(name)
        if codec not in (None, chosen.name):
            raise RateError(f"The model '{model}' belongs to {chosen.label} and not to '{codec}'.")
        effort = _choice(Preset, preset, "preset")
        height, width = fitted.shape[:2]
        self._require_time(
            name,
            chosen.work_of_encode(width, height, target, effort),
            f"Compressing {width} x {height} pixels",
            "Please choose a smaller picture, fewer bits or a faster preset.",
            effort,
        )
        if isinstance(chosen, Cdc):
            if prompt:
                raise RateError(f"{chosen.label} knows no words; please leave the prompt empty.")
            return self._timed(name, 1, 1, self._locked(encode_whole(chosen, fitted, target)))
        progress = chosen.encode_progressively(fitted, target, preset=effort, seed=seed, prompt=prompt)
        most_views = chosen.space.most_views
        views, _ = EFFORTS[effort].evaluations(most_views)
        watched = watch_encode(fitted, self._locked(seen_progress(chosen, progress)), self._traces)
        return self._timed(name, views, most_views, watched)

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
        codec = self._store.codec(self._writer_of(prefix))
        self._require_decode(prefix, rendering)
        pace = Pace(math.inf if every_step else FRAMES_A_SECOND)
        if isinstance(codec, Cdc):
            chosen = rendering.decoder_of(codec)
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
        file = codec.open(prefix)
        trace = self._traces.get(data)
        if trace is None:
            trace = Trace()
            self._traces.put(data, trace)
        trace.compare_with(reference)
        start = None if from_start else trace.state_within(file.num_bytes)
        states = codec.states(file, start=start, decoder=decoder, seed=rendering.seed)

        def render(state: State) -> Iterator[tuple[Pixels | None, int, int]]:
            return self._locked(seen_rendering(codec, file, codec.render(file, state, rendering), pace))

        return watch_decode(
            file,
            start or codec.empty_state(file),
            self._locked(seen_states(codec, file, states)),
            render,
            decoder,
            reference,
            trace,
            pace,
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
        prefix = data if num_bytes is None else data[: max(0, num_bytes)]
        self._require_decode(prefix, Rendering(decoder, gamma=gamma, eta=eta, steps=steps), count=count)
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
        codec = self._store.codec(model or self._default_of(Cdc.name))
        if not isinstance(codec, Cdc):
            raise RateError(f"The model '{model}' belongs to {codec.label}, whose curve comes with its files.")
        height, width = pixels.shape[:2]
        work = codec.work_of_encode(width, height, Target(), Preset.BALANCED)
        self._require_time(
            model or self._default_of(Cdc.name),
            Work(work.pixels, len(SWEEP_CODES) * work.evaluations),
            f"A curve of {len(SWEEP_CODES)} files of {width} x {height} pixels",
            "Please choose a smaller picture.",
        )
        return self._locked(sweep_whole(codec, pixels))

    def rehearse(self, data: bytes, *, reference: Pixels | None = None) -> Iterator[None]:
        """Decode a file once, step by step and without a word, so that `preview` knows it from then on.

        Args:
            data: a DiffC file.
            reference: the original, for qualities.

        Raises:
            BitstreamError, WeightsError.
        """
        for _ in self.decode(data, reference=reference):
            yield None

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

    def bits_map(self, data: bytes, *, num_bytes: int | None = None) -> BitsMap | None:
        """Where in the picture the bits of a file went.

        Args:
            data: a file; of DiffC one that has been encoded or decoded here lately, together with its original.
            num_bytes: use only so many bytes of it; CDC needs all of them.

        Returns:
            None if the original, or the way to the picture, is not known (any more).

        Raises:
            BitstreamError, WeightsError.
        """
        prefix = data if num_bytes is None else data[: max(0, num_bytes)]
        codec = self._store.codec(self._writer_of(prefix))
        if isinstance(codec, Cdc):
            bitstream = codec.open(prefix)
            header = bitstream.header
            with self._computing():
                return map_of(codec.bits_by_position(bitstream), LATENT_CELL, header.height, header.width)
        file, trace = codec.open(prefix), self._traces.get(data)
        if trace is None or trace.original is None or not trace.states:
            return None
        states = [state for state in trace.states if state.num_bytes <= file.num_bytes]
        with self._computing():
            bits = diffc_bits(codec, file, trace.original, states)
        return map_of(bits, codec.space.factor, file.head.height, file.head.width)

    def describe(self, data: bytes) -> FileInfo:
        """What a file says about itself; needs no network.

        Raises:
            BitstreamError: if it is none of ours.
        """
        return describe_file(data, self._store.known())

    # --- classical codecs and examples ------------------------------------------------------------------------------

    def classical(self, pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
        """A classical codec's best file of at most so many bytes, or its smallest if none is small enough."""
        return files.classical_at(pixels, codec, num_bytes=num_bytes)

    def classical_curve(self, pixels: Pixels, codec: str, *, is_perceived: bool = False) -> list[CurvePoint]:
        """Rate and distortion over a sweep of the codec's quality setting, on demand with LPIPS."""
        return files.classical_curve(pixels, codec, is_perceived=is_perceived)

    def bytes_needed(self, points: list[CurvePoint], psnr_db: float) -> int | None:
        """Bytes at which a curve reaches a PSNR, interpolated; None outside of what was measured."""
        return files.bytes_needed(points, psnr_db)

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

    def example_result(self, name: str) -> ExampleResult | None:
        """What came of that file when it was written, so that nobody has to wait for it; None if it is not known."""
        data = self.example_file(name)
        return None if data is None else examples.example_result(name, data)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _fit_to_model(self, pixels: Pixels, model: str) -> Fitted:
        """A picture as a model takes it, of at most as many pixels as are allowed.

        Raises:
            ImageError, WeightsError.
        """
        smaller = fit_pixels(pixels, self._limits.pixels) if self._limits.pixels < MOST_PIXELS else pixels
        fitted = super().fit(smaller, model)
        if smaller is pixels:
            return fitted
        height, width = smaller.shape[:2]
        note = f"Made smaller, to {width} x {height}: at most {self._limits.pixels:,} pixels are compressed here."
        return Fitted(fitted.pixels, f"{note} {fitted.note}".strip())

    def _seconds_to_encode(
        self, pixels: Pixels, model: str, preset: str, num_bytes: int | None, bpp: float | None
    ) -> float:
        """What an encode will take here; 0 where nobody asks."""
        if self._limits.seconds is None:
            return 0.0
        codec, effort = self._store.codec(model), _choice(Preset, preset, "preset")
        height, width = pixels.shape[:2]
        target = _target(pixels, num_bytes=num_bytes, bpp=bpp, quality=None)
        return self._estimates.seconds(model, codec, codec.work_of_encode(width, height, target, effort), effort)

    def _require_decode(self, prefix: bytes, rendering: Rendering, *, count: int = 1) -> None:
        """Check that a file can be decoded, and in the time that one call may take.

        Raises:
            BitstreamError, RateError, WeightsError, WorkLimitError.
        """
        model = self._writer_of(prefix)
        codec = self._store.codec(model)
        work = codec.work_of_decode(prefix, rendering)
        header = read_bitstream(prefix).header
        if header.width * header.height > self._limits.pixels:
            raise WorkLimitError(
                f"The file holds {header.width} x {header.height} pixels; at most {self._limits.pixels:,} are decoded "
                f"here. {DECODE_ELSEWHERE}"
            )
        times = f"{count} times " if count > 1 else ""
        self._require_time(
            model,
            Work(work.pixels, count * work.evaluations),
            f"Decoding this file {times}({work.evaluations} evaluations of the network, {header.width} x "
            f"{header.height} pixels)",
            DECODE_ELSEWHERE,
        )

    def _require_time(self, model: str, work: Work, what: str, advice: str, preset: Preset = Preset.BALANCED) -> None:
        """Check a call against the time that it may take.

        Raises:
            WorkLimitError: it would take longer.
        """
        if self._limits.seconds is not None:
            seconds = self._estimates.seconds(model, self._store.codec(model), work, preset)
            require_within(seconds, self._limits, what, advice)

    def _timed(self, model: str, views: int, most_views: int, encodings: Iterator[Encoding]) -> Iterator[Encoding]:
        """The same moments; from the last one the engine learns how fast it is."""
        for encoding in encodings:
            frame = encoding.frame
            if encoding.done:
                height, width = frame.pixels.shape[:2]
                self._speeds[model] = _Speed(frame.seconds / (frame.step * views * height * width), most_views)
            yield encoding

    def _locked(self, work: Iterator[T]) -> Iterator[T]:
        """The same items, each computed under the device lock, which is free while an item is looked at."""
        while True:
            with self._computing():
                item = next(work, None)
            if item is None:
                return
            yield item

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """The device, alone.

        Raises:
            MemoryBudgetError: its memory did not suffice.
        """
        try:
            with self._lock:
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryBudgetError(
                "The device ran out of memory. Please choose a smaller picture, or a smaller model."
            ) from error


def _target(pixels: Pixels, *, num_bytes: int | None, bpp: float | None, quality: float | None) -> Target:
    height, width = pixels.shape[:2]
    return target_of(height, width, num_bytes=num_bytes, bpp=bpp, psnr_db=quality)


def _choice(kind: type[T], value: str, what: str) -> T:
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError:
        options = ", ".join(str(v) for v in kind)  # type: ignore[attr-defined]
        raise RateError(f"'{value}' is no {what}; choose one of: {options}.") from None
