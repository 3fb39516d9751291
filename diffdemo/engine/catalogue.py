"""The models that an engine can work with: which there are, which are here, fetching and removing them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from diffdemo.codecs.base import Codec
from diffdemo.codecs.registry import CODECS
from diffdemo.coding.container import read_bitstream
from diffdemo.engine.arguments import MAX_BYTES, ROUNDED, require_positive, require_whole
from diffdemo.engine.hardware.memory import default_budget
from diffdemo.engine.records import CodecInfo, ModelInfo
from diffdemo.engine.store import ModelStore, mismatch
from diffdemo.errors import DownloadError, WeightsError
from diffdemo.hub.library import Library
from diffdemo.hub.records import CacheUsage, DownloadProgress
from diffdemo.images import Pixels, padded_pixels, require_pixels
from diffdemo.models.registry import DEFAULT_MODEL, LISTED, RETIRED, default_model
from diffdemo.models.spec import ModelSpec

BESIDE_CODES = 32
"""Bytes of a file that are no codes, at most."""
LARGEST_MULTIPLE = 32
"""What sides are filled up to multiples of, at most."""


class Catalogue:
    """Models, shipped and from the Hub.

    Args:
        model: to use where none is named; None for the shipped one. It is used once it is on this computer.
        memory: bytes that loaded models may take together; None for a share of what there is.
        is_fixed: whether users may neither fetch nor remove models, as on a public server.

    Raises:
        WeightsError: there is no such model.
    """

    def __init__(self, device: torch.device, *, model: str | None, memory: int | None, is_fixed: bool) -> None:
        self._library = Library()
        self._store = ModelStore(device, self._library, default_budget(device, memory))
        self._is_fixed = is_fixed
        self._preferred = DEFAULT_MODEL if model is None else self._store.spec(model).name

    def models(self, *, refresh: bool = False) -> list[ModelInfo]:
        """All models that can be used or fetched, those that come along first; none is loaded.

        Raises:
            DownloadError: the Hub was asked and did not answer.
        """
        defaults = {codec.default_model for codec in self.codecs()}
        infos = self._store.infos(refresh=refresh and not self._is_fixed)
        return [self._seen(info, defaults) for info in infos if info.is_here or not self._is_fixed]

    def model(self, name: str) -> ModelInfo:
        """One of them.

        Raises:
            WeightsError: there is no such model.
        """
        return self._seen(self._store.info(self._store.spec(name)), {codec.default_model for codec in self.codecs()})

    def model_at(
        self, codec: str | None, pixels: Pixels | None = None, *, num_bytes: int | None = None, bpp: float | None = None
    ) -> ModelInfo:
        """The model of a codec for a target: where each has one rate, that of the highest that the target allows.

        A rate names a model, whether it is here or not. Of those whose files fit into a number of bytes, the ones that
        are here come first. Where none is allowed, it is that of the lowest rate, which will say so.

        Args:
            codec: None for that of the model that is used where none is named.
            pixels: the picture that so many bytes are meant for, uint8 [H,W,3].

        Raises:
            WeightsError: there is no such codec.
            ImageError, RateError: no picture, or no target.
        """
        own = self._family(codec)
        if not own or (num_bytes is None and bpp is None):
            return self.model(self._default_of(codec))
        most = math.inf if bpp is None else ROUNDED * require_positive("bpp", bpp)
        if num_bytes is not None and pixels is not None:
            require_pixels(pixels)
            require_whole("num_bytes", num_bytes, 1, MAX_BYTES)
            filled = padded_pixels(pixels.shape[1], pixels.shape[0], LARGEST_MULTIPLE)
            most = min(most, 8 * (num_bytes - BESIDE_CODES) / filled)
        allowed = [each for each in own if each.rate is not None and each.rate <= most] or own[:1]
        here = [each for each in allowed if each.is_here] if bpp is None else []
        return (here or allowed)[-1]

    def spec(self, model: str) -> ModelSpec:
        """All that the registry knows about a model.

        Raises:
            WeightsError: there is no such model.
        """
        return self._store.spec(model)

    def codec(self, model: str) -> Codec:
        """The codec that runs on a model, for whoever measures it without limits.

        Raises:
            WeightsError: there is no such model, it is not on this computer, or its weights cannot be loaded.
        """
        return self._store.codec(model)

    def download(self, model: str) -> Iterator[DownloadProgress]:
        """Fetch a model from the Hub. Whoever asks for the same one meanwhile shares the download.

        Closing the iterator cancels the download, unless somebody else waits for it; what has arrived is kept and not
        fetched again.

        Raises:
            DownloadError: it cannot be had, in words for users.
            WeightsError: there is no such model.
        """
        if self._is_fixed and not self._store.is_here(model):
            raise DownloadError(
                f"This server fetches no models for its visitors. To use '{model}', please run diffdemo on a computer "
                "of your own."
            )
        return self._fetched(model)

    def _fetched(self, model: str) -> Iterator[DownloadProgress]:
        spec = self._store.spec(model)
        if spec.is_shipped:
            return iter([DownloadProgress(model, "", spec.num_bytes, spec.num_bytes, None, None, True)])
        return self._library.download(model)

    def preloaded(self) -> list[str]:
        """Names of the models that lie in the cache of the Hub and could be adopted. Quick, and asks nobody."""
        return self._library.preloaded()

    def adopt(self, model: str) -> None:
        """Make one of them usable; takes as long as hashing it does. Nothing is fetched unless a file is damaged.

        Raises:
            DownloadError: the Hub does not answer, or has another file now.
            WeightsError: there is no such model, or what lies there is none of its kind.
        """
        self._library.adopt(model)

    def remove(self, model: str) -> int:
        """Delete a downloaded model from this computer; returns the bytes that this freed.

        Raises:
            WeightsError: there is no such model, or it comes with diffdemo.
        """
        if self._store.spec(model).is_shipped:
            raise WeightsError(f"The model '{model}' comes with diffdemo and cannot be removed.")
        if self._is_fixed:
            raise WeightsError("The models of this server cannot be removed by its visitors.")
        self._store.forget(model)
        return self._library.remove(model)

    def cache(self) -> CacheUsage:
        """Where downloaded models lie, and how much they take."""
        return self._library.usage()

    def who_wrote(self, data: bytes) -> ModelInfo | None:
        """The model that a file needs, here or on the Hub; None if it cannot be found out. May ask the Hub.

        Raises:
            BitstreamError: if it is no file of ours.
        """
        fingerprint = read_bitstream(data).header.fingerprint
        known = self._store.known().get(fingerprint)
        if known is not None:
            return self.model(known)
        # What we have replaced ourselves is on no Hub.
        spec = None if fingerprint.hex() in RETIRED else self._library.who_has(fingerprint)
        return None if spec is None else self.model(spec.name)

    def codecs(self) -> list[CodecInfo]:
        """All codecs, without loading any model; of a fixed server those of which a model is here."""
        offered = {info.codec for info in self._store.infos() if info.is_here} if self._is_fixed else set(CODECS)
        return [
            CodecInfo(
                name=codec.name,
                label=codec.label,
                sentence=codec.sentence,
                default_model=self._default_of(codec.name),
                is_embedded=codec.is_embedded,
                decoders=tuple(decoder.value for decoder in codec.decoders),
                rates=codec.rates,
                options=codec.options,
                knobs=tuple(dict.fromkeys(knob for each in codec.decoders for knob in codec.knobs_of(each))),
                is_listed=codec.name == LISTED,
                stops=tuple(each.rate for each in self._family(codec.name) if each.rate is not None),
            )
            for codec in CODECS.values()
            if codec.name in offered
        ]

    @property
    def default_model(self) -> str:
        """Name of the model that is used where none is named: the preferred one, once it is here."""
        return self._preferred if self._store.is_here(self._preferred) else DEFAULT_MODEL

    def _seen(self, info: ModelInfo, defaults: set[str]) -> ModelInfo:
        """A model as users may treat it here, and whether it is preferred here."""
        is_removable = info.is_removable and not self._is_fixed
        return replace(info, is_default=info.name in defaults, is_removable=is_removable)

    def _default_of(self, codec: str | None) -> str:
        """Name of the model for a codec, or for none in particular; of several for one rate each, one that is here."""
        preferred = self.default_model
        if codec is None or codec == self._store.spec(preferred).codec:
            return preferred
        usual = default_model(codec)
        here = [each.name for each in self._family(codec) if each.is_here]
        return usual if usual in here or not here else here[0]

    def _family(self, codec: str | None) -> list[ModelInfo]:
        """The models of a codec that have one rate each, by rising rate; none where one model has them all."""
        infos = [info for info in self._store.infos() if info.codec == codec and info.rate is not None]
        offered = [info for info in infos if info.is_here or not self._is_fixed]
        return sorted(offered, key=lambda info: info.rate or 0.0)

    def _writer(self, data: bytes) -> Codec:
        """The codec, with its model, that a file was written with.

        Raises:
            ModelMismatch: the model is not here; says where it can be had, if anybody knows.
        """
        fingerprint = read_bitstream(data).header.fingerprint
        known = self._store.known()
        if fingerprint not in known:
            raise mismatch(fingerprint, self.who_wrote(data), known)
        return self._store.codec(known[fingerprint])
