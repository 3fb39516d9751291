"""Sources and curves of the theory page, and the real codec landing on them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.errors import ImageError, RateError
from diffdemo.theory import real_files
from diffdemo.theory.closed_forms import posterior_mean, rate_at
from diffdemo.theory.real_files import Landings, RunProgress
from diffdemo.theory.sources import (
    LOWEST_SNR_DB,
    SCHEMES,
    STEEPEST_EXPONENT,
    TOP_SNR_DB,
    Source,
    curves,
    from_blocks,
    mark,
    most_bits,
    power_law,
)


@pytest.mark.parametrize("exponent", [0, 1.5, 2.5])
def test_power_laws_have_a_mean_variance_of_one(exponent):
    variances = power_law(exponent).array
    assert len(variances) == 256
    assert variances.mean() == pytest.approx(1)
    assert variances[15] / variances[0] == pytest.approx(16**-exponent)


@pytest.mark.parametrize("exponent", [-0.1, STEEPEST_EXPONENT + 0.1, math.nan])
def test_exponents_out_of_range_are_refused(exponent):
    with pytest.raises(RateError, match="exponent"):
        power_law(exponent)


def test_blocks_of_white_noise_are_white():
    noise = np.clip(128 + 20 * np.random.default_rng(0).standard_normal((256, 256, 3)), 0, 255).astype(np.uint8)
    variances = from_blocks(noise).array
    assert len(variances) == 192
    assert variances.mean() == pytest.approx(1)
    assert variances.max() < 1.5
    assert variances.min() > 0.6


def test_blocks_of_a_smooth_picture_have_their_variance_in_few_components(gradient):
    variances = from_blocks(gradient).array
    assert variances[:3].sum() > 0.99 * variances.sum()
    assert (np.diff(variances) <= 0).all()
    assert variances.min() > 0


def test_blocks_have_the_picture_s_variance():
    """The eigenvalues sum to the variance of the pixels, which every position in a block shares."""
    rows = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 256, axis=1)
    picture = np.random.default_rng(1).permuted(np.stack([rows] * 3, axis=2), axis=0)
    per_component = float(np.var(picture.astype(float), axis=(0, 1)).mean())
    blocks = np.lib.stride_tricks.sliding_window_view(picture, (8, 8), axis=(0, 1))[::2, ::2].reshape(-1, 192)
    assert np.trace(np.cov(blocks, rowvar=False)) / 192 == pytest.approx(per_component, rel=0.02)
    assert from_blocks(picture).array.max() < 2


@pytest.mark.parametrize("shape", [(31, 200, 3), (200, 31, 3)])
def test_small_pictures_cannot_be_measured(shape):
    with pytest.raises(ImageError, match="32 a side"):
        from_blocks(np.zeros(shape, np.uint8))


def test_a_picture_of_one_colour_has_no_spectrum():
    with pytest.raises(ImageError, match="no spectrum"):
        from_blocks(np.full((64, 64, 3), 77, np.uint8))


@pytest.mark.parametrize("exponent", [0, 1.5, 2.5])
def test_curves_fill_the_plot(exponent):
    source = power_law(exponent)
    drawn = {curve.scheme: curve for curve in curves(source)}
    assert list(drawn) == list(SCHEMES)
    last = most_bits(source)
    for curve in drawn.values():
        assert curve.bits[-1] == pytest.approx(last, rel=1e-6)
        assert (np.diff(curve.bits) > 0).all()
        assert (np.diff(curve.snr_db) >= 0).all()
        assert curve.snr_db[0] >= LOWEST_SNR_DB
    assert drawn["mean"].snr_db[-1] == pytest.approx(TOP_SNR_DB)


def test_a_mark_agrees_with_the_curves():
    source = power_law(1.5)
    chosen = mark(source, 0.5)
    for curve in curves(source):
        assert chosen.snr_db[curve.scheme] == pytest.approx(np.interp(0.5, curve.bits, curve.snr_db), abs=0.05)
    assert chosen.flow_bits["flow"] == pytest.approx(0.5)
    assert chosen.flow_bits["shannon"] < chosen.flow_bits["mean"] < 0.5 < chosen.flow_bits["ancestral"]
    assert 0 < chosen.gap_db < 3.02


@pytest.mark.parametrize(("bits", "shown"), [(-1.0, 0.001), (99.0, 1.0)])
def test_marks_stay_in_the_plot(bits, shown):
    source = power_law(1.5)
    assert mark(source, bits).bits == pytest.approx(shown * most_bits(source))


def land(source: Source, *shares: float, landings: Landings | None = None) -> list[RunProgress]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_files, "SHARES", shares)
        return list((landings or Landings()).run(source))


@pytest.mark.parametrize(
    ("exponent", "most_overhead", "ancestral_db"),
    [(0, 0.12, 0.12), (1.5, 0.15, 0.25), (2.5, 0.20, 0.75)],
)
def test_real_files_land_on_the_curves(exponent, most_overhead, ancestral_db):
    """The rate is 4 % at least over the closed form: the tree code alone takes that; the SNR is within the given dB."""
    source = power_law(exponent)
    (landed,) = land(source, 0.35)[-1].landings
    assert 0.04 < landed.overhead < most_overhead
    off = {name: landed.snr_db[name] - landed.expected_db[name] for name in landed.snr_db}
    assert abs(off["mean"]) < 0.1
    assert abs(off["flow"]) < 0.1
    assert abs(off["ancestral"]) < ancestral_db
    assert landed.snr_db["ancestral"] < landed.snr_db["flow"] < landed.snr_db["mean"]
    ideal = rate_at(posterior_mean, source.array, np.array([10 ** (-landed.expected_db["mean"] / 10)]))
    assert landed.ideal_bits == pytest.approx(float(ideal[0]), rel=1e-6)


def test_files_have_the_size_that_was_asked_for():
    source = power_law(2.0)
    (landed,) = land(source, 0.1)[-1].landings
    assert landed.bits == pytest.approx(0.1 * most_bits(source), rel=0.02)


def test_runs_report_their_progress():
    moments = land(power_law(1.5), 0.04, 0.06)
    shares = [moment.share_done for moment in moments]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [moment.done for moment in moments] == [False] * (len(moments) - 1) + [True]
    assert len(moments) > 10


def test_runs_are_remembered_and_go_on_where_they_stopped():
    landings, source = Landings(), power_law(1.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_files, "SHARES", (0.04, 0.06))
        run = landings.run(source)
        for moment in run:
            if moment.landings:
                break
        run.close()
        (first,) = landings.known(source)
        again = list(landings.run(source))
    assert again[-1].landings[0] is first
    assert len(again[-1].landings) == 2
    assert len(land(source, 0.04, 0.06, landings=landings)) == 1
    assert landings.known(power_law(1.4)) == ()


def test_old_runs_are_forgotten(monkeypatch):
    monkeypatch.setattr(real_files, "_MAX_SOURCES", 1)
    landings = Landings()
    for exponent in (1.5, 1.6):
        land(power_law(exponent), 0.04, landings=landings)
    assert landings.known(power_law(1.5)) == ()
    assert landings.known(power_law(1.6))


def test_draws_have_the_variance_that_they_should_have():
    draws = real_files._stratified(108, 256).numpy()
    assert draws.var() == pytest.approx(1, abs=0.01)
    assert np.abs(draws.var(axis=0) - 1).max() < 0.12
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.3
