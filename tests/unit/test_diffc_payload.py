"""The integers of a payload: writer and reader agree at every cut, and nonsense ends the walk."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.diffc_payload import (
    FEWEST_LAST_STAGES,
    FEWEST_STAGES,
    LAST_LEVEL,
    MAX_STEPS,
    PayloadReader,
    PayloadWriter,
    StageRule,
    level_of,
    read_steps,
    sigma_of,
    stages_by_rule,
)

GROWTH = 60
DIMENSIONS = 3 * 100 * 100
RULE = StageRule(GROWTH, DIMENSIONS, 1)
RULE_OF_2 = StageRule(GROWTH, DIMENSIONS, 2)
LEVELS = [400, 470, 533, 580, 640, 655, 700, 748]
GOLDEN_LENGTH = 188
GOLDEN_START = "043d280775d56f0f1d8642a8"
GOLDEN_STAGES = [64, 64, 64, 76, 89, 103, 117, 131]


def written(rule: StageRule = RULE) -> tuple[bytes, list[np.ndarray]]:
    writer = PayloadWriter(rule)
    random = np.random.default_rng(0)
    symbols = []
    for level in LEVELS:
        stages = writer.rule
        writer.begin_step(level, stages)
        symbols.append(random.integers(0, 4, stages).astype(np.uint8))
        writer.bits.symbols(symbols[-1])
    return writer.bits.to_bytes(), symbols


@pytest.mark.parametrize("rule", [RULE, RULE_OF_2], ids=["version 1", "version 2"])
def test_reader_follows_writer(rule):
    payload, symbols = written(rule)
    reader = PayloadReader(payload, len(payload), rule)
    for level, expected in zip(LEVELS, symbols, strict=True):
        step = reader.next_step()
        assert step is not None
        assert step.level == level
        assert np.array_equal(reader.bits.symbols(step.stages), expected)
        assert step.end_bit == reader.bits.position
    assert reader.next_step() is None


@pytest.mark.parametrize("rule", [RULE, RULE_OF_2], ids=["version 1", "version 2"])
def test_every_cut_is_a_prefix_of_the_whole(rule):
    payload, _ = written(rule)
    whole = read_steps(payload, len(payload), rule)
    assert [step.level for step in whole] == LEVELS
    for cut in range(len(payload)):
        steps = read_steps(payload[:cut], len(payload), rule)
        assert steps == whole[: len(steps)]
        complete = sum(s.end_bit <= 8 * cut for s in whole)
        assert complete <= len(steps) <= complete + 1


def test_last_step_takes_what_is_left():
    writer = PayloadWriter(RULE)
    writer.begin_step(400, 64)
    writer.bits.symbols(np.zeros(64, np.uint8))
    writer.begin_step(470, 30)
    writer.bits.symbols(np.ones(30, np.uint8))
    payload = writer.bits.to_bytes()
    steps = read_steps(payload, len(payload), RULE)
    assert [s.level for s in steps] == [400, 470]
    assert 30 <= steps[1].stages <= 33


def test_golden_payload():
    """Bytes of a small payload: a change here is a change of the format."""
    payload, _ = written()
    assert len(payload) == GOLDEN_LENGTH
    assert payload[:12].hex() == GOLDEN_START
    assert [s.stages for s in read_steps(payload, len(payload), RULE)] == GOLDEN_STAGES


@pytest.mark.parametrize("seed", range(20))
def test_random_payloads_end_soon(seed):
    random = np.random.default_rng(seed)
    payload = random.bytes(int(random.integers(1, 4000)))
    rule = StageRule(int(random.integers(1, 300)), DIMENSIONS, 1 + seed % 2)
    steps = read_steps(payload, len(payload), rule)
    assert len(steps) <= MAX_STEPS
    levels = [s.level for s in steps]
    assert levels == sorted(set(levels))
    assert all(0 < level <= LAST_LEVEL for level in levels)


def test_levels_are_a_fine_grid_of_noise():
    assert sigma_of(0) == 256
    assert sigma_of(LAST_LEVEL) == 2**-8
    assert level_of(sigma_of(777)) == 777


def test_steps_grow_with_the_square_root_of_the_file():
    assert stages_by_rule(0, GROWTH, DIMENSIONS) == FEWEST_STAGES
    assert stages_by_rule(40_000, GROWTH, DIMENSIONS) == 200 * GROWTH // 16
    assert stages_by_rule(160_000, GROWTH, DIMENSIONS) == 400 * GROWTH // 16


def test_steps_of_version_2_are_half_as_long_where_noise_is_cheap():
    """Twice as many of them down to sigma 3: the network looks at a half or a quarter of the picture there."""
    sigmas = (100.0, 3.0, 2.9, 0.1)
    for rule, expected in ((RULE, [750, 750, 750, 750]), (RULE_OF_2, [375, 375, 750, 750])):
        assert [rule.stages(40_000, level_of(sigma)) for sigma in sigmas] == expected
    assert RULE_OF_2.stages(0, 0) == RULE.stages(0, 0) == FEWEST_STAGES
    assert StageRule(GROWTH, 300, 2).stages(10**9, 1) == 150 + FEWEST_LAST_STAGES


def test_a_payload_of_one_version_is_another_walk_by_the_other_s_rule():
    payload, _ = written(RULE_OF_2)
    assert read_steps(payload, len(payload), RULE_OF_2) != read_steps(payload, len(payload), RULE)


def test_steps_of_tiny_pictures_stay_below_a_bit_or_so_a_value():
    assert stages_by_rule(0, GROWTH, 3) == 1 + FEWEST_LAST_STAGES
    assert stages_by_rule(10**6, GROWTH, 300) == 150 + FEWEST_LAST_STAGES


def test_writing_where_the_forecast_expects_costs_least():
    writer = PayloadWriter(RULE)
    for level in LEVELS:
        costs = {candidate: writer.side_bits(candidate) for candidate in range(writer.level + 1, LAST_LEVEL)}
        assert min(costs.values()) == 1
        writer.begin_step(level, writer.rule)
        writer.bits.symbols(np.zeros(writer.rule, np.uint8))
