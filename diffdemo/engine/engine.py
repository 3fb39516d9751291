"""The engine: codecs with their models loaded, one picture at a time, for many users.

Everything that a person watches is an iterator; closing it ends the work and leaves nothing locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Unpack

import numpy as np
import torch

from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import DECODERS, LARGEST_SEED, Knobs, Rendering
from diffdemo.coding.container import read_bitstream
from diffdemo.engine import examples
from diffdemo.engine.allowance import Allowance
from diffdemo.engine.arguments import choice_of, rendering_of, target_of
from diffdemo.engine.bits_map import map_of
from diffdemo.engine.catalogue import Catalogue
from diffdemo.engine.decode_cache import Trace, TraceCache
from diffdemo.engine.describe import describe_file
from diffdemo.engine.examples import ExampleResult
from diffdemo.engine.foreign import Foreign
from diffdemo.engine.frames import points_of_files, preview_of, seen_encoding, watch_encode, watched
from diffdemo.engine.hardware.device import DeviceLock, choose_device, describe_device
from diffdemo.engine.records import BitsMap, Encoding, Example, FileInfo, Fitted, Frame, Samples
from diffdemo.engine.samples import gather, require_count
from diffdemo.engine.work import Limits
from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import psnr_db as measure_psnr
from diffdemo.metrics.points import CurvePoint


class Engine(Catalogue, Foreign):
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
        self._device = DeviceLock()
        self._traces = TraceCache()
        self._allowance = Allowance(limits or Limits(), self._device.computing)

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
        """PSNR in dB that a codec loses at any rate, as the autoencoder of a latent model does; None if it loses none.

        Raises:
            ImageError, WeightsError.
        """
        codec = self._store.codec(model)
        fitted = self.fit(pixels, model).pixels
        with self._device.computing():
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
    ) -> Iterator[Encoding]:
        """Compress, yielding a valid file and its picture several times a second.

        Args:
            pixels: uint8 [H,W,3]; fitted to the model, see `fit`.
            codec: name of one; None for that of the model, or of the default model.
            model: name from `models`; None for the codec's default.
            preset: "fast", "balanced" or "best"; of no effect where an encoder does not search.
            num_bytes: largest file, header included.
            bpp: the same in bits per pixel; `DEFAULT_BPP` if no target is given.
            psnr_db: quality of the first decoder's picture that is enough.
            seed: of the shared randomness, 0 to 2^32 - 1; of no effect where there is none.
            prompt: for models that take one, what the picture shows; it is stored in the file.

        Raises:
            ImageError, RateError, WeightsError.
        """
        name = model or self._default_of(codec)
        fitted = self._allowance.fit(pixels, self._store.spec(name)).pixels
        target = target_of(fitted, num_bytes=num_bytes, bpp=bpp, psnr_db=psnr_db)
        chosen = self._store.codec(name)
        if codec not in (None, chosen.name):
            raise RateError(f"The model '{model}' belongs to {chosen.label} and not to '{codec}'.")
        effort = choice_of(Preset, preset, "preset")
        self._allowance.require_encode(chosen, fitted, target, effort)
        moments = chosen.encode_progressively(fitted, target, preset=effort, seed=seed, prompt=prompt)
        return watch_encode(fitted, self._device.each(seen_encoding(moments)), self._traces)

    def decode(
        self,
        data: bytes,
        *,
        num_bytes: int | None = None,
        decoder: str | None = None,
        reference: Pixels | None = None,
        every_step: bool = False,
        **knobs: Unpack[Knobs],
    ) -> Iterator[Frame]:
        """Decompress, yielding pictures from coarse to fine; the last one is the result.

        Args:
            data: a file, whole or cut.
            num_bytes: use only so many bytes of it; codecs that are not embedded need all of them.
            decoder: one of the codec's, such as "mean" or "flow" for DiffC; None for the first of these.
            reference: the original, if it is known: frames then say how far they are from it.
            every_step: start from the first step and leave no picture out, instead of a few a second.
            knobs: see `codecs.rendering.Rendering`.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        return self._decode(data, num_bytes, rendering_of(decoder, knobs), reference, every_step=every_step)

    def samples(
        self,
        data: bytes,
        *,
        count: int = 4,
        num_bytes: int | None = None,
        reference: Pixels | None = None,
        **knobs: Unpack[Knobs],
    ) -> Iterator[Samples]:
        """Draw several pictures from one file, with the first decoder of its codec that draws.

        Args:
            data, num_bytes, reference, knobs: as for `decode`; the seed is that of the first, the others count on.
            count: 2 to 16 pictures.

        Raises:
            BitstreamError, ImageError, RateError.
        """
        require_count(count)
        prefix = _prefix(data, num_bytes)
        codec = self._writer(prefix)
        decoder = next((each for each in codec.decoders if DECODERS[each].draws), None)
        if decoder is None:
            raise RateError(f"{codec.label} has no decoder that draws: all pictures of a file would be the same.")
        first = Rendering(decoder, **knobs)
        self._allowance.require_decode(codec, codec.coded(prefix), first, count=count)
        draws = (
            self._decode(data, num_bytes, replace(first, seed=(first.seed + number) % (LARGEST_SEED + 1)), reference)
            for number in range(count)
        )
        return gather(draws, count)

    def sweep(self, pixels: Pixels, *, model: str | None = None) -> Iterator[CurvePoint]:
        """Rate and distortion over real files of a codec that is not embedded, decoded quickly.

        Embedded codecs need no such thing: the points of `curve` are by-products of their one file.

        Args:
            pixels: uint8 [H,W,3].
            model: name from `models`; None for the default one of the first codec that is not embedded.

        Raises:
            ImageError, RateError, WeightsError.
        """
        whole = next(codec.name for codec in CODECS.values() if not codec.is_embedded)
        codec = self._store.codec(model or self._default_of(whole))
        if codec.is_embedded:
            raise RateError(f"The model '{model}' belongs to {codec.label}, whose curve comes with its files.")
        self._allowance.require_files(codec, pixels)
        return self._device.each(points_of_files(codec, pixels))

    def rehearse(self, data: bytes, *, reference: Pixels | None = None) -> Iterator[None]:
        """Decode an embedded file once, without a word, so that `preview` knows it from then on; see `decode`."""
        for _ in self.decode(data, reference=reference):
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
        with self._device.computing():
            found = coded.bits_by_cell(trace.original, trace.states)
        width, height = coded.size
        return None if found is None else map_of(found, height, width)

    def describe(self, data: bytes) -> FileInfo:
        """What a file says about itself; needs no network.

        Raises:
            BitstreamError: if it is none of ours.
        """
        return describe_file(data, self._store.known())

    # --- examples -----------------------------------------------------------------------------------------------------

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

    def _decode(
        self,
        data: bytes,
        num_bytes: int | None,
        rendering: Rendering,
        reference: Pixels | None,
        *,
        every_step: bool = False,
    ) -> Iterator[Frame]:
        prefix = _prefix(data, num_bytes)
        header = read_bitstream(prefix).header
        if reference is not None and reference.shape[:2] != (header.height, header.width):
            raise ImageError(
                f"The file holds {header.width} x {header.height} pixels, the original has "
                f"{reference.shape[1]} x {reference.shape[0]}; they cannot be compared."
            )
        codec = self._writer(prefix)
        coded = codec.coded(prefix)
        self._allowance.require_decode(codec, coded, rendering)
        trace = self._traces.of(data) if codec.is_embedded else Trace()
        trace.compare_with(reference)
        return watched(coded, rendering, self._device, trace, reference, every_step=every_step)


def _prefix(data: bytes, num_bytes: int | None) -> bytes:
    """So many bytes of a file."""
    return data if num_bytes is None else data[: max(0, num_bytes)]
