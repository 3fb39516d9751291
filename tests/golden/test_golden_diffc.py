"""DiffC files of both versions, every preset, number of views and form of header decode to the recorded pictures.

Before them, what a model with a spectrum adds: basis, classes, interpolation, and at which resolutions it looks.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from diffdemo.codecs.base import Rendering
from diffdemo.codecs.diffc_file import read_file
from diffdemo.codecs.diffc_picture import denoiser_of, has_pyramid
from diffdemo.diffusion.posterior import PosteriorStep
from diffdemo.diffusion.pyramid import Look, Pyramid, answers_to, looks_at
from diffdemo.diffusion.spectrum import FrequencyBasis, Spectrum, ValueBasis, basis_for
from diffdemo.diffusion.views import Views
from tests.golden.cases import CASES_OF_VERSION_1, CASES_OF_VERSION_2, DIFFC_CASES, FOLDER, DiffCCase, DrawnCase
from tests.golden.digests import digest
from tests.golden.numbers import noise
from tests.golden.pictures import CLOSED_FORM, decoded, recorded, require_same
from tests.golden.sources import Scene, diffc, spectrum

EDGES = (8.0, 3.0, 1.2)
"""Lowest noise levels at which a state is seen at a quarter only, at a half and a quarter, at the whole and a half."""
LOOKS = {
    1: ["4a", "2a 4a", "1a 2b", "1a"],
    2: ["4a 4b", "2a 2b 4a 4b", "1a 2b", "1a 1b"],
    3: ["4a 4b 4c", "2a 2b 2c 4a 4b 4c", "1a 1b 2c", "1a 1b 1c"],
    4: ["4a 4b 4c 4d", "2a 2b 2c 2d 4a 4b 4c 4d", "1a 1b 2c 2d", "1a 1b 1c 1d"],
}
"""Views -> from much noise to little: how many pixels are one, and in which view, a to d."""
ORDERS = "8925508beeb51668"
COEFFICIENTS = [
    1.727391,
    -2.382676,
    -1.930966,
    0.877743,
    0.451575,
    1.804109,
    -1.429701,
    -1.820413,
    0.963219,
    0.578818,
    0.25085,
    1.118582,
    -1.516711,
    -0.675267,
]
PICTURE = [
    0.882932,
    0.529344,
    -0.156936,
    2.613524,
    0.300772,
    2.067895,
    -0.840794,
    1.520218,
    1.416232,
    -0.452517,
    -0.266671,
    -0.669869,
    -0.094754,
    1.698484,
]
CLASSES = "6b38b310e285f593"
INTERPOLATED = [
    0.272626933166,
    0.19487555003,
    0.130534222803,
    0.0497856922294,
    0.0348245857061,
    0.0220970869121,
    0.0497856922294,
    0.0348245857061,
    0.0220970869121,
    0.0497856922294,
    0.0343755708655,
    0.0211158654471,
    0.0497856922294,
    0.0299251025218,
    0.0129974732838,
    0.0497856922294,
    0.029283869283,
    0.0120485220735,
    0.0497856922294,
    0.0271611740176,
    0.0092587861242,
    0.00048828125,
    0.000226315811167,
    5.13242440951e-05,
    0.00048828125,
    0.000226315811167,
    5.13242440951e-05,
]
ANSWERS = [
    0.66444,
    -2.473222,
    -0.493657,
    -3.607453,
    0.70615,
    -2.024138,
    0.101729,
    -2.209227,
    0.232295,
    -2.985351,
    -0.164114,
    -5.738089,
]


@pytest.mark.parametrize("views", LOOKS)
def test_looks(views: int) -> None:
    levels = [math.inf, *(level for edge in EDGES for level in (edge, math.nextafter(edge, 0))), 0.01]
    found = [" ".join(f"{look.factor}{'abcd'[look.view]}" for look in looks_at(sigma, views)) for sigma in levels]
    at_quarter, at_half, mixed, whole = LOOKS[views]
    assert found == [at_quarter, at_quarter, at_half, at_half, mixed, mixed, whole, whole]


def test_answers_at_every_resolution() -> None:
    """Of a picture whose sides are no multiples of anything, in every view."""
    state = torch.from_numpy(noise((1, 3, 13, 10), 70).astype(np.float32))
    found = []
    for factor, view, sigma in ((1, 0, 0.5), (1, 3, 1.5), (2, 0, 3.0), (2, 1, 0.75), (4, 2, 6.0), (4, 3, 1.0)):
        seen = answers_to(Scene(), [Look(factor, view)], state, sigma)[0]
        assert seen.shape == state.shape
        found += [float(seen[0, 1, 12, 9]), float((seen.double() * torch.from_numpy(noise((3, 13, 10), 71))).sum())]
    assert found == pytest.approx(ANSWERS, abs=2e-5)


@pytest.mark.parametrize("views", LOOKS)
@pytest.mark.parametrize("sigma", [20.0, 4.0, 1.5, 0.5])
def test_the_answer_is_the_mean_of_all_looks(views: int, sigma: float) -> None:
    state = torch.from_numpy(noise((1, 3, 13, 10), 70).astype(np.float32))
    each = [answers_to(Scene(), [look], state, sigma)[0] for look in looks_at(sigma, views)]
    assert torch.allclose(Pyramid(Scene(), views).denoise(state, sigma), torch.stack(each).mean(dim=0), atol=1e-6)


def test_places_of_the_frequencies() -> None:
    """Which numbers of a transformed picture belong to which class, for sides with and without a rest."""
    orders = [FrequencyBasis(spectrum(), height, width)._order for height, width in ((1, 1), (5, 3), (13, 29), (8, 16))]
    assert digest(np.concatenate(orders)) == ORDERS
    bases = [FrequencyBasis(spectrum(), height, width) for height, width in ((1, 1), (5, 3), (13, 29), (8, 16))]
    sizes = [size for basis in bases for size in (*basis.classes(1.0).sizes, 0)]
    assert digest(sizes) == CLASSES


def test_frequencies() -> None:
    """Colours and transform, forwards and back, in blocks of 8 and of 5."""
    basis = FrequencyBasis(spectrum(), 13, 8)
    forward = basis.forward(torch.from_numpy(noise((1, 3, 13, 8), 74).astype(np.float32)))
    places = [0, 1, 2, 6, 20, 50, 99, 104, 105, 150, 208, 209, 250, 311]
    assert forward[places].tolist() == pytest.approx(COEFFICIENTS, abs=1e-5)
    backward = basis.backward(noise((312,), 72).astype(np.float32))
    assert backward.shape == (1, 3, 13, 8)
    assert backward.flatten()[places].tolist() == pytest.approx(PICTURE, abs=1e-5)


def test_values_are_a_basis_where_there_is_no_spectrum() -> None:
    signal = torch.from_numpy(noise((1, 4, 3, 5), 73).astype(np.float32))
    basis = basis_for(None, (1, 4, 3, 5))
    assert isinstance(basis, ValueBasis)
    assert basis.forward(signal).tolist() == signal.flatten().tolist()
    assert torch.equal(basis.backward(basis.forward(signal)), signal)
    assert (basis.classes(math.inf).sizes, basis.classes(1.0).weights) == ((60,), (1.0,))


def test_variances_between_noise_levels() -> None:
    """The first row for knowing nothing, the next at sigma 16 and beyond, the last at 0.022 and below."""
    table = spectrum()
    levels = [math.inf, 1e3, 16.0, 13.0, 2.0**0.5, 1.0, 0.3, 2.0**-5.5, 0.01]
    found = [float(table.variances(sigma)[k]) for sigma in levels for k in (0, 13, 29)]
    assert found == pytest.approx(INTERPOLATED, rel=1e-9)
    weights = FrequencyBasis(table, 13, 29).classes(13.0).weights
    assert max(weights) == 1.0
    assert weights == pytest.approx([v / table.variances(13.0).max() for v in table.variances(13.0)], rel=1e-12)
    assert len(FrequencyBasis(table, 1, 1).classes(13.0).weights) == 3


def test_limits_of_a_spectrum() -> None:
    """A weight file may say 2^32 or 2^-32, and nothing beyond, in whole numbers."""
    rows = spectrum().rows.tolist()
    for sign in (1, -1):
        rows[3][7] = sign * 2048
        assert Spectrum(rows).rows[3, 7] == sign * 2048
        rows[3][7] = sign * 2049
        with pytest.raises(ValueError, match="2048"):
            Spectrum(rows)
    rows[3][7] = -70.5
    with pytest.raises(ValueError, match="type float64"):
        Spectrum(rows)


def test_which_files_look_and_measure_how() -> None:
    """Version 2 with a spectrum, not version 1, and not a model without one."""
    for case in DIFFC_CASES:
        head = read_file((FOLDER / f"{case.name}.difd").read_bytes()).head
        is_new = isinstance(case, DrawnCase) or case.has_spectrum
        denoiser = denoiser_of(case.codec().space, head)
        assert has_pyramid(case.codec().space, head.version) == is_new
        assert isinstance(denoiser, Pyramid) == is_new
        assert isinstance(denoiser, Views) == (head.views > 1 and not is_new)
    assert not has_pyramid(diffc(has_spectrum=True).space, 1)


@pytest.mark.parametrize("case", DIFFC_CASES, ids=lambda case: case.name)
def test_a_file_decodes_to_its_picture(case: DiffCCase | DrawnCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    head = read_file(data).head
    assert (head.views, head.seed, head.prompt) == (case.views, case.seed, case.prompt)
    assert (head.version, head.tree) == (case.version, case.tree)
    assert len(read_file(data).bitstream.header.parameters) == case.parameters
    require_same(decoded(case.codec(), data, Rendering()), recorded(case.name), CLOSED_FORM)


@pytest.mark.parametrize("case", DIFFC_CASES, ids=lambda case: case.name)
def test_a_cut_file_decodes_to_its_picture(case: DiffCCase | DrawnCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    require_same(
        decoded(case.codec(), data[: 2 * len(data) // 3], Rendering()), recorded(f"{case.name}.cut"), CLOSED_FORM
    )


@pytest.mark.parametrize("case", [CASES_OF_VERSION_1[1], CASES_OF_VERSION_1[-3]], ids=lambda case: case.name)
def test_a_model_that_got_a_spectrum_reads_files_of_version_1_as_ever(case: DiffCCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    require_same(decoded(diffc(has_spectrum=True), data, Rendering()), recorded(case.name), CLOSED_FORM)


@pytest.mark.parametrize("cases", [CASES_OF_VERSION_1, CASES_OF_VERSION_2], ids=["version 1", "version 2"])
def test_cases_cover_every_preset_with_every_number_of_views_and_every_form_of_header(cases: tuple) -> None:
    written = [case for case in cases if isinstance(case, DiffCCase)]
    assert {(case.preset, case.views) for case in written} >= {
        (preset, views) for preset in ("fast", "balanced", "best") for views in (1, 2, 3, 4)
    }
    assert {case.parameters for case in written} == {3, 4, 5, 6}
    assert max(case.seed for case in written) == (1 << 32) - 1
    steps = [step for case in written for step in read_file((FOLDER / f"{case.name}.difd").read_bytes()).steps()]
    assert max(step.stages for step in steps) > 2 * 1024


def test_cases_cover_every_look_with_every_tree() -> None:
    """Of models with a spectrum: noise levels in all four ranges, sides that are no multiples of 8 or 4."""
    drawn = [case for case in CASES_OF_VERSION_2 if isinstance(case, DrawnCase)]
    assert {(case.tree, case.views) for case in drawn} == {
        (tree, views) for tree in (3, 4, 5) for views in (1, 2, 3, 4)
    }
    assert any(case.width % 8 and case.height % 8 and case.width % 4 and case.height % 4 for case in drawn)
    for case in drawn:
        sigmas = [step.sigma for step in read_file((FOLDER / f"{case.name}.difd").read_bytes()).steps()]
        assert {sum(sigma >= edge for edge in EDGES) for sigma in sigmas} == {0, 1, 2, 3}


def test_posterior_of_a_step() -> None:
    step = PosteriorStep(2.0, 0.5)
    z, x_hat = torch.tensor([3.0, -1.0]), torch.tensor([0.5, 0.25])
    assert step.ratio == 1 / 16
    assert step.scale == pytest.approx(0.5 * (15 / 16) ** 0.5, rel=1e-12)
    assert step.mean(z, x_hat).tolist() == [0.65625, 0.171875]
    assert step.flow(z, x_hat).tolist() == [1.125, -0.0625]
    first = PosteriorStep(float("inf"), 0.5)
    assert (first.ratio, first.scale) == (0, 0.5)
    assert first.mean(z, x_hat).tolist() == x_hat.tolist()
