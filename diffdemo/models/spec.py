"""What is known about a model before it is on this computer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from diffdemo.shipped import ASSETS

MB, GB = 10**6, 10**9


class Kind(StrEnum):
    """Which code runs a model.

    PHOTO: our PhotoUNet, for DiffC on pictures of any size.
    PIXEL: an unconditional `diffusers.UNet2DModel`, for DiffC on pictures of its native size.
    LATENT: a Stable Diffusion, for DiffC on the latents of its autoencoder.
    CDC: our CDC network, shipped or converted from a released checkpoint.
    COD: our CoD-Lite network, converted from a released checkpoint.
    COD_PRETRAINED: the diffusion model from which CoD-Lite was made, in the same network, for DiffC.
    """

    PHOTO = "photo"
    PIXEL = "pixel"
    LATENT = "latent"
    CDC = "cdc"
    COD = "cod"
    COD_PRETRAINED = "cod-pretrained"


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a model in its repository.

    Attributes:
        names: paths in the repository that hold the same thing, the best first: half precision before single,
            safetensors before pickled. The first that exists is taken.
        sha256: of the first of the names, where it is known; 64 hexadecimal digits.
        is_optional: whether the model works without it.
    """

    names: tuple[str, ...]
    sha256: str | None = None
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class HubSource:
    """Files out of one repository of the Hugging Face Hub.

    Attributes:
        repository: "owner/name".
        files: what is needed of it.
        revision: branch, tag or commit, pinned where a commit is known.
        folder: below the model's own folder on this computer, for files of a second repository.
    """

    repository: str
    files: tuple[HubFile, ...]
    revision: str = "main"
    folder: str = ""

    @property
    def page(self) -> str:
        """Where people read about it, and accept its licence."""
        return f"https://huggingface.co/{self.repository}"


@dataclass(frozen=True, slots=True)
class Expected:
    """A mean that was published, and how far from it is near enough."""

    mean: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What was published about a model: who finds other numbers has another model, or runs it in another way.

    Attributes:
        source: whose numbers of what these are, in a sentence.
        count: how many pictures that is about.
        side: of the square in the middle of each that was coded.
        means: over the pictures, by names of metrics.
    """

    source: str
    count: int
    side: int
    means: Mapping[str, Expected]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that can be chosen.

    Attributes:
        name: what users type.
        label: what menus show.
        codec: which codec it belongs to.
        kind: which code runs it.
        licence: of the weights.
        domain: which pictures it knows.
        description: one sentence: what it is, good for what.
        paper: arXiv number of the paper that it comes from; "" for ours.
        parameters: of all networks that run.
        num_bytes: of the weight files, as shipped or downloaded.
        memory: bytes that it takes to run in float32, weights and activations at its native size, as estimated; half
            precision takes half.
        native: side in pixels of the pictures that it was trained on; None if any size is as good.
        file: name of the weight file in `assets/`; "" if it comes from the Hub.
        sources: where it comes from; () if it is shipped.
        is_gated: whether its licence has to be accepted on its page first.
        rate: bits per pixel of its codes, where it has only one; None for a model that has them all.
        acceptance: what it has to come to on known pictures; None if that is not known.
    """

    name: str
    label: str
    codec: str
    kind: Kind
    licence: str
    domain: str
    description: str
    parameters: int
    num_bytes: int
    memory: int
    paper: str = ""
    native: int | None = None
    file: str = ""
    sources: tuple[HubSource, ...] = ()
    is_gated: bool = False
    rate: float | None = None
    acceptance: Acceptance | None = None

    @property
    def is_shipped(self) -> bool:
        """Whether the weights come with diffdemo."""
        return bool(self.file)

    @property
    def path(self) -> Path:
        """Where the weights of a shipped model lie."""
        return ASSETS / self.file


class ModelFiles(Protocol):
    """A model of the Hub that lies on this computer; `hub.records.Installed` is one."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @property
    def files(self) -> dict[str, Path]:
        """Path of each file by its name in the repository, without ".fp16"."""
        ...

    @property
    def fingerprint(self) -> bytes:
        """Four bytes that name the weights in files."""
        ...
