"""DiffC files of every preset, every number of views and every form of header decode to the recorded pictures."""

from __future__ import annotations

import pytest
import torch

from diffdemo.codecs.base import Rendering
from diffdemo.codecs.diffc_file import read_file
from diffdemo.diffusion.posterior import PosteriorStep
from tests.golden.cases import DIFFC_CASES, FOLDER, DiffCCase
from tests.golden.pictures import CLOSED_FORM, decoded, recorded, require_same


@pytest.mark.parametrize("case", DIFFC_CASES, ids=lambda case: case.name)
def test_a_file_decodes_to_its_picture(case: DiffCCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    head = read_file(data).head
    assert (head.views, head.seed, head.prompt) == (case.views, case.seed, case.prompt)
    assert len(read_file(data).bitstream.header.parameters) == case.parameters
    require_same(decoded(case.codec(), data, Rendering()), recorded(case.name), CLOSED_FORM)


@pytest.mark.parametrize("case", DIFFC_CASES, ids=lambda case: case.name)
def test_a_cut_file_decodes_to_its_picture(case: DiffCCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    require_same(
        decoded(case.codec(), data[: 2 * len(data) // 3], Rendering()), recorded(f"{case.name}.cut"), CLOSED_FORM
    )


def test_cases_cover_every_preset_with_every_number_of_views_and_every_form_of_header() -> None:
    assert {(case.preset, case.views) for case in DIFFC_CASES} >= {
        (preset, views) for preset in ("fast", "balanced", "best") for views in (1, 2, 3, 4)
    }
    assert {case.parameters for case in DIFFC_CASES} == {3, 4, 5, 6}


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
