"""CDC files of both families and several quantisation steps: the same bytes, latents and pictures as ever."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.cdc import Cdc
from diffdemo.coding.container import write_bitstream
from diffdemo.errors import CorruptBitstream
from diffdemo.models.cdc import Family
from tests.golden import sources
from tests.golden.cases import CDC_CASES, FOLDER, CdcCase
from tests.golden.digests import digest
from tests.golden.pictures import NETWORK, decoded, recorded, require_same

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
