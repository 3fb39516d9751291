"""The budget for loaded models: who fits, who has to go, and what people read when nothing helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diffdemo.engine.hardware import available
from diffdemo.engine.hardware.available import available_memory
from diffdemo.engine.hardware.memory import Budget, default_budget
from diffdemo.errors import MemoryBudgetError
from diffdemo.models.registry import FROM_HUB, SHIPPED, model_spec
from diffdemo.models.spec import GB


def test_half_precision_halves_the_models_of_the_hub_only():
    single, half = Budget(GB), Budget(GB, halves=True)
    for spec in (model_spec("ddpm-cat-256"), model_spec("sdxl")):
        assert half.needed(spec) == single.needed(spec) // 2
    for spec in SHIPPED:
        assert half.needed(spec) == single.needed(spec)


def test_models_share_the_budget():
    budget, cat = Budget(5 * GB), model_spec("ddpm-cat-256")
    assert budget.has_room(cat, [cat])
    assert not budget.has_room(cat, [cat, cat])


def test_what_does_not_fit_says_what_would():
    budget = Budget(3 * GB)
    budget.require(model_spec("ddpm-cat-256"), FROM_HUB)
    with pytest.raises(MemoryBudgetError) as caught:
        budget.require(model_spec("sdxl"), [*SHIPPED, model_spec("ddpm-cat-256"), model_spec("sd-1.5")])
    assert "'sdxl' needs about 20.0 GB" in str(caught.value)
    assert "photo-small, ddpm-cat-256." in str(caught.value)


def test_the_default_is_a_share_of_the_computer_and_a_wish_is_a_wish():
    cpu = torch.device("cpu")
    assert GB < default_budget(cpu).num_bytes < 10_000 * GB
    assert default_budget(cpu, 7 * GB) == Budget(7 * GB)


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer of 64 GB whose shell limits nothing."""
    monkeypatch.setattr(available, "_of_computer", lambda: 64 * GB)
    monkeypatch.setattr("resource.getrlimit", lambda which: (-1, -1))


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"
NO_LIMIT_V1 = "9223372036854771712\n"


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, 64 * GB, id="no groups"),
        pytest.param({f"{V2}/memory.max": "3000000000\n"}, 3 * GB, id="v2, seen as the root"),
        pytest.param({f"{V2}/memory.max": "max\n"}, 64 * GB, id="v2 without a limit"),
        pytest.param(
            {"proc/self/cgroup": "0::/a/b\n", f"{V2}/a/b/memory.max": "2000000000\n"}, 2 * GB, id="v2, nested"
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                f"{V2}/a/b/memory.max": "max\n",
                f"{V2}/a/memory.max": "4000000000\n",
            },
            4 * GB,
            id="v2, limited further out",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a\n",
                f"{V2}/a/memory.max": "5000000000",
                f"{V2}/memory.max": "6000000000",
            },
            5 * GB,
            id="the smallest counts",
        ),
        pytest.param({f"{V1}/memory.limit_in_bytes": "1000000000\n"}, GB, id="v1, seen as the root"),
        pytest.param({f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1}, 64 * GB, id="v1 without a limit"),
        pytest.param(
            {
                "proc/self/cgroup": "12:cpu,cpuacct:/other\n5:memory,hugetlb:/docker/abc\n0::/\n",
                f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1,
                f"{V1}/docker/abc/memory.limit_in_bytes": "2000000000\n",
                f"{V1}/other/memory.limit_in_bytes": "1000\n",
            },
            2 * GB,
            id="v1, nested",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/../../etc\n", f"{V2}/memory.max": "7000000000\n"}, 7 * GB, id="outside of view"
        ),
        pytest.param(
            {"proc/self/cgroup": "nonsense\n\n7:\n", f"{V2}/memory.max": "many\n", f"{V2}/memory/memory.max": "1"},
            64 * GB,
            id="nonsense",
        ),
        pytest.param({f"{V2}/memory.max": "0\n"}, 64 * GB, id="nothing at all"),
        pytest.param({f"{V2}/memory.max/folder": ""}, 64 * GB, id="a folder in place of a file"),
    ],
)
def test_the_limit_of_a_container(files: dict[str, str], expected: int, tmp_path: Path):
    put(tmp_path, files)
    assert available_memory(tmp_path) == expected


def test_the_limit_of_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(available, "_of_computer", lambda: 64 * GB)
    monkeypatch.setattr("resource.getrlimit", lambda which: (3 * GB, -1))
    assert available_memory(tmp_path) == 3 * GB
    put(tmp_path, {f"{V2}/memory.max": "2000000000"})
    assert available_memory(tmp_path) == 2 * GB


def test_the_budget_is_a_share_of_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("diffdemo.engine.hardware.memory.available_memory", lambda: 10 * GB)
    assert default_budget(torch.device("cpu")).num_bytes == 6 * GB
