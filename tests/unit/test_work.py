"""What a call may ask for: judged before its first step."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.diffc_file import FileHead
from diffdemo.codecs.diffc_payload import MAX_STEPS, PayloadWriter
from diffdemo.codecs.records import Preset, Work
from diffdemo.engine import Engine, Limits
from diffdemo.engine.limits.work import PAGE_SECONDS, Estimates, require_within
from diffdemo.engine.scheduling.lanes import Device
from diffdemo.engine.scheduling.scheduler import Scheduler
from diffdemo.errors import RateError, WorkLimitError
from diffdemo.images import MAX_PIXELS, Pixels, padded_pixels
from diffdemo.models.registry import DEFAULT_MODEL


def bomb(engine: Engine, side: int, steps: int, views: int = 4) -> bytes:
    """A file of few bytes a step, as no encoder of ours would write it, and yet a valid one."""
    fingerprint = bytes.fromhex(engine.model(DEFAULT_MODEL).fingerprint)
    head = FileHead(fingerprint, side, side, 0, 4, growth=1, views=views)
    writer = PayloadWriter(head.rule)
    for number in range(steps):
        stages = writer.rule
        writer.begin_step(384 + 3 * number, stages)
        writer.bits.symbols(np.zeros(stages, np.uint8))
    return head.to_file(writer.bits.to_bytes())


@pytest.fixture(scope="module")
def strict() -> Engine:
    return Engine(device="cpu", threads=1, limits=Limits(pixels=1 << 18, seconds=20.0))


@pytest.mark.parametrize(("side", "steps"), [(512, 438), (256, 500)])
def test_a_small_file_that_asks_for_much_is_refused_before_its_first_step(strict, side, steps):
    data = bomb(strict, side, steps)
    assert len(data) < 10_000
    assert len(strict.describe(data).steps) == steps <= MAX_STEPS
    with pytest.raises(WorkLimitError, match=r"would take about .* one call may take 20 s.*decode FILE"):
        strict.decode(data)


def test_the_sampler_counts_and_so_does_every_sample(strict):
    data = bomb(strict, 256, 12)
    assert next(strict.decode(data)) is not None
    with pytest.raises(WorkLimitError, match="Decoding this file 16 times"):
        strict.samples(data, count=16)


def test_a_file_of_more_pixels_than_are_decoded_here(strict):
    with pytest.raises(WorkLimitError, match=r"holds 2048 x 2048 pixels; at most 262,144 are decoded here"):
        strict.decode(bomb(strict, 2048, 1))


def test_without_limits_nothing_is_refused(engine):
    assert next(engine.decode(bomb(engine, 64, 3))) is not None


def test_many_steps_of_cdc_are_work_too(strict, large_picture):
    *_, last = strict.encode(large_picture, codec="cdc", bpp=0.3)
    with pytest.raises(WorkLimitError, match="would take about"):
        strict.decode(last.data, decoder="stochastic", steps=1000)


def test_a_picture_is_made_as_small_as_an_encode_may_be(strict):
    pixels = np.full((512, 512, 3), 90, np.uint8)
    fitted = strict.fit(pixels, DEFAULT_MODEL, preset="best", bpp=2.0)
    height, width = fitted.pixels.shape[:2]
    assert width == height < 512
    assert "as it was, this would take about" in fitted.note
    assert strict.fit(fitted.pixels, DEFAULT_MODEL, preset="best", bpp=2.0).pixels.shape[0] > 0.9 * height
    assert strict.encode(fitted.pixels, preset="best", bpp=2.0) is not None
    with pytest.raises(WorkLimitError, match="smaller picture, fewer bits or a faster preset"):
        strict.encode(pixels, preset="best", bpp=2.0)


def test_a_picture_has_at_most_so_many_pixels(strict):
    fitted = strict.fit(np.zeros((1024, 512, 3), np.uint8), DEFAULT_MODEL)
    assert fitted.pixels.shape[0] * fitted.pixels.shape[1] <= 1 << 18
    assert "at most 262,144 pixels are compressed here" in fitted.note


def test_impossible_decoders_are_told_before_their_work_is_judged(strict):
    with pytest.raises(RateError, match="has no decoder 'stochastic'"):
        strict.decode(bomb(strict, 512, 438), decoder="stochastic")


class Slow:
    """A network whose evaluations are counted."""

    fingerprint = b"slow"

    def __init__(self) -> None:
        self.count = 0

    def evaluate_once(self, width: int, height: int) -> None:
        self.count += 1


def test_speed_is_measured_once_for_a_model():
    network, estimates = Slow(), Estimates(Scheduler(Device(lanes=1), memory=1).timed)
    first = estimates.seconds(network, Work(1000, 10))
    assert estimates.seconds(network, Work(2000, 10)) == pytest.approx(2 * first)
    searched = estimates.seconds(network, Work(0, 0, searched_bits=120_000), Preset.BEST)
    assert searched == pytest.approx(10.0)
    assert network.count == 2


def test_limits_come_from_the_environment():
    assert Limits.of_page({}) == Limits(MAX_PIXELS, PAGE_SECONDS)
    assert Limits.of_page({"DIFFDEMO_MAX_PIXELS": "1e6", "DIFFDEMO_MAX_SECONDS": "60"}) == Limits(1_000_000, 60.0)
    assert Limits.of_page({"DIFFDEMO_MAX_PIXELS": "1e12"}).pixels == MAX_PIXELS
    for text in ("0", "-5", "many", "nan", "inf"):
        with pytest.raises(ValueError, match=f"DIFFDEMO_MAX_SECONDS is '{text}'; it must be a positive number"):
            Limits.of_page({"DIFFDEMO_MAX_SECONDS": text})


def test_a_little_tolerance():
    require_within(21.0, Limits(seconds=20.0), "This", "")
    words = r"This would take about 23 s here; one call may take 20 s\. Ask for less\."
    with pytest.raises(WorkLimitError, match=words):
        require_within(23.0, Limits(seconds=20.0), "This", "Ask for less.")


def test_padding_counts():
    assert padded_pixels(65535, 1) == 65536 * 64
    assert padded_pixels(64, 128) == 64 * 128


def test_samples_take_the_mean_and_deviation_that_numpy_has(large_picture: Pixels):
    from diffdemo.engine.samples import SPREAD_GAIN, mean_of, spread_of

    pictures = tuple(np.random.default_rng(n).integers(0, 256, (9, 7, 3), np.uint8) for n in range(5))
    stacked = np.asarray(pictures, np.float64)
    assert np.array_equal(mean_of(pictures), np.rint(stacked.mean(axis=0)).astype(np.uint8))
    deviation = np.sqrt(stacked.var(axis=0).mean(axis=2))
    assert np.array_equal(spread_of(pictures)[..., 0], np.clip(np.rint(SPREAD_GAIN * deviation), 0, 255))


def test_a_file_to_go_on_with_is_held_against_the_limits_as_any_that_is_opened(strict):
    data, pixels = bomb(strict, 256, 500), np.zeros((256, 256, 3), np.uint8)
    assert strict.encode(pixels, num_bytes=600) is not None
    with pytest.raises(WorkLimitError, match="Decoding this file"):
        strict.encode(pixels, num_bytes=len(data) + 100, begun=data)


def test_the_preset_of_a_file_to_go_on_with_counts(strict, monkeypatch):
    pixels, asked = np.zeros((64, 64, 3), np.uint8), []
    *_, moment = strict.encode(pixels + np.arange(64, dtype=np.uint8)[:, None], num_bytes=200, preset="best")
    within = strict._allowance._within
    monkeypatch.setattr(strict._allowance, "_within", lambda *args: (asked.append(args[4:]), within(*args))[1])
    strict.encode(pixels, num_bytes=400, begun=moment.data)
    assert asked == [(), (Preset.BEST,)]
