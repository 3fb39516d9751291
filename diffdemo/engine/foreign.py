"""Files of other programs: classical codecs, and those that a codec of ours writes and reads, such as its authors'.

The latter do not say which model wrote them, so whoever calls names it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Unpack

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.registry import CODECS
from diffdemo.codecs.rendering import Knobs
from diffdemo.engine.arguments import rendering_of
from diffdemo.engine.classical import files
from diffdemo.engine.decode_cache import Trace
from diffdemo.engine.frames import watched
from diffdemo.engine.limits.allowance import Allowance
from diffdemo.engine.records import Classical, ForeignFile, Frame
from diffdemo.engine.scheduling.scheduler import Running, Scheduler
from diffdemo.engine.store import ModelStore
from diffdemo.images import Pixels
from diffdemo.metrics.points import CurvePoint


class Foreign:
    """A part of the engine's interface, over what the engine has: models, limits, a device."""

    _store: ModelStore
    _allowance: Allowance
    _scheduler: Scheduler

    def classical(self, pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
        """A classical codec's best file of at most so many bytes, or its smallest if none is small enough."""
        return files.classical_at(pixels, codec, num_bytes=num_bytes)

    def classical_curve(self, pixels: Pixels, codec: str, metrics: Collection[str] | None = None) -> list[CurvePoint]:
        """Rate and distortion over a sweep of the codec's quality setting; see `classical.files.classical_curve`."""
        return files.classical_curve(pixels, codec, metrics)

    def encode_foreign(self, pixels: Pixels, *, file_format: str, model: str) -> ForeignFile:
        """A picture as a file of another program.

        Args:
            pixels: uint8 [H,W,3]; fitted to the model.
            file_format: one of the `foreign_formats` of the model's codec.
            model: name from `models`.

        Raises:
            ImageError: no picture, or one that the format cannot hold.
            RateError: the model's codec has no such format.
            WeightsError, WorkLimitError.
        """
        codec = self._codec_with(file_format, model)
        fitted = self._allowance.fit(pixels, self._store.spec(model))
        self._allowance.of_encode(codec, fitted.pixels, Target(), Preset.BALANCED)
        with self._scheduler.at_once():
            data = codec.encode_foreign(fitted.pixels, file_format)
        width, height = codec.coded_foreign(data, file_format).size
        note = fitted.note
        if (height, width) != fitted.pixels.shape[:2]:
            note = f"{note} The file's picture is filled up to {width} x {height} pixels: it holds no others.".strip()
        return ForeignFile(data, width, height, note)

    def decode_foreign(
        self,
        data: bytes,
        *,
        file_format: str,
        model: str,
        decoder: str | None = None,
        every_step: bool = False,
        **knobs: Unpack[Knobs],
    ) -> Running[Frame]:
        """Pictures of a file of another program; the last one is the result.

        Args:
            data: the whole file.
            file_format, model: what it is, and what wrote it; as for `encode_foreign`.
            decoder, every_step, knobs: as for `Engine.decode`.

        Raises:
            BitstreamError: the file is cut, damaged, or of another model.
            RateError: the model's codec has no such format or decoder.
            WeightsError, WorkLimitError.
        """
        rendering = rendering_of(decoder, knobs)
        codec = self._codec_with(file_format, model)
        coded = codec.coded_foreign(data, file_format)
        demand = self._allowance.of_decode(codec, coded, rendering)
        job = self._scheduler.job(seconds=demand.seconds, memory=demand.memory, model=model)
        in_turn = partial(self._scheduler.each, job)
        frames = watched(coded, rendering, None, in_turn, Trace(), every_step=every_step)
        return self._scheduler.running(job, frames)

    def _codec_with(self, file_format: str, model: str) -> Codec:
        """The codec of a model, once it is certain that it has a format."""
        CODECS[self._store.spec(model).codec].require_foreign(file_format)
        return self._store.codec(model)
