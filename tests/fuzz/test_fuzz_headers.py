"""Headers that nobody wrote: read, described, or refused in words, at once and without memory.

python -m pytest tests/fuzz/test_fuzz_headers.py -m slow -s       200,000 of them, with figures
"""

from __future__ import annotations

import binascii
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest

from diffdemo.codecs.diffc_file import TREES, read_file
from diffdemo.coding.container import MAGIC, VERSIONS, Header, read_bitstream
from diffdemo.engine.describe import describe_file
from diffdemo.errors import BitstreamError
from diffdemo.models.cdc.model import Family
from tests.fuzz.attempts import Tally
from tests.fuzz.noise import Random, a_number, mutated, random_for
from tests.golden import sources
from tests.golden.cases import CDC_CASES, DIFFC_CASES, FOLDER

KIND = 1
MAX_SECONDS = 0.5
"""For a header with a few hundred bytes behind it; a loaded machine needs some of it for itself."""
MAX_MEMORY = 8 << 20
FILES = tuple((FOLDER / f"{case.name}.difd").read_bytes() for case in (*DIFFC_CASES, *CDC_CASES))


Readers = tuple[Callable[[bytes], object], ...]


@pytest.fixture(scope="module")
def readers() -> Readers:
    codecs = (sources.diffc(), sources.diffc_of_latents(), sources.cdc(Family.X))
    return read_bitstream, read_file, lambda data: describe_file(data, {}), *(codec.open for codec in codecs)


def sealed(header: bytes) -> bytes:
    """Bytes with the check value that a header needs at its end."""
    return header + binascii.crc_hqx(header, 0xFFFF).to_bytes(2, "big")


def any_header(random: Random) -> bytes:
    """Fields of any value, well formed, with right check values, and a payload that is too short, right or too long."""
    payload = random.bytes(int(random.integers(0, 200)))
    length = len(payload) if random.random() < 0.7 else min(a_number(random), 1 << 30)
    fields = [a_number(random) for _ in range(int(random.integers(0, 16)))]
    sides = [int(random.integers(1, 70)) if random.random() < 0.7 else a_number(random) for _ in range(2)]
    fingerprint = sources.FINGERPRINT if random.random() < 0.7 else random.bytes(4)
    check, version = binascii.crc_hqx(payload, 0xFFFF), int(random.choice(VERSIONS))
    header = Header(int(random.integers(0, 16)), fingerprint, *sides, tuple(fields), length, check, version)
    return header.to_bytes() + payload


def likely_header(random: Random) -> bytes:
    """What our codecs write, one or two of the parameters being anything."""
    latent = random.random() < 0.5
    version = int(random.choice(VERSIONS))
    tree = int(random.choice(TREES[version])) if random.random() < 0.9 else int(random.integers(0, 7))
    parameters = [int(random.integers(0, 1 << 32)), tree, int(random.integers(1, 1 << 14))]
    if random.random() < 0.5:
        parameters.append(int(random.integers(1, 5)))
    if latent:
        parameters += [4 << 8 | 4, int(random.integers(0, 30))]
    codec = 1
    if random.random() < 0.3:
        codec, parameters = 2, [int(random.integers(0, 224))]
        version = 1 if random.random() < 0.9 else version
    if random.random() < 0.6:
        parameters[int(random.integers(len(parameters)))] = a_number(random)
    payload = random.bytes(int(random.integers(0, 300)))
    if latent and random.random() < 0.5:
        payload = b"words of a prompt, and more of " + payload
    width, height = (int(side) for side in random.integers(1, 130, 2))
    check = binascii.crc_hqx(payload, 0xFFFF)
    header = Header(codec, sources.FINGERPRINT, width, height, tuple(parameters), len(payload), check, version)
    return header.to_bytes() + payload


def mutated_header(random: Random) -> bytes:
    """A golden file whose header has been changed and whose check value has been made good again."""
    data = FILES[int(random.integers(len(FILES)))]
    end = read_bitstream(data).header_bytes
    return sealed(mutated(data[: end - 2], random)) + data[end:]


def attempt_of(number: int) -> bytes:
    random = random_for(KIND, number)
    kind = number % 8
    if kind == 0:
        return random.bytes(int(random.integers(0, 60)))
    if kind == 1:
        return MAGIC + b"\1" + random.bytes(int(random.integers(0, 60)))
    if kind in (2, 3):
        return any_header(random)
    return likely_header(random) if kind in (4, 5) else mutated_header(random)


def try_readers(readers: Readers, data: bytes, tally: Tally, name: str) -> None:
    for read in readers:
        tally.attempt(partial(read, data), BitstreamError, name, MAX_SECONDS)


@pytest.mark.parametrize("count", [2000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_headers_are_read_or_refused(readers: Readers, count: int) -> None:
    tally = Tally()
    for number in range(count):
        try_readers(readers, attempt_of(number), tally, f"header {number}")
    print(f"\n{count:,} headers: {tally}")
    assert tally.kinds == {"UnsupportedBitstream", "TruncatedBitstream", "CorruptBitstream", "ModelMismatch"}
    # Were hardly any accepted, nothing behind the first checks would have been reached.
    assert tally.accepted > 0.5 * count


def test_headers_cost_no_memory(readers: Readers) -> None:
    """Also those that claim a lot: the largest that Python and numpy held at a time, all readings together."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1_000_000, 1_000_800):
            try_readers(readers, attempt_of(number), Tally(), f"header {number}")
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEMORY


@pytest.mark.parametrize("number", [0, len(DIFFC_CASES) - 1, len(FILES) - 1])
def test_every_prefix_is_read_or_refused(readers: Readers, number: int) -> None:
    tally = Tally()
    for length in range(len(FILES[number]) + 1):
        try_readers(readers, FILES[number][:length], tally, f"prefix of {length}")
    assert tally.refused > 30
    assert tally.accepted > 100
