"""FID and KID: their formulas against others', patches, and the network of the package with random weights."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg

from diffdemo.errors import WeightsError
from diffdemo.metrics.sets import inception
from diffdemo.metrics.sets.inception import FEATURES, HOW_TO_GET, PATCH, TRUNK, fid, kid, missing, patch_features
from diffdemo.metrics.sets.patches import squared_mmd

WIDTH = 24


def described(seed: int, pictures: int = 5, patches: int = 9, shift: float = 0.0) -> list[np.ndarray]:
    """Correlated numbers, as of so many pictures; of some there are fewer patches."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(0, 1, (WIDTH, WIDTH))
    sizes = [patches - number % 2 for number in range(pictures)]
    return [(rng.normal(shift, 1, (size, WIDTH)) @ mixing / WIDTH).astype(np.float16) for size in sizes]


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Heusel et al. 2017, equation 6, as it is written."""
    root = linalg.sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
    traces = np.trace(np.cov(x, rowvar=False) + np.cov(y, rowvar=False) - 2 * root)
    return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + traces)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_frechet_distance_is_that_of_its_formula(shift: float) -> None:
    x, y = described(1), described(2, shift=shift)
    expected = frechet(*(np.concatenate(side).astype(np.float64) for side in (x, y)))
    found = fid(x, y)
    assert found is not None
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.pictures == 5


def test_it_needs_no_more_patches_than_numbers() -> None:
    """Covariances have no inverse then, and their root is not to be had by Newton's iteration."""
    x, y = described(1, pictures=2, patches=4), described(2, pictures=2, patches=4)
    a, b = (np.concatenate(side).astype(np.float64) for side in (x, y))
    values = np.linalg.eigvals(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).astype(complex)
    expected = (
        ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + a.var(axis=0, ddof=1).sum() + b.var(axis=0, ddof=1).sum()
    )
    assert fid(x, y).value == pytest.approx(expected - 2 * np.sqrt(values).real.sum(), rel=1e-5)


def test_equal_sets_are_not_apart_and_worse_ones_are_further() -> None:
    x = described(1)
    for metric in (fid, kid):
        values = [metric(x, described(1, shift=shift)).value for shift in (0.0, 0.5, 2.0)]
        assert values[0] == pytest.approx(0, abs=1e-9)
        assert values == sorted(values)
    assert fid([x[0][:1]], [x[0][:1]]) is None
    assert kid(x[:1], x[:1]) is None


def test_kid_is_the_mean_over_pairs_of_patches_of_different_pictures() -> None:
    """With one patch a picture this is the u-statistic of the package torch-fidelity."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a.astype(np.float64) @ b.astype(np.float64) / WIDTH + 1) ** 3)

    x, y = described(1, patches=1 + 1)[::2], described(2, patches=1 + 1)[::2]
    pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    terms = [
        np.mean([[k(a, b) for b in q] for a in p])
        for i, j in pairs
        for p, q in ((x[i], x[j]), (y[i], y[j]))
    ]  # fmt: skip
    crossed = [np.mean([[k(a, b) for b in q] for a in p]) for i, j in pairs for p, q in ((x[i], y[j]), (y[i], x[j]))]
    found = kid(x, y)
    assert found.value == pytest.approx((sum(terms) - sum(crossed)) / len(pairs), rel=1e-9)
    assert found.error is not None


def test_of_many_patches_a_part_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = ([each.astype(np.float64) for each in described(seed, pictures=12)] for seed in (1, 2))
    assert squared_mmd(x, y).pictures == 12
    monkeypatch.setattr("diffdemo.metrics.sets.patches.MOST_PATCHES", 40)
    assert squared_mmd(x, y) == squared_mmd(x[::3], y[::3])
    monkeypatch.setattr("diffdemo.metrics.sets.patches.MOST_PATCHES", 1)
    assert squared_mmd(x, y).pictures == 2, "with one there is nothing to compare"


def test_patches_lie_on_two_grids_and_small_squares_are_whole() -> None:
    rows, columns = np.mgrid[0:512, 0:768]
    picture = np.stack([rows // 128, columns // 128, rows * 0], axis=2).astype(np.uint8)
    places = [tuple(patch[0, 0, :2]) for patch in inception._patches(picture)]
    assert places == [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4), (1, 1), (1, 3)]
    assert {patch.shape for patch in inception._patches(picture)} == {(PATCH, PATCH, 3)}
    (whole,) = inception._patches(picture[:64, :64])
    assert whole.shape == (64, 64, 3)


def put(folder: Path, monkeypatch: pytest.MonkeyPatch, state: object) -> Path:
    """A file where `torch.hub` keeps the weights, with the digest that is expected."""
    path = folder / "hub" / "checkpoints" / TRUNK
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    monkeypatch.setenv("TORCH_HOME", str(folder))
    monkeypatch.setattr(inception, "TRUNK_SHA256", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """The package's network; its weights, random ones, are where they belong."""
    if importlib.util.find_spec("torch_fidelity") is None:
        pytest.skip("the package torch-fidelity is not installed")
    kind = inception._module().FeatureExtractorInceptionV3
    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with monkeypatch.context() as patched:
        patched.setattr(torch.nn.Module, "load_state_dict", lambda self, state: None)
        torch.manual_seed(3)
        made = kind("inception", [str(FEATURES)], empty)
    for layer in made.modules():  # As PyTorch begins, hardly anything would come through so many layers.
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    put(tmp_path, monkeypatch, made.state_dict())
    return made


def test_features_are_those_of_the_network(network: torch.nn.Module, large_picture: np.ndarray) -> None:
    assert missing() == ""
    found, side = patch_features(large_picture), min(large_picture.shape[:2])
    assert found.shape == (1, FEATURES)
    assert found.mean() > 0.01
    with torch.inference_mode():
        (expected,) = network(torch.from_numpy(large_picture[:side, :side].copy()).permute(2, 0, 1)[None])
    np.testing.assert_array_equal(found, expected.numpy().astype(np.float16))
    assert "torch_fidelity" not in sys.modules, "whoever wants the whole package gets it"


def test_without_weights_it_is_said_where_they_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("torch_fidelity") is None:
        assert "torch-fidelity" in missing()
        return
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert f"belong at {tmp_path / 'hub' / 'checkpoints' / TRUNK}" in missing()
    with pytest.raises(WeightsError, match="belong at"):
        patch_features(np.zeros((64, 64, 3), np.uint8))


class _Code:
    """Would be executed by whoever unpickles it."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("executed",))


@pytest.mark.parametrize("state", [{"fc.bias": torch.zeros(3)}, {"a": _Code()}])
def test_other_weights_are_refused_and_nothing_in_them_is_executed(
    state: object, network: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "other", monkeypatch, state)
    assert "are not those of Inception" in missing() or "cannot be read as weights" in missing()
    monkeypatch.setattr(inception, "TRUNK_SHA256", "6726825d")
    assert "begins with" in missing()


def test_the_real_digest_is_that_of_the_name_and_the_command_checks_it() -> None:
    assert TRUNK.removesuffix(".pth").rsplit("-")[-1] == inception.TRUNK_SHA256
    assert f"{TRUNK}', check_hash=True, weights_only=True" in HOW_TO_GET[1]
