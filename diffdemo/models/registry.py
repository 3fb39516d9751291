"""Which models there are. Adding one is adding an entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffdemo.errors import ModelMismatch, WeightsError

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that can be chosen.

    Attributes:
        name: what users type.
        label: what menus show.
        codec: which codec it belongs to.
        file: name of the weight file in `assets/`.
        licence: of the weights.
        description: one sentence: trained on what, good for what.
    """

    name: str
    label: str
    codec: str
    file: str
    licence: str
    description: str

    @property
    def path(self) -> Path:
        """Where the weights lie."""
        return ASSETS / self.file


MODELS = (
    ModelSpec(
        name="photo-small",
        label="photo-small",
        codec="diffc",
        file="photo-small.safetensors",
        licence="CC BY-SA 4.0",
        description="PhotoUNet for photographs of any size; trained by us on freely licensed photographs.",
    ),
    ModelSpec(
        name="cdc-small",
        label="cdc-small",
        codec="cdc",
        file="cdc-small.safetensors",
        licence="CC BY-SA 4.0",
        description="CDC of the x family, 16 base channels, one model for all rates; trained by us on the same.",
    ),
)
DEFAULT_MODEL = MODELS[0].name


def default_model(codec: str) -> str:
    """Name of the model that a codec uses where none is named.

    Raises:
        WeightsError: naming the codecs that exist.
    """
    for spec in MODELS:
        if spec.codec == codec:
            return spec.name
    codecs = ", ".join(sorted({spec.codec for spec in MODELS}))
    raise WeightsError(f"There is no codec '{codec}' with a model. Known codecs: {codecs}.")


def model_spec(name: str) -> ModelSpec:
    """Look a model up by name.

    Raises:
        WeightsError: naming those that exist.
    """
    for spec in MODELS:
        if spec.name == name:
            return spec
    raise WeightsError(f"There is no model '{name}'. Known models: {', '.join(s.name for s in MODELS)}.")


def require_known(fingerprint: bytes, known: dict[bytes, str]) -> str:
    """Name of the model whose weights have this fingerprint.

    Raises:
        ModelMismatch: if no installed model has it.
    """
    if fingerprint not in known:
        installed = ", ".join(f"{name} ({key.hex()})" for key, name in known.items()) or "none"
        raise ModelMismatch(
            f"The file was written with model {fingerprint.hex()}, which is not installed here. "
            f"Installed: {installed}. "
            "Please decode it with the diffdemo version that wrote it."
        )
    return known[fingerprint]
