"""The integers of a DiffC payload: bits, levels, stages, forecasts, and where a walk ends."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from diffdemo.codecs.diffc_file import FileHead, read_file
from diffdemo.codecs.diffc_payload import (
    Forecast,
    PayloadReader,
    PayloadWriter,
    StageRule,
    level_of,
    read_steps,
    sigma_of,
    stages_by_rule,
)
from diffdemo.coding.bits import BitReader, BitWriter
from tests.golden.digests import digest

FOLDER = Path(__file__).parent / "files"
WALKS = json.loads((FOLDER / "walks.json").read_text())
PIXEL = 3
"""Dimensions of a picture of one pixel."""
RULE_OF_A_PIXEL = StageRule(1, PIXEL, 1)
LONG_RULE = StageRule(16, 3000, 1)

BITS = "c6a64280c901912ee8066032c0"
RULE = "da186a8b4165fdc9"
CHEAP_RULE = "859eda487d140f5a"
LAST_CHEAP_LEVEL = 821
"""Of sigma 3.0."""
WALK_OF_VERSION_2 = [64, 150, 267, 395, 531, 1341]
FORECASTS = [384, 489, 520, 472, 8552, 1901]


def bits(text: str) -> bytes:
    return np.packbits([int(character) for character in text.replace(" ", "")]).tobytes()


def test_bytes_of_bits() -> None:
    writer = BitWriter()
    writer.symbols(np.array([3, 0, 1, 2], np.uint8))
    for order in (0, 2):
        for number in (0, -1, 1, -2, 2, 100, -100):
            writer.golomb(number, order)
    assert writer.to_bytes().hex() == BITS
    assert writer.num_bits == 8 + 47 + 43
    reader = BitReader(bytes.fromhex(BITS))
    assert reader.symbols(4).tolist() == [3, 0, 1, 2]
    assert reader.position == 8
    assert reader.symbols(1000).size == 48
    assert reader.remaining == 0


@pytest.mark.parametrize("order", [0, 3])
def test_numbers_come_back(order: int) -> None:
    numbers = [*range(-70, 70), (1 << 23) - 1, 1 - (1 << 23)]
    writer = BitWriter()
    for number in numbers:
        writer.golomb(number, order)
    reader = BitReader(writer.to_bytes())
    assert [reader.golomb(order) for _ in numbers] == numbers


def test_the_longest_number() -> None:
    assert BitReader(bits("0" * 24 + "1" * 25)).golomb(0) == (1 << 24) - 1
    assert BitReader(bits("0" * 25 + "1" * 26)).golomb(0) is None


def test_noise_levels() -> None:
    assert [sigma_of(level) for level in (0, 128, 1024, 2048)] == [256, 128, 1, 2**-8]
    assert [sigma_of(level) for level in (1, 777)] == pytest.approx([254.6174524118101, 3.8097266836353483], rel=1e-12)
    assert [level_of(sigma) for sigma in (256, 1, 0.01)] == [0, 1024, 1874]


@pytest.mark.parametrize(("is_cheap", "expected"), [(False, RULE), (True, CHEAP_RULE)])
def test_stages_of_a_step(is_cheap: bool, expected: str) -> None:
    grid = [
        stages_by_rule(position, growth, dimensions, is_cheap=is_cheap)
        for position in (0, 1, 1000, 65_537, 67_108_864)
        for growth in (1, 15, 16, 17, 300, 16_384)
        for dimensions in (1, 3, 124, 10_000, 12_582_912)
    ]
    assert digest(grid) == expected


def test_steps_of_version_2_are_half_as_long_where_they_are_cheap() -> None:
    """As far as sigma 3.0: bits 40,000 have a root of 200, and growth is 100 sixteenths."""
    levels = (0, 1, LAST_CHEAP_LEVEL, LAST_CHEAP_LEVEL + 1, 2048)
    stages = {
        version: [StageRule(100, 30_000, version).stages(40_000, level) for level in levels] for version in (1, 2)
    }
    assert stages == {1: [1250] * 5, 2: [625, 625, 625, 1250, 1250]}
    assert sigma_of(LAST_CHEAP_LEVEL + 1) < 3.0 <= sigma_of(LAST_CHEAP_LEVEL)


def test_the_walk_through_steps_of_version_2() -> None:
    """Writer and reader take the level before a step to tell how long it is."""
    writer = PayloadWriter(StageRule(400, 30_000, 2))
    levels, stages = (600, 700, 800, 821, 822, 900), []
    for level in levels:
        stages.append(writer.rule)
        writer.begin_step(level, writer.rule)
        writer.bits.symbols(np.zeros(stages[-1], np.uint8))
    assert stages == WALK_OF_VERSION_2
    steps = read_steps(writer.bits.to_bytes(), len(writer.bits.to_bytes()), StageRule(400, 30_000, 2))
    assert [(step.level, step.stages) for step in steps] == list(zip(levels, stages, strict=True))
    reader = PayloadReader(writer.bits.to_bytes(), len(writer.bits.to_bytes()), StageRule(400, 30_000, 1))
    found = [step.stages for step in iter(reader.next_step, None) if len(reader.bits.symbols(step.stages))]
    assert found[:4] != stages[:4]


def test_forecasts() -> None:
    forecast, found = Forecast(), []
    for level, stages in ((400, 64), (470, 70), (471, 90), (700, 12), (1900, 4000), (1901, 5)):
        found.append(forecast.level_after(stages))
        forecast.update(level, stages)
    assert found == FORECASTS


@pytest.mark.parametrize("name", WALKS)
def test_the_walk_through_every_golden_file(name: str) -> None:
    file = read_file((FOLDER / f"{name}.difd").read_bytes())
    walk = [[step.level, step.stages, step.side_bits, step.end_bit] for step in file.steps()]
    assert walk == WALKS[name]
    ends = [file.end_bytes(step) for step in file.steps()]
    assert ends == [file.first_byte + math.ceil(step.end_bit / 8) for step in file.steps()]


def test_a_payload_ends_without_its_prompt() -> None:
    head = FileHead(b"gold", 64, 64, 0, 4, 16, channels=4, factor=8, prompt="bright")
    file = read_file(head.to_file(bits("1" * 16)))
    assert [(step.stages, step.end_bit, file.end_bytes(step)) for step in file.steps()] == [(7, 15, file.num_bytes)]


def test_a_walk_ends_after_512_steps() -> None:
    """Five stages are what a pixel takes; each step goes down one level of 2048."""
    writer = PayloadWriter(RULE_OF_A_PIXEL)
    for level in range(1, 600):
        writer.begin_step(level, writer.rule)
        writer.bits.symbols(np.zeros(5, np.uint8))
    steps = read_steps(writer.bits.to_bytes(), len(writer.bits.to_bytes()), RULE_OF_A_PIXEL)
    assert [step.level for step in steps] == list(range(1, 513))
    assert (writer.num_steps, writer.level) == (599, 599)


@pytest.mark.parametrize(("level", "steps"), [(2048, 1), (2049, 0), (1, 1), (0, 0), (-5, 0)])
def test_levels_that_a_step_can_have(level: int, steps: int) -> None:
    rule = StageRule(16, PIXEL, 1)
    writer = PayloadWriter(rule)
    writer.begin_step(level, writer.rule)
    writer.bits.symbols(np.zeros(writer.rule, np.uint8))
    data = writer.bits.to_bytes()
    assert len(read_steps(data, len(data), rule)) == steps


def test_the_shortest_last_step_has_four_stages() -> None:
    """`1`, the level expected, leaves seven bits of a byte; a difference of one, `010`, leaves 5; then whole bytes."""
    assert read_steps(bits("1" * 8), 1, LONG_RULE) == []
    assert [step.stages for step in read_steps(bits("1" * 16), 2, LONG_RULE)] == [7]
    assert [step.stages for step in read_steps(bits("00100 000 00000000"), 2, LONG_RULE)] == [5]
    assert [step.stages for step in read_steps(bits("0001000 000000000"), 2, LONG_RULE)] == [4]
    assert read_steps(bits("000010000 0000000"), 2, LONG_RULE) == []
