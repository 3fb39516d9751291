"""Every byte of a header, and every limit of its fields from both sides."""

from __future__ import annotations

import pytest

from diffdemo.codecs.diffc_file import FileHead, read_file
from diffdemo.coding.container import Header, read_bitstream, write_bitstream
from diffdemo.errors import CorruptBitstream, DiffDemoError, UnsupportedBitstream

# Magic, version, counts, fingerprint, sides 65535 and 300, 2^35 - 1 and 0, 9 bytes of payload, its check, the header's.
HEADERS = {
    1: "44494644 01 2f 61626364 ffff03 ac02 ffffffff7f 00 09 29b1 8790",
    2: "44494644 02 2f 61626364 ffff03 ac02 ffffffff7f 00 09 29b1 d945",
}
DIFFC_FILES = {
    3: "444946440131676f6c6405ac02ffffffff0f0280800103d029592a78797a",
    4: "444946440141676f6c6405ac020001010403d029a83678797a",
    5: "444946440151676f6c6405ac02000001bf80010205069bc62fc3b678797a",
    6: "444946440161676f6c6405ac020000010281060104b7136a556178797a",
}
FILES_OF_VERSION_2 = {
    3: "444946440231676f6c6405ac02ffffffff0f0580800103d0292e5578797a",
    4: "444946440241676f6c6405ac020004010403d029037a78797a",
    5: "444946440251676f6c6405ac02000301bf80010205069b996bc3b678797a",
    6: "444946440261676f6c6405ac020003010281060104b71335116178797a",
}
TREES = {1: (0, 1, 2), 2: (3, 4, 5)}


def written(parameters: tuple[int, ...], **changes: object) -> bytes:
    fields = {"codec_id": 1, "fingerprint": b"gold", "width": 4000, "height": 1000, "payload": b"\x55" * 2000}
    return write_bitstream(**{**fields, **changes}, parameters=parameters)


@pytest.mark.parametrize("version", HEADERS)
def test_bytes_of_a_header(version: int) -> None:
    fields = {"codec_id": 15, "fingerprint": b"abcd", "width": 65535, "height": 300}
    data = write_bitstream(**fields, parameters=((1 << 35) - 1, 0), payload=b"123456789", version=version)
    assert data == bytes.fromhex(HEADERS[version]) + b"123456789"
    header = Header(15, b"abcd", 65535, 300, ((1 << 35) - 1, 0), 9, 0x29B1, version)
    assert read_bitstream(data).header == header


def test_a_file_is_of_the_first_version_unless_it_says_more() -> None:
    assert read_bitstream(written(())).header.version == 1
    assert Header(15, b"abcd", 1, 1, (), 0, 0).version == 1
    assert FileHead(b"gold", 5, 300, 0, 3, 1).version == 2


@pytest.mark.parametrize(("version", "files"), [(1, DIFFC_FILES), (2, FILES_OF_VERSION_2)])
def test_bytes_of_every_form_of_diffc_header(version: int, files: dict[int, str]) -> None:
    fast, balanced, best = TREES[version]
    found = {
        3: FileHead(b"gold", 5, 300, (1 << 32) - 1, best, 16384, version=version),
        4: FileHead(b"gold", 5, 300, 0, balanced, 1, views=4, version=version),
        5: FileHead(b"gold", 5, 300, 0, fast, 1, channels=64, factor=63, prompt="ö", version=version),
        6: FileHead(b"gold", 5, 300, 0, fast, 1, views=2, channels=3, factor=1, prompt="a", version=version),
    }
    assert {count: head.to_file(b"xyz").hex() for count, head in found.items()} == files
    for head in found.values():
        assert read_file(head.to_file(b"xyz")).head == head


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_has_a_tree_of_its_version(version: int) -> None:
    for tree in range(8):
        data = written((0, tree, 1), version=version)
        if tree in TREES[version]:
            assert read_file(data).head.tree == tree
        else:
            with pytest.raises(CorruptBitstream, match="settings"):
                read_file(data)


@pytest.mark.parametrize(
    ("last", "first_refused"),
    [
        ({"width": 65535}, {"width": 65536}),
        ({"height": 65535}, {"height": 65536}),
        ({"payload_bytes": 1 << 23}, {"payload_bytes": (1 << 23) + 1}),
        ({"codec_id": 15}, {}),
    ],
)
def test_limits_of_a_header(last: dict[str, int], first_refused: dict[str, int]) -> None:
    fields = {"codec_id": 1, "fingerprint": b"gold", "width": 8, "height": 8, "parameters": (), "payload_bytes": 0}
    header = Header(**{**fields, **last}, payload_check=0xFFFF)
    assert read_bitstream(header.to_bytes()).header == header
    if first_refused:
        with pytest.raises(CorruptBitstream):
            read_bitstream(Header(**{**fields, **first_refused}, payload_check=0xFFFF).to_bytes())


