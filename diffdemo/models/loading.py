"""The model of a DiffC codec, by whichever code runs it."""

from __future__ import annotations

import torch

from diffdemo.diffusion.views import MAX_VIEWS
from diffdemo.models.cod.denoiser import load_cod_space
from diffdemo.models.conversion import CONVERSIONS
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.space import PixelSpace, Space
from diffdemo.models.spec import Kind, ModelFiles, ModelSpec


def load_space(spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> tuple[Space, bytes, bytes | None]:
    """The model on its device, the four bytes that name it in files, and those of version 1 where they are others.

    Models in diffusers' layout run in half precision on the GPU, where it halves memory and more than halves time; the
    states that encoder and decoder share are float32 on the CPU in any case, and forgive what differs (docs/diffc.md,
    drift).

    Args:
        spec: the model.
        weights: its files, for one that comes from the Hub.
        device: where its networks go.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    if weights is None:
        denoiser = PhotoDenoiser.load(spec.path, device=device)
        space: Space = PixelSpace(
            denoiser, most_views=MAX_VIEWS, spectrum=denoiser.spectrum, bears_bfloat16=True, device=device
        )
        return space, bytes.fromhex(denoiser.sha256[:8]), bytes.fromhex(denoiser.former_sha256[:8]) or None
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    if spec.kind is Kind.COD_PRETRAINED:
        return load_cod_space(weights.files[CONVERSIONS[spec.kind].key], device=device), weights.fingerprint, None
    # diffusers takes seconds to import, and only these models need it.
    if spec.kind is Kind.PIXEL:
        from diffdemo.models.diffusers.pixel_unet import load_pixel_space

        space = load_pixel_space(weights, name=spec.name, device=device, dtype=dtype)
    else:
        from diffdemo.models.diffusers.latent import load_latent_space

        space = load_latent_space(weights, name=spec.name, device=device, dtype=dtype)
    return space, weights.fingerprint, None
