"""DiffC where the signal is not the picture, and where words go with it: bytes, cuts, and hostile headers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffdemo.codecs.base import Preset, Target
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import MOST_PROMPT_BYTES, read_file
from diffdemo.coding.container import write_bitstream
from diffdemo.errors import CorruptBitstream, RateError, TruncatedBitstream
from diffdemo.images import to_image, to_pixels
from diffdemo.metrics import psnr_db
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser
from tests.latent_space import BlockMeans

GOLDEN = "444946440151746573740d090000128808061ad0e87ae46272696768740039ba51c6001efdf25900488163a301be1c95fc"
GOLDEN_SIGNAL = [
    *(-0.4869, 0.56749, -0.45958, 0.55154, -0.23393, -0.21357, 0.17223, 0.17206),
    *(0.77133, 0.2613, 0.7601, 0.29859, -0.00627, 0.16363, 0.15644, 0.32289),
]


@pytest.fixture(scope="module")
def codec() -> DiffC:
    return DiffC(BlockMeans(), fingerprint=b"test")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    y, x = np.mgrid[0:90, 0:125]
    return np.stack([x * 2, y * 2, 255 - x], axis=2).astype(np.uint8)


def test_the_signal_is_what_is_communicated(codec, pixels):
    data = codec.encode(pixels, Target(num_bytes=600))
    head = codec.open(data).head
    assert head.signal_shape == (1, 4, 12, 16)
    assert (head.width, head.height) == (125, 90)
    last = to_pixels(list(codec.decode(data))[-1].image)
    ceiling = to_pixels(codec.space.to_image(codec.space.to_signal(to_image(pixels)), 90, 125))
    assert last.shape == pixels.shape
    assert psnr_db(ceiling, last) > 35
    assert psnr_db(pixels, last) < psnr_db(pixels, ceiling) + 0.1


def test_previews_are_made_the_quick_way_and_the_result_is_not(codec, pixels):
    data = codec.encode(pixels, Target(num_bytes=400))
    *before, last = codec.decode(data)
    assert torch.allclose(2 * before[-1].image, last.image)


def test_a_prompt_travels_in_the_file_and_is_counted(codec, pixels):
    plain = list(codec.encode_progressively(pixels, Target(num_bytes=300), preset=Preset.FAST))[-1]
    told = list(codec.encode_progressively(pixels, Target(num_bytes=300), preset=Preset.FAST, prompt="bright"))[-1]
    assert len(told.data) <= 300
    file, without = read_file(told.data), read_file(plain.data)
    assert file.head.prompt == "bright"
    assert file.first_byte == file.bitstream.header_bytes + 6
    assert file.steps()[0].end_bit - without.steps()[0].end_bit < 64
    assert file.end_bytes(file.steps()[-1]) <= len(told.data)
    # Whoever decodes is told the same: states agree to the last bit.
    assert torch.equal(list(codec.states(codec.open(told.data)))[-1].z, told.state.z)


def test_every_prefix_with_header_and_prompt_decodes(codec, pixels):
    *_, progress = codec.encode_progressively(pixels, Target(num_bytes=200), preset=Preset.FAST, prompt="bright ünder")
    file = codec.open(progress.data)
    for cut in range(len(progress.data) + 1):
        if cut < file.first_byte:
            with pytest.raises(TruncatedBitstream):
                codec.open(progress.data[:cut])
        else:
            assert list(codec.decode(progress.data[:cut]))[-1].image.shape == (1, 3, 90, 125)


def test_other_signals_and_models_without_words_are_refused(codec, pixels):
    data = codec.encode(pixels, Target(num_bytes=300))
    pictures = DiffC(PixelSpace(GaussianDenoiser(0.1)), fingerprint=b"test")
    with pytest.raises(CorruptBitstream, match="kind of signal"):
        pictures.open(data)
    with pytest.raises(RateError, match="no words"):
        list(pictures.encode_progressively(pixels, Target(num_bytes=300), prompt="bright"))
    with pytest.raises(RateError, match="1201 bytes"):
        list(codec.encode_progressively(pixels, Target(num_bytes=3000), prompt="x" * (MOST_PROMPT_BYTES + 1)))


@pytest.mark.parametrize(
    ("shape", "prompt_bytes", "payload"),
    [
        (0, 0, b"x" * 50),
        (4 << 8, 0, b"x" * 50),
        (65 << 8 | 8, 0, b"x" * 50),
        (4 << 8 | 65, 0, b"x" * 50),
        (1 << 34, 0, b"x" * 50),
        (4 << 8 | 8, MOST_PROMPT_BYTES + 1, b"x" * 5000),
        (4 << 8 | 8, 10, b"\xff" * 50),
    ],
)
def test_absurd_shapes_and_prompts_are_refused(codec, shape, prompt_bytes, payload):
    parameters = (0, 1, 50, shape, prompt_bytes)
    data = write_bitstream(codec_id=1, fingerprint=b"test", width=64, height=64, parameters=parameters, payload=payload)
    with pytest.raises(CorruptBitstream):
        codec.open(data)


def test_golden_file_with_a_prompt(codec):
    """Files of this kind stay readable: this one was written when their format was fixed."""
    file = codec.open(bytes.fromhex(GOLDEN))
    assert (file.head.prompt, file.head.signal_shape) == ("bright", (1, 4, 2, 2))
    assert list(codec.states(file))[-1].z.flatten().tolist() == pytest.approx(GOLDEN_SIGNAL, abs=1e-5)
