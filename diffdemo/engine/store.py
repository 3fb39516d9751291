"""Codecs with their models loaded, each once, when it is first asked for."""

from __future__ import annotations

import threading

import torch

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.engine.records import ModelInfo
from diffdemo.models.cdc import CdcModel
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.registry import MODELS, ModelSpec, default_model, model_spec
from diffdemo.models.weights import sha256_of

AnyCodec = DiffC | Cdc


class ModelStore:
    """What is loaded on a device.

    Args:
        device: where networks go.
        lock: held by the engine while it computes; loading waits for it.
    """

    def __init__(self, device: torch.device, lock: threading.Lock) -> None:
        self._device = device
        self._lock = lock
        self._codecs: dict[str, AnyCodec] = {}
        self._fingerprints: dict[bytes, str] = {}

    def codec(self, model: str) -> AnyCodec:
        """The codec that runs on a model.

        Raises:
            WeightsError: there is no such model, or its weights cannot be loaded.
        """
        spec = model_spec(model)
        with self._lock:
            if model not in self._codecs:
                self._codecs[model] = load_codec(spec, self._device)
            return self._codecs[model]

    def known(self) -> dict[bytes, str]:
        """Names of the installed models by fingerprint; hashes the weight files once."""
        with self._lock:
            if not self._fingerprints:
                self._fingerprints = {
                    bytes.fromhex(sha256_of(spec.path)[:8]): spec.name for spec in MODELS if spec.path.is_file()
                }
            return self._fingerprints

    def infos(self) -> list[ModelInfo]:
        """All models, loaded if they are not yet."""
        return [self._info(spec) for spec in MODELS]

    def _info(self, spec: ModelSpec) -> ModelInfo:
        codec = self.codec(spec.name)
        model = codec.denoiser if isinstance(codec, DiffC) else codec.model
        assert isinstance(model, PhotoDenoiser | CdcModel)
        return ModelInfo(
            name=spec.name,
            label=spec.label,
            codec=spec.codec,
            parameters=model.num_parameters,
            num_bytes=spec.path.stat().st_size,
            licence=spec.licence,
            fingerprint=model.sha256[:8],
            is_default=spec.name == default_model(spec.codec),
            description=spec.description,
        )


def load_codec(spec: ModelSpec, device: torch.device) -> AnyCodec:
    """The codec of a model, with its weights read from the disk.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    if spec.codec == Cdc.name:
        model = CdcModel.load(spec.path, device=device)
        return Cdc(model, fingerprint=bytes.fromhex(model.sha256[:8]))
    denoiser = PhotoDenoiser.load(spec.path, device=device)
    return DiffC(denoiser, fingerprint=bytes.fromhex(denoiser.sha256[:8]))
