"""DiffC where the signal is not the picture, and where words go with it: bytes, cuts, and hostile headers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import LARGEST_SEED, MAX_PROMPT_BYTES, TREES, FileHead, read_file
from diffdemo.codecs.diffc_payload import max_payload_bytes
from diffdemo.codecs.diffc_plan import preset_of
from diffdemo.codecs.records import Preset, Target
from diffdemo.coding.container import LARGEST_SIDE, Header, write_bitstream
from diffdemo.engine.describe import describe_file
from diffdemo.errors import CorruptBitstream, ImageError, ModelMismatch, RateError, TruncatedBitstream
from diffdemo.images import MAX_PIXELS, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser
from tests.golden.cases import FOLDER
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
    assert torch.equal(list(codec.coded(told.data).states())[-1].z, told.picture.state.z)


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
    with pytest.raises(RateError, match="takes no prompt"):
        list(pictures.encode_progressively(pixels, Target(num_bytes=300), prompt="bright"))
    with pytest.raises(RateError, match="1201 bytes"):
        list(codec.encode_progressively(pixels, Target(num_bytes=3000), prompt="x" * (MAX_PROMPT_BYTES + 1)))


@pytest.mark.parametrize(
    ("shape", "prompt_bytes", "payload"),
    [
        (0, 0, b"x" * 50),
        (4 << 8, 0, b"x" * 50),
        (65 << 8 | 8, 0, b"x" * 50),
        (4 << 8 | 65, 0, b"x" * 50),
        (1 << 34, 0, b"x" * 50),
        (4 << 8 | 8, MAX_PROMPT_BYTES + 1, b"x" * 5000),
        (4 << 8 | 8, 10, b"\xff" * 50),
    ],
)
def test_absurd_shapes_and_prompts_are_refused(codec, shape, prompt_bytes, payload):
    fields = {"codec_id": 1, "fingerprint": b"test", "width": 64, "height": 64, "payload": payload}
    for version, tree in ((1, 1), (2, 4)):
        data = write_bitstream(**fields, parameters=(0, tree, 50, shape, prompt_bytes), version=version)
        with pytest.raises(CorruptBitstream):
            codec.open(data)


def with_prompt(prompt: bytes, *, claimed: int | None = None) -> bytes:
    """A file of `BlockMeans` whose payload is this prompt and twenty bytes of steps."""
    parameters = (0, 1, 50, 4 << 8 | 8, len(prompt) if claimed is None else claimed)
    return write_bitstream(
        codec_id=1, fingerprint=b"test", width=64, height=64, parameters=parameters, payload=prompt + b"x" * 20
    )


@pytest.mark.parametrize(
    "prompt", ["plain", "two\nlines\tand a tab", "ünder 雪 👩‍🚀", "عربي", "a\u3000b\u00a0c", "\u202e"]
)
def test_prompts_in_any_script_are_text(codec, prompt):
    assert codec.open(with_prompt(prompt.encode())).head.prompt == prompt


@pytest.mark.parametrize(
    "prompt", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x1b[2J", b"a\0b", b"\x7f", "\x9b31m".encode()]
)
def test_a_prompt_that_is_no_text_is_refused(codec, prompt):
    with pytest.raises(CorruptBitstream, match="no text"):
        codec.open(with_prompt(prompt))


@pytest.mark.parametrize("prompt", ["\ud800", "\x1b[2J", "a\0b", "\x7f"])
def test_a_prompt_that_is_no_text_is_not_written(codec, pixels, prompt):
    with pytest.raises(RateError, match="no text"):
        list(codec.encode_progressively(pixels, Target(num_bytes=300), prompt=prompt))


def test_a_prompt_longer_than_the_payload_is_no_matter_of_missing_bytes(codec):
    with pytest.raises(CorruptBitstream, match="longer prompt"):
        codec.open(with_prompt(b"bright", claimed=27))
    with pytest.raises(TruncatedBitstream):
        codec.open(with_prompt(b"bright")[:-22])


@pytest.mark.parametrize(("version", "tree"), [(1, 2), (2, 5)])
@pytest.mark.parametrize(("seed", "fits"), [(LARGEST_SEED, True), (LARGEST_SEED + 1, False)])
def test_the_largest_seed(seed, fits, version, tree):
    fields = {"codec_id": 1, "fingerprint": b"test", "width": 64, "height": 64, "payload": b"x" * 20}
    data = write_bitstream(**fields, parameters=(seed, tree, 1), version=version)
    if fits:
        assert read_file(data).head.seed == LARGEST_SEED
    else:
        with pytest.raises(CorruptBitstream, match="settings"):
            read_file(data)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 3), (64, 64)])
def test_a_payload_that_the_picture_cannot_hold_is_refused(width, height):
    most = max_payload_bytes(3 * width * height)
    for length, fits, version in ((most + more, not more, version) for more in (0, 1) for version in (1, 2)):
        tree = 1 if version == 1 else 4
        data = Header(1, b"test", width, height, (0, tree, 50), length, 0, version).to_bytes()
        if fits:
            assert read_file(data).bitstream.is_cut
        else:
            with pytest.raises(CorruptBitstream, match=f"claims {length:,} bytes for {width} x {height}"):
                read_file(data)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 3), (9, 7)])
def test_no_encoder_reaches_what_a_picture_can_hold(size):
    """The bound refuses no file that somebody wrote: however many bytes are allowed, an encoder stops below it."""
    exact = DiffC(PixelSpace(GaussianDenoiser(0.3)), fingerprint=b"test")
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    for preset in Preset:
        file = exact.open(exact.encode(noise, Target(num_bytes=1 << 20), preset=preset))
        assert file.bitstream.header.payload_bytes < max_payload_bytes(file.head.dimensions)


@pytest.mark.parametrize("version", TREES)
def test_a_file_whose_tree_is_of_another_version_is_refused(version):
    fields = {"codec_id": 1, "fingerprint": b"test", "width": 64, "height": 64, "payload": b"x" * 20}
    for tree in sorted({*TREES[1], *TREES[2]}):
        data = write_bitstream(**fields, parameters=(0, tree, 50), version=version)
        if tree in TREES[version]:
            assert (read_file(data).head.tree, read_file(data).head.version) == (tree, version)
        else:
            with pytest.raises(CorruptBitstream, match="settings that no encoder writes"):
                read_file(data)


def test_encoders_write_version_2_alone(codec, pixels):
    for preset, tree in zip(Preset, TREES[2], strict=True):
        head = read_file(codec.encode(pixels, Target(num_bytes=300), preset=preset)).head
        assert (head.version, head.tree) == (2, tree)


@pytest.mark.parametrize("version", TREES)
def test_a_file_says_its_preset_and_version(version):
    for preset, tree in zip(Preset, TREES[version], strict=True):
        data = FileHead(b"test", 64, 64, 9, tree, 50, version=version).to_file(b"x" * 20)
        assert DiffC.describe(data).facts["preset"] == preset
        info = describe_file(data, {b"test": "a model"})
        assert (info.version, info.model, info.facts["seed"]) == (version, "a model", 9)
    assert preset_of(6) == "unknown"


def test_each_version_has_a_fingerprint_of_its_own():
    """Weights that got a spectrum have another name; files of version 1 keep the former one."""
    space = PixelSpace(GaussianDenoiser(0.3))
    codec = DiffC(space, fingerprint=b"now!", former_fingerprint=b"then")
    same = DiffC(space, fingerprint=b"then")
    steps = read_file((FOLDER / "fast-1-12.difd").read_bytes()).bitstream.payload
    old = FileHead(b"then", 40, 36, 1, 0, 300, version=1).to_file(steps)
    new = codec.encode(np.full((36, 40, 3), 90, np.uint8), Target(num_bytes=200), preset=Preset.FAST)
    assert read_file(new).head.fingerprint == b"now!"
    assert torch.equal(list(codec.coded(old).states())[-1].z, list(same.coded(old).states())[-1].z)
    assert list(codec.coded(new).states())
    for data, found in ((replace(old, b"then", b"now!"), b"now!"), (replace(new, b"now!", b"then"), b"then")):
        with pytest.raises(ModelMismatch, match=found.hex()):
            codec.open(data)


def replace(data: bytes, before: bytes, after: bytes) -> bytes:
    """A file with another fingerprint."""
    head = read_file(data).head
    assert head.fingerprint == before
    return dataclasses.replace(head, fingerprint=after).to_file(read_file(data).bitstream.payload)


def test_what_networks_pad_a_picture_to_is_bounded_by_the_sides_alone():
    """Networks mirror sides to multiples of 64 at most: thin pictures take no more than twice the largest square."""
    heights = np.arange(1, LARGEST_SIDE + 1)
    widths = np.minimum(LARGEST_SIDE, MAX_PIXELS // heights)
    padded = (-(-heights // 64) * 64) * (-(-widths // 64) * 64)
    assert padded.max() < 2 * MAX_PIXELS


def test_a_side_that_no_file_can_name_is_refused_before_the_work():
    class Untouched:
        sigma_min = 0.01

        def denoise(self, z, sigma):
            raise AssertionError("the network was asked")

    codec = DiffC(PixelSpace(Untouched()), fingerprint=b"test")
    with pytest.raises(ImageError, match=r"each side can be at most 65,535 pixels"):
        codec.encode(np.zeros((1, 70_000, 3), np.uint8), Target(num_bytes=300))


def test_golden_file_with_a_prompt(codec):
    """Files of this kind stay readable: this one was written when their format was fixed."""
    coded = codec.coded(bytes.fromhex(GOLDEN))
    assert (coded.file.head.prompt, coded.file.head.signal_shape) == ("bright", (1, 4, 2, 2))
    assert list(coded.states())[-1].z.flatten().tolist() == pytest.approx(GOLDEN_SIGNAL, abs=1e-5)
