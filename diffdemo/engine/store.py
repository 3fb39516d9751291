"""Codecs with their models loaded, each once, when it is first asked for, in no more memory than they may use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeVar

import torch

from diffdemo.codecs.base import Codec
from diffdemo.codecs.registry import CODECS
from diffdemo.engine.hardware.memory import Budget, budget_error
from diffdemo.engine.records import ModelInfo
from diffdemo.errors import ModelMismatch, WeightsError
from diffdemo.hub.library import Library
from diffdemo.models.registry import RETIRED, SHIPPED, default_model, model_spec
from diffdemo.models.spec import Kind, ModelSpec
from diffdemo.models.weights import fingerprints_of

C = TypeVar("C", bound=Codec)


class ModelStore:
    """What is loaded on a device.

    Loading holds up nobody who works with a model that is loaded, nor the device. A model that had to make room stays
    in memory until the work that it was taken for is done.
    """

    def __init__(self, device: torch.device, library: Library, budget: Budget) -> None:
        self._device = device
        self._library = library
        self._budget = budget
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._codecs: OrderedDict[str, Codec] = OrderedDict()
        self._shipped: dict[bytes, str] = {}

    def codec(self, model: str) -> Codec:
        """The codec that runs on a model.

        Raises:
            WeightsError: there is no such model, it is not on this computer, or its weights cannot be loaded.
            MemoryBudgetError: it does not fit.
        """
        spec = self.spec(model)
        loaded = self._loaded(model)
        if loaded is not None:
            return loaded
        with self._loading:
            # Somebody else may have loaded it while we waited.
            loaded = self._loaded(model)
            if loaded is None:
                self._make_room(spec)
                loaded = self._load(spec)
                with self._lock:
                    self._codecs[model] = loaded
            return loaded

    def spec(self, model: str) -> ModelSpec:
        """What is known about a model, shipped or from the Hub.

        Raises:
            WeightsError: naming those that exist.
        """
        shipped = next((spec for spec in SHIPPED if spec.name == model), None)
        return shipped or self._library.spec(model)

    def known(self) -> dict[bytes, str]:
        """Names of the models on this computer by fingerprint; hashes the shipped files once."""
        with self._lock:
            if not self._shipped:
                self._shipped = {
                    fingerprint: spec.name
                    for spec in SHIPPED
                    if spec.path.is_file()
                    for fingerprint in fingerprints_of(spec.path)
                }
        return self._shipped | self._library.fingerprints()

    def is_loaded(self, model: str) -> bool:
        """Whether a model is in memory."""
        with self._lock:
            return model in self._codecs

    def is_here(self, model: str) -> bool:
        """Whether a model can be used without a download."""
        spec = self.spec(model)
        return spec.path.is_file() if spec.is_shipped else self._library.installed(model) is not None

    def forget(self, model: str) -> None:
        """Drop a model from memory; who computes with it goes on."""
        with self._lock:
            self._codecs.pop(model, None)

    def infos(self, *, refresh: bool = False) -> list[ModelInfo]:
        """All models, the shipped ones first; nothing is loaded.

        Raises:
            DownloadError: the Hub was to be asked and did not answer.
        """
        specs = (*SHIPPED, *self._library.specs(refresh=refresh))
        fingerprints = {name: key.hex() for key, name in self.known().items()}
        return [self._info(spec, fingerprints.get(spec.name, "")) for spec in specs]

    def info(self, spec: ModelSpec) -> ModelInfo:
        """A model for menus and tables."""
        return self._info(spec, {name: key.hex() for key, name in self.known().items()}.get(spec.name, ""))

    def _info(self, spec: ModelSpec, fingerprint: str) -> ModelInfo:
        installed = None if spec.is_shipped else self._library.installed(spec.name)
        return ModelInfo(
            name=spec.name,
            label=spec.label,
            codec=spec.codec,
            parameters=spec.parameters,
            num_bytes=installed.num_bytes if installed else spec.num_bytes,
            memory=self._budget.needed(spec),
            licence=spec.licence,
            page=spec.sources[0].page if spec.sources else "",
            paper=spec.paper,
            domain=spec.domain,
            native=spec.native,
            takes_prompt=spec.kind is Kind.LATENT,
            is_gated=spec.is_gated,
            is_shipped=spec.is_shipped,
            is_here=spec.path.is_file() if spec.is_shipped else installed is not None,
            is_removable=installed is not None,
            is_default=spec.is_shipped and spec.name == default_model(spec.codec),
            fingerprint=fingerprint,
            description=spec.description,
            rate=spec.rate,
        )

    def _loaded(self, model: str) -> Codec | None:
        """A model that is in memory, and now the one used last."""
        with self._lock:
            if model in self._codecs:
                self._codecs.move_to_end(model)
            return self._codecs.get(model)

    def _make_room(self, spec: ModelSpec) -> None:
        """Drop the models that have been idle longest until another one fits.

        Raises:
            MemoryBudgetError: it does not fit even alone.
        """
        here = [s for s in (*SHIPPED, *self._library.specs()) if self.is_here(s.name)]
        self._budget.require(spec, here)
        with self._lock:
            while self._codecs and not self._budget.has_room(spec, [self.spec(name) for name in self._codecs]):
                self._codecs.popitem(last=False)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _load(self, spec: ModelSpec) -> Codec:
        try:
            if spec.is_shipped:
                return load_codec(spec, self._device)
            installed = self._library.installed(spec.name)
            if installed is None:
                raise WeightsError(
                    f"The model '{spec.name}' is not on this computer yet. Please fetch it first: choose it in the "
                    f"page's model menu, or run: python -m diffdemo download {spec.name}"
                )
            return CODECS[spec.codec].load(spec, installed, self._device)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise budget_error(spec) from error


def load_codec(spec: ModelSpec, device: torch.device) -> Codec:
    """The codec of a shipped model, with its weights read from the disk.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    return CODECS[spec.codec].load(spec, None, device)


def mismatch(fingerprint: bytes, writer: ModelInfo | None, known: dict[bytes, str]) -> ModelMismatch:
    """Why a file cannot be decoded here, and what to do about it."""
    if writer is not None:
        return ModelMismatch(
            f"The file was written with the model '{writer.name}', which is not on this computer. Please fetch it "
            f"({writer.num_bytes / 1e6:,.0f} MB): choose it in the page's model menu, or run: "
            f"python -m diffdemo download {writer.name}"
        )
    if fingerprint.hex() in RETIRED:
        name, version = RETIRED[fingerprint.hex()]
        return ModelMismatch(
            f"The file was written with earlier weights of '{name}' ({fingerprint.hex()}), which have been replaced by "
            f"better ones. diffdemo {version} was the last version that can decode it."
        )
    here = ", ".join(f"{name} ({key.hex()})" for key, name in known.items()) or "none"
    return ModelMismatch(
        f"The file was written with model {fingerprint.hex()}, which is not on this computer, and which one that is "
        f"could not be found out. Here are: {here}. If it is one of the Hub's, please try again with a network "
        "connection; or else decode the file with the diffdemo that wrote it."
    )


def load_shipped(codec: type[C], device: torch.device) -> C:
    """A codec with the model that it uses where none is named.

    Raises:
        WeightsError: as `load_codec`.
    """
    loaded = codec.load(model_spec(default_model(codec.name)), None, device)
    assert isinstance(loaded, codec)
    return loaded
