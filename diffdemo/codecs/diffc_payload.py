"""How a DiffC payload is divided into steps: integers only, readable without a network.

    step = how far the noise goes down (a few bits) | stages of the tree code, two bits each

Only the noise levels are chosen by the encoder and written down. The number of stages follows from the number of bits
already sent: steps grow with the square root of the file, which spends network evaluations where they save most
(docs/diffc.md), and are half as long where much noise makes evaluations cheap. The encoder picks the level at which the
measured divergence of a step fills its stages exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffdemo.coding.bits import LONGEST_PREFIX, BitReader, BitWriter

# normative: everything in this file.
TOP_OCTAVE = 8
LEVELS_PER_OCTAVE = 128
LAST_LEVEL = 2048
FEWEST_STAGES = 64
FEWEST_LAST_STAGES = 4
MAX_STEPS = 512
GROWTH_UNIT = 16
FIRST_LEVEL_GUESS = 384
SECOND_STEP_GUESS = 126
GOLOMB_ORDER = 0
LAST_CHEAP_LEVEL = 821
"""Level of sigma 3.0: up to here the network sees a picture at half its size or less."""
MAX_GOLOMB_BITS = 2 * LONGEST_PREFIX + 1 + GOLOMB_ORDER
"""Bits of the longest code for a level."""


def sigma_of(level: int) -> float:
    """Noise level 2^(8 - level / 128) in units of the picture's values; levels are 1..2048."""
    return math.pow(2, TOP_OCTAVE - level / LEVELS_PER_OCTAVE)


def level_of(sigma: float) -> int:
    """The level nearest to a noise level, without bounds."""
    return round(LEVELS_PER_OCTAVE * (TOP_OCTAVE - math.log2(sigma)))


def stages_by_rule(bits: int, growth: int, dimensions: int, *, is_cheap: bool = False) -> int:
    """Stages of the step that follows `bits` bits: growth / 16 times their square root, but at least 64.

    Half as many where the step is cheap. Never more than about one bit for each of the picture's values: beyond that,
    two small steps beat a large one.
    """
    grown = max(FEWEST_STAGES, math.isqrt(bits * growth * growth) // (2 * GROWTH_UNIT if is_cheap else GROWTH_UNIT))
    return min(grown, max_stages(dimensions))


def max_stages(dimensions: int) -> int:
    """Stages of the longest step that there is."""
    return dimensions // 2 + FEWEST_LAST_STAGES


def max_payload_bytes(dimensions: int) -> int:
    """Bytes of the longest payload that a reader walks through to its end."""
    return -(-MAX_STEPS * (MAX_GOLOMB_BITS + 2 * max_stages(dimensions)) // 8)


@dataclass(frozen=True, slots=True)
class PayloadStep:
    """One step as it lies in the payload.

    Attributes:
        number: from 0.
        level: noise level after the step.
        stages: of the tree code, when whole.
        side_bits: length of the code for `level`.
        end_bit: position in the payload after the last stage.
    """

    number: int
    level: int
    stages: int
    side_bits: int
    end_bit: int

    @property
    def sigma(self) -> float:
        """Noise level after the step, in units of the picture's values."""
        return sigma_of(self.level)


class Forecast:
    """Predicts the next level from the steps so far, so that only the difference has to be written.

    Between two steps, the bits per relative growth of the file change little.
    """

    def __init__(self) -> None:
        self.level = 0
        self._bits = 0
        self._ratio = (SECOND_STEP_GUESS, 1)

    def level_after(self, stages: int) -> int:
        """Expected level after a step of so many stages, in integers."""
        if self._bits == 0:
            return FIRST_LEVEL_GUESS
        numerator, denominator = self._ratio
        growth = 2 * self._bits + 2 * stages
        return self.level + max(1, (numerator * 4 * stages + denominator * growth // 2) // (denominator * growth))

    def update(self, level: int, stages: int) -> None:
        """Learn from a step that has been read or written."""
        if self._bits:
            self._ratio = ((level - self.level) * (2 * self._bits + 2 * stages), 4 * stages)
        self._bits += 2 * stages
        self.level = level


@dataclass(frozen=True, slots=True)
class StageRule:
    """How many stages the next step of a file has.

    Attributes:
        growth: of the steps.
        dimensions: of the signal.
        version: of the file; from 2 on, steps are shorter where they are cheap.
    """

    growth: int
    dimensions: int
    version: int

    def stages(self, bits: int, level: int) -> int:
        """Of the step after `bits` bits of payload and the noise level that they reached."""
        is_cheap = self.version > 1 and level <= LAST_CHEAP_LEVEL
        return stages_by_rule(bits, self.growth, self.dimensions, is_cheap=is_cheap)


class PayloadReader:
    """Walks through the steps of a payload, whole or cut."""

    def __init__(self, payload: bytes, whole_bytes: int, rule: StageRule) -> None:
        self.bits = BitReader(payload)
        self._whole_bits = 8 * whole_bytes
        self._rule = rule
        self._forecast = Forecast()
        self._number = 0
        self._end = 0

    def next_step(self) -> PayloadStep | None:
        """The next step, its symbols not read yet; None at the end or where nothing sensible follows."""
        begin = self.bits.position
        if begin < self._end:
            return None  # The step before was cut.
        rule = self._rule.stages(begin, self._forecast.level)
        difference = self.bits.golomb(GOLOMB_ORDER)
        if difference is None or self._number >= MAX_STEPS:
            return None
        level = self._forecast.level_after(rule) + difference
        begin_stages = self.bits.position
        stages = min(rule, (self._whole_bits - begin_stages) // 2)
        if stages < FEWEST_LAST_STAGES or not self._forecast.level < level <= LAST_LEVEL:
            return None
        step = PayloadStep(self._number, level, stages, begin_stages - begin, begin_stages + 2 * stages)
        self._forecast.update(level, stages)
        self._number += 1
        self._end = step.end_bit
        return step


class PayloadWriter:
    """Builds a payload step by step; at any time it can be ended where it is."""

    def __init__(self, rule: StageRule) -> None:
        self.bits = BitWriter()
        self.growth = rule.growth
        self._rule = rule
        self._forecast = Forecast()
        self.num_steps = 0

    @property
    def level(self) -> int:
        """Noise level reached; 0 before the first step."""
        return self._forecast.level

    @property
    def rule(self) -> int:
        """Stages of the next step, unless the payload ends before."""
        return self._rule.stages(self.bits.num_bits, self.level)

    def side_bits(self, level: int) -> int:
        """What it costs to say that the next step goes down to `level`."""
        trial = BitWriter()
        trial.golomb(level - self._forecast.level_after(self.rule), GOLOMB_ORDER)
        return trial.num_bits

    def begin_step(self, level: int, stages: int) -> None:
        """Write where the next step goes; its symbols must follow."""
        self.bits.golomb(level - self._forecast.level_after(self.rule), GOLOMB_ORDER)
        self._forecast.update(level, stages)
        self.num_steps += 1


def read_steps(payload: bytes, whole_bytes: int, rule: StageRule) -> list[PayloadStep]:
    """All steps whose beginning lies in the payload, for `info` and progress; takes microseconds a step."""
    reader = PayloadReader(payload, whole_bytes, rule)
    steps = []
    while step := reader.next_step():
        steps.append(step)
        reader.bits.symbols(step.stages)
    return steps
