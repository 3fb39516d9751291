"""What a model misses, by frequency: a basis that is a rotation, a table that survives its text, what it is worth."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.fft import dct
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.codecs.records import Preset, Target
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.spectrum import (
    COLOURS,
    LOG2_SIGMAS,
    NUM_CLASSES,
    FrequencyBasis,
    Spectrum,
    ValueBasis,
    basis_for,
)
from diffdemo.errors import WeightsError
from diffdemo.images import to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.photo import SPECTRUM, PhotoDenoiser
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.space import PixelSpace
from diffdemo.models.weights import read_weights
from diffdemo.training.loop import export

CPU = torch.device("cpu")
SIZES = ((1, 1), (5, 3), (13, 29), (8, 24), (16, 9), (1, 200), (64, 64))
ROWS = 1 + len(LOG2_SIGMAS)


def spectrum_of(variances: np.ndarray) -> Spectrum:
    """Of a Gaussian source with a variance for each class, whose model is exact."""
    squares = [2.0 ** (2 * level) for level in LOG2_SIGMAS]
    return Spectrum.of_variances(np.stack([variances, *(variances * s / (variances + s) for s in squares)]))


FALLING = 0.5 * 2.0 ** -np.concatenate([colour + 0.8 * np.arange(NUM_CLASSES // COLOURS) for colour in range(COLOURS)])
"""Much in low frequencies, little in high ones and in colour."""


class Coloured:
    """The exact denoiser of pictures whose frequencies are independent and normal, with these variances."""

    sigma_min = 0.01

    def __init__(self, variances: np.ndarray) -> None:
        self.variances = variances

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        basis, of_each = frequencies(self.variances, *z.shape[2:])
        return basis.backward((basis.forward(z) * of_each / (of_each + sigma**2)).astype(np.float32))


def frequencies(variances: np.ndarray, height: int, width: int) -> tuple[FrequencyBasis, np.ndarray]:
    """The basis of a picture, and the variance of each of its numbers; every class must be there."""
    basis = FrequencyBasis(spectrum_of(variances), height, width)
    sizes = basis.classes(1.0).sizes
    assert len(sizes) == NUM_CLASSES
    return basis, np.repeat(variances, sizes)


@pytest.mark.parametrize("size", SIZES)
def test_frequencies_are_a_rotation_of_the_picture(size):
    basis = FrequencyBasis(spectrum_of(FALLING), *size)
    picture = white_noise((1, 3, *size), 1, stream=0)
    forward = basis.forward(picture)
    assert forward.shape == (3 * math.prod(size),)
    assert forward.dtype == np.float32
    assert np.linalg.norm(forward) == pytest.approx(float(picture.norm()), rel=1e-5)
    assert torch.allclose(basis.backward(forward), picture, atol=1e-5)
    classes = basis.classes(0.5)
    assert classes.dimensions == len(forward)
    assert len(classes.sizes) == len(classes.weights)
    assert min(classes.sizes) > 0


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (9, 10), (1, 20)])
def test_frequencies_lie_at_right_angles(size):
    basis = FrequencyBasis(spectrum_of(FALLING), *size)
    count = 3 * math.prod(size)
    matrix = np.stack([basis.forward(row.view(1, 3, *size)) for row in torch.eye(count)])
    assert np.allclose(matrix @ matrix.T, np.eye(count), atol=1e-5)


@pytest.mark.parametrize("size", [(13, 29), (8, 200)])
def test_white_noise_stays_white(size):
    noise = np.stack(
        [
            FrequencyBasis(spectrum_of(FALLING), *size).forward(white_noise((1, 3, *size), n, stream=0))
            for n in range(40)
        ]
    )
    assert noise.var() == pytest.approx(1, abs=0.02)
    assert abs(noise.mean()) < 0.02
    neighbours = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02
    assert np.abs(noise.var(axis=0) - 1).max() < 1.5


def test_blocks_are_transformed_as_scipy_does_it():
    """Grey: brightness is the root of 3 of it, and colour is zero."""
    grey = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    basis = FrequencyBasis(spectrum_of(FALLING), 8, 8)
    forward = basis.forward(torch.from_numpy(np.stack([grey] * 3))[None])
    expected = math.sqrt(3) * dct(dct(grey, norm="ortho", axis=0), norm="ortho", axis=1)
    assert sorted(forward[:64]) == pytest.approx(sorted(expected.ravel()), abs=1e-4)
    assert forward[0] == pytest.approx(expected[0, 0], abs=1e-4)
    assert sorted(forward[1:3]) == pytest.approx(sorted([expected[0, 1], expected[1, 0]]), abs=1e-4)
    assert np.abs(forward[64:]).max() < 1e-5


def test_a_flat_picture_lies_in_the_lowest_class_of_each_colour():
    basis = FrequencyBasis(spectrum_of(FALLING), 13, 22)
    picture = torch.tensor([0.5, -0.25, 0.75]).view(1, 3, 1, 1).expand(1, 3, 13, 22).contiguous()
    energies = basis.classes(1.0).energies(basis.forward(picture))
    assert np.flatnonzero(energies > 1e-6 * energies.max()).tolist() == [0, 10, 20]


def test_a_table_survives_its_text():
    table = spectrum_of(FALLING)
    assert np.array_equal(Spectrum.from_text(table.to_text()).rows, table.rows)
    assert table.rows.shape == (ROWS, NUM_CLASSES)
    for sigma in (math.inf, 40.0, 16.0, 1.0, 0.001):
        exact = FALLING if math.isinf(sigma) else FALLING * sigma**2 / (FALLING + sigma**2)
        if sigma >= 2.0**-5.5:
            assert table.variances(sigma) == pytest.approx(exact, rel=0.02)
    assert np.array_equal(table.variances(0.001), table.variances(2.0 ** LOG2_SIGMAS[-1]))


@pytest.mark.parametrize(
    "text", ["", "7", "null", "[1,2]", "[[1,2],[3]]", "[]", '[["a"]]', "{}", "[[" + "1," * 29 + "1]]"]
)
def test_what_is_no_table_is_refused(text):
    with pytest.raises(ValueError):
        Spectrum.from_text(text)


@pytest.mark.parametrize("text", ["nonsense", "[[1,2]]", "3"])
def test_weights_with_a_damaged_table_are_refused(tmp_path, text):
    path = tmp_path / "tiny.safetensors"
    export(PhotoUNet(PhotoUNetShape((8, 8), (1, 1), embedding=8)), path, "PhotoUNet", step=3, minutes=0.1)
    assert PhotoDenoiser.load(path, device=CPU).spectrum is None
    weights = read_weights(path)
    save_file(weights.tensors, path, metadata={**weights.metadata, SPECTRUM: text})
    with pytest.raises(WeightsError, match=r"'tiny\.safetensors' have a damaged spectrum"):
        PhotoDenoiser.load(path, device=CPU)


def test_a_model_without_a_table_has_one_class():
    assert isinstance(basis_for(None, (1, 4, 3, 5)), ValueBasis)
    assert isinstance(basis_for(spectrum_of(FALLING), (1, 3, 8, 8)), FrequencyBasis)


@pytest.mark.parametrize(("steps", "share"), [(3, 0.9), (12, 0.97)])
def test_a_file_with_classes_takes_fewer_bits_than_with_one(monkeypatch, steps, share):
    """Coloured sources and their exact model, to the same quality in the mean: the prior knows where the error lies.

    It is worth more where steps are large: the prior's cost is concave in the variance.
    """
    effort = EFFORTS[Preset.FAST]
    monkeypatch.setitem(EFFORTS, Preset.FAST, dataclasses.replace(effort, steps=steps, plain_steps=steps))
    basis, variances = frequencies(FALLING, 48, 56)
    one, classes = (
        DiffC(PixelSpace(Coloured(FALLING), spectrum=table), fingerprint=b"test")
        for table in (None, spectrum_of(FALLING))
    )
    reached, fewer, half = [], [], []
    for seed in range(1, 7):  # One source alone says what chance makes of it on a processor.
        values = np.sqrt(variances) * np.random.default_rng(seed).standard_normal(len(variances))
        pixels = to_pixels(basis.backward(values.astype(np.float32)).clamp(-1, 1))
        *_, last = one.encode_progressively(pixels, Target(num_bytes=1200), preset=Preset.FAST)
        reached.append(psnr_db(pixels, to_pixels(last.picture.image)))
        fewer.append(quality_of(classes, pixels, int(share * len(last.data))))
        half.append(quality_of(classes, pixels, len(last.data) // 2))
    assert np.mean(fewer) > np.mean(reached)
    assert all(worse < whole for worse, whole in zip(half, reached, strict=True))


def quality_of(codec: DiffC, pixels: np.ndarray, num_bytes: int) -> float:
    *_, last = codec.encode_progressively(pixels, Target(num_bytes=num_bytes), preset=Preset.FAST)
    assert len(last.data) <= num_bytes
    return psnr_db(pixels, to_pixels(last.picture.image))
