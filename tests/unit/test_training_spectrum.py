"""Weights that get a spectrum after their training: measured on pictures, and under another name from then on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import write_fields
from PIL import Image

from diffdemo.cli.parser import main
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import FileHead, read_file
from diffdemo.codecs.records import Preset, Target
from diffdemo.diffusion.spectrum import LOG2_SIGMAS, NUM_CLASSES
from diffdemo.diffusion.views import MAX_VIEWS
from diffdemo.errors import ModelMismatch, WeightsError
from diffdemo.images import to_image
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.registry import SHIPPED
from diffdemo.models.space import PixelSpace
from diffdemo.models.weights import FORMER_SHA256, fingerprints_of, read_weights, sha256_of
from diffdemo.training.diffc.spectrum import add_spectrum, fit
from diffdemo.training.loop import export
from tests.gaussian import GaussianDenoiser

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fields(tmp_path_factory.mktemp("fields"), 4)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    export(PhotoUNet(PhotoUNetShape((8, 8), (1, 1), embedding=8)), path, "PhotoUNet", step=3, minutes=0.1)
    return path


def codec_of(path: Path) -> DiffC:
    """The codec with a weight file, as `DiffC.load` makes it of a registered one."""
    denoiser = PhotoDenoiser.load(path, device=CPU)
    *former, today = fingerprints_of(path)
    space = PixelSpace(denoiser, most_views=MAX_VIEWS, spectrum=denoiser.spectrum)
    return DiffC(space, fingerprint=today, former_fingerprint=former[0] if former else None)


def test_weights_get_a_spectrum_and_another_name(
    folder: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, plain = read_weights(weights), PhotoDenoiser.load(weights, device=CPU)
    assert (plain.spectrum, plain.former_sha256) == (None, "")
    assert fingerprints_of(weights) == (bytes.fromhex(before.sha256[:8]),)
    assert main(["train", "spectrum", str(folder), "-o", str(weights)]) == 0
    assert "spectrum of" in capsys.readouterr().out
    after, denoiser = read_weights(weights), PhotoDenoiser.load(weights, device=CPU)
    assert after.sha256 == sha256_of(weights) != before.sha256
    assert denoiser.former_sha256 == before.sha256
    assert fingerprints_of(weights) == tuple(bytes.fromhex(name[:8]) for name in (before.sha256, after.sha256))
    assert denoiser.spectrum is not None
    assert denoiser.spectrum.rows.shape == (1 + len(LOG2_SIGMAS), NUM_CLASSES)
    assert before.tensors.keys() == after.tensors.keys()
    assert all(torch.equal(tensor, after.tensors[name]) for name, tensor in before.tensors.items())
    assert {k: v for k, v in after.metadata.items() if k in before.metadata} == before.metadata
    z = torch.full((1, 3, 16, 16), 0.25)
    assert torch.equal(denoiser.denoise(z, 0.5), plain.denoise(z, 0.5))


def test_measured_again_it_is_the_same_and_keeps_the_first_name(folder: Path, weights: Path) -> None:
    first = sha256_of(weights)
    add_spectrum(folder, weights)
    once = PhotoDenoiser.load(weights, device=CPU).spectrum
    add_spectrum(folder, weights)
    again = PhotoDenoiser.load(weights, device=CPU).spectrum
    assert once is not None
    assert again is not None
    assert np.array_equal(again.rows, once.rows)
    assert read_weights(weights).metadata[FORMER_SHA256] == first


def test_files_are_coded_with_it_and_those_of_version_1_still_decode(folder: Path, weights: Path) -> None:
    plain = codec_of(weights)
    pixels = np.random.default_rng(0).integers(0, 256, (21, 30, 3), np.uint8)
    steps = read_file(plain.encode(pixels, Target(num_bytes=300), preset=Preset.FAST)).bitstream.payload
    old = FileHead(plain.fingerprint, 30, 21, 0, 0, 200, version=1).to_file(steps)
    without = plain.encode(pixels, Target(num_bytes=300), preset=Preset.FAST)
    expected = list(plain.coded(old).states())[-1]
    add_spectrum(folder, weights)
    codec = codec_of(weights)
    found = list(codec.coded(old).states())[-1]
    assert torch.equal(found.z, expected.z)
    assert torch.equal(found.x_hat, expected.x_hat)
    *_, made = codec.encode_progressively(pixels, Target(num_bytes=300), preset=Preset.BALANCED)
    assert torch.equal(list(codec.coded(made.data).states())[-1].z, made.picture.state.z)
    assert read_file(made.data).head.fingerprint == codec.fingerprint != plain.fingerprint
    # A file of version 2 that knew of no spectrum is one of other weights.
    with pytest.raises(ModelMismatch):
        codec.open(without)


def test_a_spectrum_says_what_an_exact_model_misses() -> None:
    """White pictures of variance 0.1: 0.1 s^2 / (0.1 + s^2) in every class, where states are seen at full size."""
    pictures = [(np.random.default_rng(n).standard_normal((3, 64, 72)) * 0.1**0.5).clip(-1, 1) for n in range(6)]
    bytes_of = [torch.from_numpy(np.rint((picture + 1) * 127.5).astype(np.uint8)) for picture in pictures]
    table = fit(GaussianDenoiser(0.1), bytes_of)
    assert float(to_image(np.ascontiguousarray(bytes_of[0].permute(1, 2, 0).numpy())).var()) == pytest.approx(
        0.1, abs=0.003
    )
    assert table.variances(float("inf")) == pytest.approx(np.full(NUM_CLASSES, 0.1), rel=0.35)
    for sigma in (1.0, 0.25, 0.0625):
        expected = 0.1 * sigma**2 / (0.1 + sigma**2)
        assert table.variances(sigma) == pytest.approx(np.full(NUM_CLASSES, expected), rel=0.35)
        assert table.variances(sigma)[9] == pytest.approx(expected, rel=0.08)


def test_grey_pictures_can_be_measured_too(tmp_path: Path, weights: Path) -> None:
    """They have no colour at all, and a variance of zero has no logarithm."""
    for number in range(3):
        grey = np.random.default_rng(number).integers(0, 256, (128, 128), np.uint8)
        Image.fromarray(grey).convert("RGB").save(tmp_path / f"{number}.png")
    add_spectrum(tmp_path, weights)
    table = PhotoDenoiser.load(weights, device=CPU).spectrum
    assert table is not None
    assert np.all(np.isfinite(table.variances(float("inf"))))
    assert np.abs(table.rows).max() <= 2048


def test_what_cannot_be_measured_is_left_alone(tmp_path: Path, folder: Path, weights: Path) -> None:
    before = weights.read_bytes()
    (tmp_path / "empty").mkdir()
    assert main(["train", "spectrum", str(tmp_path / "empty"), "-o", str(weights)]) != 0
    assert weights.read_bytes() == before
    with pytest.raises(WeightsError, match="missing"):
        add_spectrum(folder, tmp_path / "none.safetensors")


def test_the_shipped_model_has_one_and_both_names() -> None:
    (spec,) = [spec for spec in SHIPPED if spec.name == "photo-small"]
    denoiser = PhotoDenoiser.load(spec.path, device=CPU)
    assert denoiser.spectrum is not None
    assert len(denoiser.former_sha256) == 64
    assert denoiser.former_sha256 != denoiser.sha256
    assert fingerprints_of(spec.path) == (bytes.fromhex(denoiser.former_sha256[:8]), bytes.fromhex(denoiser.sha256[:8]))
    # What is nearly known, low frequencies and colour, is told from what is not.
    weights = denoiser.spectrum.variances(1.0)
    assert weights.max() > 2 * weights.min()
