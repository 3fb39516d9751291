"""The engine: codecs with their models loaded, for many users at once.

Everything that a person watches is an iterator; closing it ends the work and leaves nothing locked. Whoever asks may
say so with an `Asker`; then the engine knows whose turn it is, and when a result is no longer wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Unpack

import numpy as np
import torch

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import DECODERS, LARGEST_SEED, Knobs, Rendering
from diffdemo.coding.container import read_bitstream
from diffdemo.engine.arguments import choice_of, rendering_of, target_of
from diffdemo.engine.bits_map import map_of
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.decode_cache import Trace, TraceCache
from diffdemo.engine.describe import describe_file
from diffdemo.engine.examples import Gallery
from diffdemo.engine.foreign import Foreign
from diffdemo.engine.frames import points_of_files, preview_of, seen_encoding, watch_encode, watched
from diffdemo.engine.hardware.device import choose_device, describe_device
from diffdemo.engine.hardware.memory import memory_for_jobs
from diffdemo.engine.limits.allowance import Allowance
from diffdemo.engine.limits.work import Demand, Limits
from diffdemo.engine.records import BitsMap, Encoding, FileInfo, Fitted, Frame, Samples
from diffdemo.engine.samples import gather, require_count
from diffdemo.engine.scheduling.counts import Counts
from diffdemo.engine.scheduling.job import Asker, Job
from diffdemo.engine.scheduling.lanes import Device
from diffdemo.engine.scheduling.scheduler import ALONE, IDLE, Running, Scheduler
from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import psnr_db as measure_psnr
from diffdemo.metrics.points import CurvePoint


class Engine(Catalogue, Foreign, Gallery):
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
        self._scheduler = Scheduler(Device.of(where), memory_for_jobs(where))
        self._traces = TraceCache()
        self._allowance = Allowance(limits or Limits(), self._scheduler.timed)

    # --- work -------------------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Fetch, load and run the preferred model, twice because the first run compiles, so that no user has to wait.

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
        """PSNR in dB that a codec loses at any rate, as the autoencoder of a latent model does; None if it loses none.

        Raises:
            ImageError, WeightsError.
        """
        codec = self._store.codec(model)
        fitted = self.fit(pixels, model).pixels
        with self._scheduler.at_once(IDLE):
            best = codec.ceiling(fitted)
        return None if best is None else measure_psnr(fitted, to_pixels(best))

    def estimate_seconds(
        self, num_pixels: int, *, codec: str | None = None, model: str | None = None, preset: str = "balanced"
    ) -> float | None:
        """How many seconds an encode of so many pixels would take; None while the model is not loaded."""
        name = model or self._default_of(codec)
        if not self._store.is_loaded(name):
            return None
        chosen, effort = self._store.codec(name), choice_of(Preset, preset, "preset")
        work = chosen.work_of_encode(num_pixels, 1, Target(), effort)
        return self._allowance.seconds(chosen, replace(work, pixels=num_pixels), effort)

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
        fitted = self._allowance.fit(pixels, self._store.spec(model))
        if num_bytes is None and bpp is None:
            return fitted
        target = partial(target_of, num_bytes=num_bytes, bpp=bpp, psnr_db=None)
        return self._allowance.shrink(fitted, self._store.codec(model), target, choice_of(Preset, preset, "preset"))

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
        begun: bytes = b"",
        asker: Asker = ALONE,
    ) -> Running[Encoding]:
        """Compress, yielding a valid file and its picture several times a second.

        Args:
            pixels: uint8 [H,W,3]; fitted to the model, see `fit`.
            codec: name of one; None for that of the model, or of the default model.
            model: name from `models`; None for the codec's default, or its model of this rate.
            preset: "fast", "balanced" or "best"; of no effect where an encoder does not search.
            num_bytes: largest file, header included.
            bpp: the same in bits per pixel; `DEFAULT_BPP` if no target is given.
            psnr_db: quality of the first decoder's picture that is enough.
            seed: of the shared randomness, 0 to 2^32 - 1; of no effect where there is none.
            prompt: for models that take one, what the picture shows; it is stored in the file.
            begun: a file of this picture that ended early, to go on with; its preset, seed and prompt count.
            asker: who wants it.

        Raises:
            BitstreamError, ImageError, RateError, WeightsError.
        """
        name = model or self.model_at(codec, pixels, num_bytes=num_bytes, bpp=bpp).name
        spec = self._store.spec(name)
        fitted = self._allowance.fit(pixels, spec).pixels
        target = target_of(fitted, num_bytes=num_bytes, bpp=bpp, psnr_db=psnr_db, rate=spec.rate)
        chosen = self._store.codec(name)
        if codec not in (None, chosen.name):
            raise RateError(f"The model '{model}' belongs to {chosen.label} and not to '{codec}'.")
        effort = choice_of(Preset, preset, "preset")
        job = self._job(asker, self._allowance.of_encode(chosen, fitted, target, effort, begun), chosen)
        moments = chosen.encode_progressively(fitted, target, preset=effort, seed=seed, prompt=prompt)
        if begun:
            moments = chosen.resume(fitted, target, begun, self._traces.of(begun).state_within(len(begun)))
        work = self._scheduler.each(job, seen_encoding(moments))
        return self._scheduler.running(job, watch_encode(fitted, work, self._traces, begun))

    def decode(
        self,
        data: bytes,
        *,
        num_bytes: int | None = None,
        decoder: str | None = None,
        reference: Pixels | None = None,
        every_step: bool = False,
        asker: Asker = ALONE,
        **knobs: Unpack[Knobs],
    ) -> Running[Frame]:
        """Decompress, yielding pictures from coarse to fine; the last one is the result.

        Args:
            data: a file, whole or cut.
            num_bytes: use only so many bytes of it; codecs that are not embedded need all of them.
            decoder: one of the codec's, such as "mean" or "flow" for DiffC; None for the first of these.
            reference: the original, if it is known: frames then say how far they are from it.
            every_step: start from the first step and leave no picture out, instead of a few a second.
            asker: who wants it.
            knobs: see `codecs.rendering.Rendering`.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        rendering = rendering_of(decoder, knobs)
        coded, trace, codec = self._opened(data, num_bytes, reference)
        start = None if every_step else trace.state_within(coded.num_bytes)
        job = self._job(asker, self._allowance.of_decode(codec, coded, rendering, start=start), codec)
        each = partial(self._scheduler.each, job)
        frames = watched(coded, rendering, start, each, trace, reference, every_step=every_step)
        return self._scheduler.running(job, frames)

    def samples(
        self,
        data: bytes,
        *,
        count: int = 4,
        num_bytes: int | None = None,
        reference: Pixels | None = None,
        asker: Asker = ALONE,
        **knobs: Unpack[Knobs],
    ) -> Running[Samples]:
        """Draw several pictures from one file, with the first decoder of its codec that draws.

        Args:
            data, num_bytes, reference, knobs: as for `decode`; the seed is that of the first, the others count on.
            count: 2 to 16 pictures.
            asker: who wants them.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        require_count(count)
        coded, trace, codec = self._opened(data, num_bytes, reference)
        decoder = next((each for each in codec.decoders if DECODERS[each].draws), None)
        if decoder is None:
            raise RateError(f"{codec.label} has no decoder that draws: all pictures of a file would be the same.")
        first, known = Rendering(decoder, **knobs), partial(trace.state_within, coded.num_bytes)
        job = self._job(asker, self._allowance.of_decode(codec, coded, first, count=count, start=known()), codec)
        each = partial(self._scheduler.each, job)
        seeds = ((first.seed + number) % (LARGEST_SEED + 1) for number in range(count))
        draws = (watched(coded, replace(first, seed=seed), known(), each, trace, reference) for seed in seeds)
        return self._scheduler.running(job, gather(draws, count))

    def sweep(self, pixels: Pixels, *, model: str | None = None) -> Iterator[CurvePoint]:
        """Rate and distortion over real files of a codec that is not embedded, decoded quickly.

        Embedded codecs need no such thing: the points of `curve` are by-products of their one file.

        Args:
            pixels: uint8 [H,W,3].
            model: name from `models`, or None for the default one of the first such codec; of models with one rate
                each, all that are here make the curve.

        Raises:
            ImageError, RateError, WeightsError.
        """
        codec = self._store.codec(model or self._default_of(next(c.name for c in CODECS.values() if not c.is_embedded)))
        if codec.is_embedded:
            raise RateError(f"The model '{model}' belongs to {codec.label}, whose curve comes with its files.")
        self._allowance.of_files(codec, pixels)
        names = [each.name for each in self._family(codec.name) if each.is_here]
        # It stands in no line: a plot that is half complete may be left as it is, with a place that others wait for.
        codecs = map(self._store.codec, names) if names else [codec]
        points = chain.from_iterable(points_of_files(each, pixels) for each in codecs)
        return self._scheduler.each(self._scheduler.job(IDLE), points)

    def rehearse(self, data: bytes, *, reference: Pixels | None = None, asker: Asker = ALONE) -> Iterator[None]:
        """Decode an embedded file once, without a word, so that `preview` knows it from then on; see `decode`."""
        frames = self.decode(data, reference=reference, asker=asker)
        for _ in chain(frames.places(), frames):
            yield None

    # --- what is known without computing ----------------------------------------------------------------------------

    def preview(self, data: bytes, num_bytes: int) -> Frame | None:
        """The picture of the last whole step within `num_bytes`, at once; None if it is not in the cache."""
        trace = self._traces.get(data)
        moment = trace.moment_within(num_bytes) if trace else None
        return None if moment is None else preview_of(moment, num_bytes)

    def curve(self, data: bytes) -> list[CurvePoint]:
        """Points of the steps of an embedded file that are in the cache; empty if the original is not known."""
        trace = self._traces.get(data)
        return [] if trace is None else trace.curve()

    def bits_map(self, data: bytes, *, num_bytes: int | None = None) -> BitsMap | None:
        """Where in the picture the bits of a file went, or of its first bytes; see `CodedPicture.bits_by_cell`.

        None if that takes the original, or the way to the picture, and they are not known (any more).

        Raises:
            BitstreamError, WeightsError.
        """
        prefix = _prefix(data, num_bytes)
        coded = self._writer(prefix).coded(prefix)
        trace = self._traces.get(data) or Trace()
        found = coded.bits_by_cell(trace.original, trace.states)
        return None if found is None else map_of(found, *coded.size[::-1])

    def describe(self, data: bytes) -> FileInfo:
        """What a file says about itself; needs no network.

        Raises:
            BitstreamError: if it is none of ours.
        """
        return describe_file(data, self._store.known())

    def counts(self) -> Counts:
        """What has been done so far, and what is going on."""
        return self._scheduler.counts()

    def _opened(
        self, data: bytes, num_bytes: int | None, reference: Pixels | None
    ) -> tuple[CodedPicture, Trace, Codec]:
        """What of a file is to be decoded, what is known of the whole, and by which codec."""
        prefix = _prefix(data, num_bytes)
        header = read_bitstream(prefix).header
        if reference is not None and reference.shape[:2] != (header.height, header.width):
            raise ImageError(
                f"The file holds {header.width} x {header.height} pixels, the original has "
                f"{reference.shape[1]} x {reference.shape[0]}; they cannot be compared."
            )
        codec = self._writer(prefix)
        trace = self._traces.of(data) if codec.is_embedded else Trace()
        trace.compare_with(reference)
        return codec.coded(prefix), trace, codec

    def _job(self, asker: Asker, demand: Demand, codec: Codec) -> Job:
        model = self._store.known().get(codec.fingerprint, codec.name)
        return self._scheduler.job(asker, seconds=demand.seconds, memory=demand.memory, model=model)


def _prefix(data: bytes, num_bytes: int | None) -> bytes:
    return data if num_bytes is None else data[: max(0, num_bytes)]
