"""CDC files of both families and several quantisation steps: the same bytes, latents and pictures as ever."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from diffdemo.codecs.cdc import Cdc
from diffdemo.coding.container import read_bitstream, write_bitstream
from diffdemo.diffusion.schedule import cosine_schedule, linear_schedule, visited_steps
from diffdemo.errors import CorruptBitstream, UnsupportedBitstream
from diffdemo.models.cdc.model import Family
from tests.golden import sources
from tests.golden.cases import CDC_CASES, FOLDER, CdcCase
from tests.golden.digests import digest
from tests.golden.pictures import NETWORK, decoded, recorded, require_same

X_ABAR = [0.999995232, 0.959558606, 0.493748486, 3.61826e-08]
EPSILON_ABAR = [0.999994993, 0.970536113, 0.079000317, 4.3041e-05]
LATENTS = {
    "cdc-x-0": "8bc4153f0badf444",
    "cdc-x-32": "8462643ea9ad7e45",
    "cdc-x-77": "dcfecde1b006ba2d",
    "cdc-x-223": "d36f0453494b4269",
    "cdc-epsilon-45": "e7163bdeeaf3fbd2",
}


@pytest.mark.parametrize("case", CDC_CASES, ids=lambda case: case.name)
def test_a_file_is_written_as_ever(case: CdcCase) -> None:
    codec = case.codec()
    file = codec.write(case.content(codec), case.code, bit_price=0.0)
    assert file == (FOLDER / f"{case.name}.difd").read_bytes()


@pytest.mark.parametrize("case", CDC_CASES, ids=lambda case: case.name)
def test_a_file_is_read_to_the_last_bit(case: CdcCase) -> None:
    codec = case.codec()
    y_hat = codec.read(codec.open((FOLDER / f"{case.name}.difd").read_bytes()))
    assert digest(y_hat.numpy(), "<f4") == LATENTS[case.name]
    assert np.array_equal(y_hat[0].numpy(), case.content(codec).y.astype(np.float32))


@pytest.mark.parametrize("case", CDC_CASES, ids=lambda case: case.name)
def test_a_file_decodes_to_its_picture(case: CdcCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    require_same(decoded(case.codec(), data, case.rendering), recorded(case.name), NETWORK)


def test_bytes_behind_the_last_symbol_are_refused() -> None:
    codec = sources.cdc(Family.X)
    bitstream = read_bitstream((FOLDER / "cdc-x-32.difd").read_bytes())
    for payload in (bitstream.payload + b"\1", bitstream.payload[:-1]):
        with pytest.raises(CorruptBitstream):
            codec.read(dataclasses.replace(bitstream, payload=payload))


def test_files_are_of_version_1() -> None:
    data = (FOLDER / "cdc-x-32.difd").read_bytes()
    fields = {
        name: getattr(read_bitstream(data).header, name) for name in ("codec_id", "fingerprint", "width", "height")
    }
    for version in (1, 2):
        parts = read_bitstream(data)
        made = write_bitstream(**fields, parameters=parts.header.parameters, payload=parts.payload, version=version)
        assert (made == data) == (version == 1)
        if version == 2:
            with pytest.raises(UnsupportedBitstream):
                sources.cdc(Family.X).open(made)


def test_schedules_and_times() -> None:
    """How noisy the steps of both families are, and what their networks are told."""
    x, epsilon = cosine_schedule(), linear_schedule()
    assert (x.num_steps, epsilon.num_steps) == (8193, 20_000)
    assert x.abar[[0, 1000, 4096, 8191]].tolist() == pytest.approx(X_ABAR, rel=1e-4)
    assert epsilon.abar[[0, 1000, 10_000, 19_999]].tolist() == pytest.approx(EPSILON_ABAR, rel=1e-4)
    assert visited_steps(x, 5).tolist() == [0, 2048, 4096, 6144, 8192]
    steps = torch.tensor([0, 5, 8000])
    assert float(sources.cdc(Family.X).model._time(steps, 2)) == pytest.approx(8000 / 8193)
    assert float(sources.cdc(Family.EPSILON).model._time(steps, 2)) == pytest.approx(2 / 3)


def test_limits_of_what_a_cdc_file_may_ask_for() -> None:
    codec = sources.cdc(Family.X)

    def written(parameters: tuple[int, ...], payload: bytes, **changes: int) -> bytes:
        fields = {"codec_id": 2, "fingerprint": sources.FINGERPRINT, "width": 64, "height": 128, **changes}
        return write_bitstream(**fields, parameters=parameters, payload=payload)

    # 16 channels of z and 16 of y; 68 bits is the most that one of their symbols takes.
    longest = bytes((2 * 16 + 32 * 16) * 68 // 8 + 8)
    assert codec.open(written((223,), longest)).header.parameters == (223,)
    for data in (
        written((224,), b"x"),
        written((), b"x"),
        written((1, 1), b"x"),
        written((0,), longest + b"x"),
        written((0,), b"x", codec_id=1),
        written((0,), b"x", width=65535, height=65),
    ):
        with pytest.raises(CorruptBitstream):
            codec.open(data)
    assert Cdc.codec_id == 2
