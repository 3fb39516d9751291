"""Files of the shipped weights decode to the recorded pictures. What to do when weights change: see `shipped`."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from diffdemo.codecs.base import Codec, Decoder
from diffdemo.engine.engine import Engine
from diffdemo.engine.examples import EXAMPLES, FOLDER, example_file, example_pixels, example_result
from tests.golden import cases, pictures, shipped


@pytest.fixture(scope="module")
def codecs() -> dict[str, Codec]:
    return {case.model: case.codec() for case in shipped.CASES}


@pytest.mark.parametrize("case", shipped.CASES, ids=lambda case: case.name)
def test_a_file_decodes_to_its_picture(case: shipped.ShippedCase, codecs: dict[str, Codec]) -> None:
    data = (cases.FOLDER / f"{case.name}.difd").read_bytes()
    found = pictures.decoded(codecs[case.model], data, case.rendering)
    pictures.require_same(found, pictures.recorded(case.name), pictures.NETWORK)


@pytest.mark.parametrize("version", [1, 2])
def test_a_processor_that_samples_in_bfloat16_shows_the_same(version: int, codecs: dict[str, Codec]) -> None:
    case = next(case for case in shipped.CASES if case.version == version and case.rendering.decoder is Decoder.FLOW)
    data = (cases.FOLDER / f"{case.name}.difd").read_bytes()
    found = pictures.decoded_here(codecs[case.model], data, case.rendering)
    pictures.require_same(found, pictures.recorded(case.name), pictures.IN_BFLOAT16)


@pytest.mark.slow
@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_a_shipped_example_is_as_good_as_its_record_says(name: str, engine: Engine) -> None:
    """Decoded with the shipped model: size, PSNR, MS-SSIM and every point of the curve, and the picture itself."""
    data = example_file(name)
    assert data is not None
    *_, last = engine.decode(data, reference=example_pixels(name))
    known = json.loads((FOLDER / f"{name}.json").read_text())
    point, curve = known["point"], known["curve"]
    assert (len(data), last.num_bytes) == (point["num_bytes"],) * 2
    assert last.bpp == pytest.approx(8 * len(data) / example_pixels(name)[..., 0].size)
    assert last.psnr_db == pytest.approx(point["psnr_db"], abs=0.005)
    assert last.values["ms_ssim"] == pytest.approx(point["ms_ssim"], abs=1e-4)
    found = engine.curve(data)
    # The record is the encoder's: a file that ends after a step says so in up to two bytes less than the whole one.
    assert all(0 <= p.num_bytes - q["num_bytes"] <= 2 for p, q in zip(found, curve, strict=True))
    assert [p.psnr_db for p in found] == pytest.approx([p["psnr_db"] for p in curve], abs=0.01)
    measured = [
        (p.values["ms_ssim"], q["ms_ssim"]) for p, q in zip(found, curve, strict=True) if q["ms_ssim"] is not None
    ]
    assert len(measured) >= 6
    assert [p for p, _ in measured] == pytest.approx([q for _, q in measured], abs=2e-4)
    result = example_result(name, data)
    assert result is not None
    pictures.require_same(last.pixels, result.pixels, pictures.NETWORK)


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_the_record_of_an_example_is_about_its_file(name: str) -> None:
    """Bytes, picture and numbers belong together: what the page shows at once is what the file holds."""
    data = example_file(name)
    assert data is not None
    result = example_result(name, data)
    assert result is not None
    assert result.point.num_bytes == len(data)
    assert result.pixels.shape == example_pixels(name).shape
    error = np.square(result.pixels.astype(float) - example_pixels(name)).mean()
    assert 10 * np.log10(255**2 / error) == pytest.approx(result.point.psnr_db, abs=1e-6)
    assert all(a.num_bytes < b.num_bytes and a.psnr_db < b.psnr_db + 0.05 for a, b in pairwise(result.curve))
