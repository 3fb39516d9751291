"""Small models in the repositories of `HubServer`."""

from __future__ import annotations

import random

from diffdemo.models.spec import HubFile, HubSource, Kind, ModelSpec

REPOSITORY = "owner/pixels"
WEIGHTS = "net.safetensors"
PIXELS = HubSource(REPOSITORY, (HubFile(("config.json",)), HubFile((WEIGHTS, "net.bin"))))


def noise(num_bytes: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(num_bytes)


def make_spec(name: str, *sources: HubSource, kind: Kind = Kind.PIXEL) -> ModelSpec:
    return ModelSpec(
        name=name,
        label=name,
        codec="diffc",
        kind=kind,
        licence="MIT",
        domain="noise",
        description="Made up.",
        parameters=1,
        num_bytes=77_000,
        memory=1,
        sources=sources,
    )
