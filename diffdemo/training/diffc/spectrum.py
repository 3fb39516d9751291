"""The table of what a trained denoiser misses, by frequency and noise level: measured, and put into its weight file.

Files are coded with it (`diffusion/spectrum.py`), so it comes after training, and gives the weights another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.atomic import replacing
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.pyramid import Pyramid
from diffdemo.diffusion.spectrum import LOG2_SIGMAS, NUM_CLASSES, FrequencyBasis, Spectrum
from diffdemo.images import to_image
from diffdemo.models.photo import SPECTRUM, PhotoDenoiser
from diffdemo.models.weights import FORMER_SHA256, WeightFile, read_weights
from diffdemo.training.pictures import PictureFolder

VIEWS = 2
"""Of the denoiser that is measured; with another number the spectrum is lower but has the same shape."""
SIDE = 256


def fit(denoiser: Denoiser, pictures: Sequence[Tensor]) -> Spectrum:
    """Measure a denoiser on pictures that it has not been trained on.

    Args:
        denoiser: of pictures.
        pictures: uint8 [3,H,W], sides of at least 8; their middles of at most `SIDE` are used.
    """
    middles = [to_image(_middle(picture)) for picture in pictures]
    looking = Pyramid(denoiser, VIEWS)
    rows = [_variances(iter(middles))]
    for level in LOG2_SIGMAS:
        sigma = 2.0**level
        rows.append(
            _variances(
                x - looking.denoise(x + sigma * white_noise(tuple(x.shape), number, stream=0), sigma).cpu()
                for number, x in enumerate(middles)
            )
        )
    return Spectrum.of_variances(np.stack(rows))


def write(weights: WeightFile, spectrum: Spectrum, path: Path) -> None:
    """Write weights with a spectrum; files of version 1 that name them by what they were called before still decode."""
    former = weights.metadata.get(FORMER_SHA256, weights.sha256)
    metadata = {**weights.metadata, SPECTRUM: spectrum.to_text(), FORMER_SHA256: former}
    with replacing(path) as partial:
        save_file(weights.tensors, partial, metadata=metadata)


@torch.inference_mode()
def add_spectrum(data: Path, path: Path, *, exclude: tuple[str, ...] = ()) -> int:
    """Measure the denoiser of a weight file on the held-out pictures of its training data, and write it anew.

    A file whose spectrum is the one that was measured stays as it is.

    Args:
        data: folder or archive, as for training.
        path: of the weights.
        exclude: as for training.

    Returns:
        How many pictures it was measured on.

    Raises:
        WeightsError: the weights cannot be read.
        FileNotFoundError: there are no pictures.
    """
    denoiser = PhotoDenoiser.load(path, device=torch.device("cpu"))
    folder = PictureFolder(data, exclude=exclude)
    pictures = folder.held_out or folder.training
    spectrum = fit(denoiser, pictures)
    # Every writing gives the file another hash, and files of users name it.
    if denoiser.spectrum is None or not np.array_equal(denoiser.spectrum.rows, spectrum.rows):
        write(read_weights(path), spectrum, path)
    return len(pictures)


def _middle(picture: Tensor) -> NDArray[np.uint8]:
    """[3,H,W] -> the middle, [h,w,3] with sides that are multiples of 8 and at most `SIDE`."""
    height, width = (min(SIDE, side - side % 8) for side in picture.shape[1:])
    top, left = ((side - kept) // 2 for side, kept in zip(picture.shape[1:], (height, width), strict=True))
    middle: NDArray[np.uint8] = picture[:, top : top + height, left : left + width].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(middle)


def _variances(errors: Iterator[Tensor]) -> NDArray[np.float64]:
    """Mean square of each class over many errors [1,3,H,W]: [classes]."""
    totals, counts = np.zeros(NUM_CLASSES), np.zeros(NUM_CLASSES)
    flat = Spectrum(np.zeros((1 + len(LOG2_SIGMAS), NUM_CLASSES), np.int64).tolist())
    for error in errors:
        basis = FrequencyBasis(flat, error.shape[2], error.shape[3])
        classes = basis.classes(1.0)
        totals += classes.energies(basis.forward(error))
        counts += classes.sizes
    return totals / counts
