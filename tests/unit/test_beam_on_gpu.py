"""The beam search for GPUs, on one or in Triton's interpreter: the same symbols as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytest.importorskip("triton")

from diffdemo.coding import beam_on_gpu, tree_search  # noqa: E402
from diffdemo.coding.beam import BRANCH_KEYS, search  # noqa: E402
from diffdemo.coding.beam_on_gpu import search_trees  # noqa: E402
from diffdemo.coding.tree_code import TREE_CODES, Classes, TreeStep  # noqa: E402
from diffdemo.coding.tree_search import Search, simulate  # noqa: E402


@pytest.mark.parametrize(
    ("edges", "beam", "log2_rows"),
    [
        ((0, 1), 4, 4),
        ((0, 3), 64, 4),
        ((0, 40), 64, 6),
        ((0, 30, 61), 512, 9),
        ((0, 9), 1 << 18, 5),
        ((0, 7, 14, 22), 1, 4),
    ],
)
def test_the_same_symbols_as_on_the_processor(edges, beam, log2_rows):
    random = np.random.default_rng(beam)
    gains = random.standard_normal((edges[-1], 3, 1 << log2_rows)).astype(np.float32)
    drift = random.uniform(-0.5, 2.0, edges[-1]).astype(np.float32)
    roots = [int(root) for root in random.integers(0, 1 << 32, len(edges) - 1)]
    expected = [
        search(gains[first:last], drift[first:last], beam, log2_rows, root, BRANCH_KEYS)
        for first, last, root in zip(edges[:-1], edges[1:], roots, strict=True)
    ]
    found = search_trees(
        torch.from_numpy(gains).to(DEVICE), torch.from_numpy(drift).to(DEVICE), edges, beam, log2_rows, roots
    )
    assert found.tolist() == np.concatenate(expected).tolist()


def test_equal_scores_and_none_that_survives():
    """All children alike: the histogram has one bin; and a beam so narrow that its threshold lets nobody pass."""
    gains = np.zeros((12, 3, 16), np.float32)
    gains[6:, 1] = 3.0
    for drift in (np.zeros(12, np.float32), np.full(12, 1.5, np.float32)):
        expected = search(gains, drift, 2, 4, 7, BRANCH_KEYS)
        found = search_trees(torch.from_numpy(gains).to(DEVICE), torch.from_numpy(drift).to(DEVICE), (0, 12), 2, 4, [7])
        assert found.tolist() == expected.tolist()


def test_trees_that_do_not_fit_together_are_searched_in_groups(monkeypatch):
    random = np.random.default_rng(1)
    gains = torch.from_numpy(random.standard_normal((50, 3, 16)).astype(np.float32)).to(DEVICE)
    drift, edges, roots = torch.ones(50, device=DEVICE), (0, 10, 20, 30, 40, 50), [1, 2, 3, 4, 5]
    whole = search_trees(gains, drift, edges, 8, 4, roots)
    monkeypatch.setattr(beam_on_gpu, "MOST_PARENTS", 25 * (8 + 1 + 4))
    assert search_trees(gains, drift, edges, 8, 4, roots).tolist() == whole.tolist()


@pytest.mark.parametrize("stages", [5, 40, 1100])
def test_a_whole_step_is_searched_as_on_the_processor(stages, monkeypatch):
    """From scores to symbols; with more than one tree, in groups of one."""
    searching = Search(TREE_CODES[3], 8, 1 << 4)
    step = TreeStep(Classes.single(3 * stages), stages, searching.code)
    mu = np.random.default_rng(0).standard_normal(3 * stages).astype(np.float32)
    expected = simulate(mu, step, searching, key=(1, 2), number=3)
    monkeypatch.setattr(tree_search, "MOST_STAGES", 1)
    monkeypatch.setattr(tree_search, "searches_together", lambda device: True)
    monkeypatch.setattr(tree_search, "search", None)
    assert simulate(mu, step, searching, key=(1, 2), number=3, device=DEVICE).tolist() == expected.tolist()
