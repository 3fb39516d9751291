"""Models that are not there: some shipped, some to be downloaded, one that does not arrive and one behind a gate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from diffdemo.engine.records import Fitted, ModelInfo
from diffdemo.errors import DownloadError, WeightsError
from diffdemo.hub.records import CacheUsage, DownloadProgress
from diffdemo.images import Pixels

PIXEL, LATENT, BROKEN, GATED, RELEASED = "ddpm-cat-256", "sd-1.5", "ddpm-church-256", "sd-3.5", "cdc-x-b0.1024"
CUT_OFF = "The connection to huggingface.co was lost. Please try again: the download goes on where it ended."
REFUSED = "Please accept the licence on the page of this model first, and set HF_TOKEN."
OFFLINE = "huggingface.co cannot be reached from here."
CEILING = 31.0
STEPS = 5
_MB = 10**6


def _model(name: str, codec: str, **facts: object) -> ModelInfo:
    usual = {
        "label": name,
        "parameters": 1234,
        "num_bytes": 5678,
        "memory": 1000 * _MB,
        "licence": "MIT",
        "page": "",
        "paper": "",
        "domain": "photographs",
        "native": None,
        "takes_prompt": False,
        "is_gated": False,
        "is_shipped": False,
        "is_here": False,
        "is_removable": False,
        "is_default": False,
        "fingerprint": "",
        "description": "For tests only.",
    }
    return ModelInfo(name=name, codec=codec, **(usual | facts))


_SHIPPED = {"is_shipped": True, "is_here": True, "is_default": True, "fingerprint": "0123abcd"}
_DDPM = {
    "num_bytes": 455 * _MB,
    "memory": 2000 * _MB,
    "licence": "Apache-2.0",
    "paper": "2006.11239",
    "native": 256,
}
_DIFFUSION = {"memory": 6000 * _MB, "domain": "photographs and art", "native": 256, "takes_prompt": True}
MODELS = (
    _model("fake", "diffc", label="fake (JPEG layers)", **_SHIPPED),
    _model("fake-cdc", "cdc", **_SHIPPED),
    _model(
        PIXEL,
        "diffc",
        page="https://huggingface.co/google/ddpm-cat-256",
        domain="cats",
        description="DDPM: cats; at home in nothing else.",
        **_DDPM,
    ),
    _model(BROKEN, "diffc", page="https://huggingface.co/google/ddpm-church-256", domain="churches", **_DDPM),
    _model(
        LATENT,
        "diffc",
        label="Stable Diffusion 1.5",
        num_bytes=2140 * _MB,
        licence="CreativeML OpenRAIL-M",
        page="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
        paper="2112.10752",
        description="Latent diffusion: a tenth of a bit per pixel and less, with details invented.",
        **_DIFFUSION,
    ),
    _model(
        GATED,
        "diffc",
        label="Stable Diffusion 3.5",
        num_bytes=5110 * _MB,
        licence="Stability Community",
        page="https://huggingface.co/stabilityai/stable-diffusion-3.5-medium",
        is_gated=True,
        **_DIFFUSION,
    ),
)
_FROM_THE_HUB = _model(
    RELEASED,
    "cdc",
    num_bytes=215 * _MB,
    licence="MIT",
    page="https://huggingface.co/rhyang/CDC_params",
    paper="2209.06950",
    description="CDC as its authors released it.",
)


class FakeModels:
    """The part of `diffdemo.engine.Engine` that knows about models.

    Args:
        step_seconds: what each step of a download takes.
    """

    def __init__(self, step_seconds: float) -> None:
        self.step_seconds = step_seconds
        self.is_offline = False
        self.abandoned: list[str] = []
        self._models = {info.name: info for info in MODELS}

    def models(self, *, refresh: bool = False) -> list[ModelInfo]:
        """All of them, and one more after a look at the Hub."""
        if refresh and self.is_offline:
            raise DownloadError(OFFLINE)
        if refresh:
            self._models.setdefault(RELEASED, _FROM_THE_HUB)
        return list(self._models.values())

    def model(self, name: str) -> ModelInfo:
        """One of them."""
        if name not in self._models:
            raise WeightsError(f"There is no model '{name}'.")
        return self._models[name]

    def model_at(self, codec: str, pixels: Pixels | None = None, **target: object) -> ModelInfo:
        """No model here has only one rate."""
        return self.model(next(each.default_model for each in self.codecs() if each.name == codec))

    def download(self, name: str) -> Iterator[DownloadProgress]:
        """A fifth of the bytes in every step."""
        info, speed = self.model(name), 11.4e6
        try:
            for step in range(STEPS + 1):
                if step == 3 and name == BROKEN:
                    raise DownloadError(CUT_OFF)
                if step == 1 and info.is_gated:
                    raise DownloadError(REFUSED)
                here = info.num_bytes * step // STEPS
                pace = (speed, (info.num_bytes - here) / speed) if step else (None, None)
                yield DownloadProgress(name, "unet.safetensors", here, info.num_bytes, *pace, done=False)
                time.sleep(self.step_seconds)
        except GeneratorExit:
            self.abandoned.append(name)
            raise
        self._models[name] = replace(info, is_here=True, is_removable=True, fingerprint="cafe0001")
        yield DownloadProgress(name, "", info.num_bytes, info.num_bytes, speed, 0.0, True)

    def remove(self, name: str) -> int:
        """As if it had never come."""
        info = self.model(name)
        self._models[name] = replace(info, is_here=False, is_removable=False, fingerprint="")
        return info.num_bytes

    def cache(self) -> CacheUsage:
        """A folder that nobody has."""
        used = sum(info.num_bytes for info in self.models() if info.is_here and not info.is_shipped)
        return CacheUsage(Path("cache/diffdemo"), used, 50_000 * _MB)

    def fit(
        self,
        pixels: Pixels,
        model: str,
        *,
        preset: str = "balanced",
        num_bytes: int | None = None,
        bpp: float | None = None,
    ) -> Fitted:
        """Squeezed into a square; enough for tests. Nothing takes too long."""
        info = self.model(model)
        height, width = pixels.shape[:2]
        if info.native is None or (height, width) == (info.native, info.native):
            return Fitted(pixels, "")
        square = np.asarray(Image.fromarray(pixels).resize((info.native, info.native)))
        return Fitted(square, f"Cut and scaled from {width} x {height}, to the size that {info.label} knows.")

    def ceiling(self, pixels: Pixels, model: str) -> float | None:
        """The same for every picture."""
        return CEILING if model == LATENT else None