def test_a_file_of_fifteen_parameters_and_the_largest_number() -> None:
    largest = (1 << 35) - 1
    assert read_bitstream(written((largest,) * 15)).header.parameters == (largest,) * 15
    for parameters in ((largest + 1,), (0,) * 16):
        with pytest.raises(ValueError, match="fit"):
            written(parameters)


def test_a_number_has_at_most_five_bytes() -> None:
    start = written((), width=1)[:10]
    for length, message in ((5, "check value"), (6, "too large")):
        with pytest.raises(CorruptBitstream, match=message):
            read_bitstream(start + b"\x80" * (length - 1) + b"\0" + bytes(20))


def test_the_longest_payload_is_written() -> None:
    assert len(written((), payload=bytes(1 << 23))) > 1 << 23
    with pytest.raises(DiffDemoError):
        written((), payload=bytes((1 << 23) + 1))


def test_codecs_are_numbered_from_one_to_fifteen() -> None:
    assert read_bitstream(written((), codec_id=15)).header.codec_id == 15
    for number in (0, 16):
        with pytest.raises(ValueError, match="fit"):
            written((), codec_id=number)


def test_the_next_version_is_refused() -> None:
    data = bytearray(written(()))
    for version in (0, 3):
        data[4] = version
        with pytest.raises(UnsupportedBitstream, match=f"version {version}; this installation reads version 1 and 2"):
            read_bitstream(bytes(data))


def test_a_version_that_the_codec_does_not_know_is_refused() -> None:
    assert read_bitstream(written((), version=1), (1,)).header.version == 1
    with pytest.raises(UnsupportedBitstream, match=r"version 2; this installation reads version 1\."):
        read_bitstream(written((), version=2), (1,))


@pytest.mark.parametrize(
    ("last", "first_refused"),
    [
        (((1 << 32) - 1, 0, 1), (1 << 32, 0, 1)),
        ((0, 2, 1), (0, 3, 1)),
        ((0, 0, 1), (0, 6, 1)),
        ((0, 0, 1), (0, 0, 0)),
        ((0, 0, 1 << 14), (0, 0, (1 << 14) + 1)),
        ((0, 0, 1, 4), (0, 0, 1, 5)),
        ((0, 0, 1, 1), (0, 0, 1, 0)),
        ((0, 0, 1, 64 << 8 | 8, 0), (0, 0, 1, 65 << 8 | 8, 0)),
        ((0, 0, 1, 1 << 8 | 1, 0), (0, 0, 1, 1, 0)),
        ((0, 0, 1, 4 << 8 | 64, 0), (0, 0, 1, 4 << 8 | 65, 0)),
        ((0, 0, 1, 4 << 8 | 1, 0), (0, 0, 1, 4 << 8, 0)),
        ((0, 0, 1, 4 << 8 | 8, 1200), (0, 0, 1, 4 << 8 | 8, 1201)),
        ((0, 0, 1, 4, 4 << 8 | 8, 0), (0, 0, 1, 4, 4 << 8 | 8, 0, 0)),
        ((0, 0, 1), (0, 0)),
    ],
)
def test_limits_of_what_a_diffc_file_may_ask_for(last: tuple[int, ...], first_refused: tuple[int, ...]) -> None:
    assert read_file(written(last)).bitstream.header.parameters == last
    with pytest.raises(CorruptBitstream):
        read_file(written(first_refused))


def test_limits_of_pictures_and_payloads() -> None:
    assert read_file(written((0, 0, 1), width=4096, height=1024)).head.width == 4096
    with pytest.raises(CorruptBitstream, match="4097 x 1024"):
        read_file(written((0, 0, 1), width=4097, height=1024))
    # 512 steps, each of at most 49 bits for its level and, for a pixel of three values, five stages of two bits.
    assert read_file(written((0, 0, 1), width=1, height=1, payload=bytes(3776))).head.dimensions == 3
    with pytest.raises(CorruptBitstream, match="3,777 bytes"):
        read_file(written((0, 0, 1), width=1, height=1, payload=bytes(3777)))
