"""Whoever changes what bits mean is told so: every change that could do it is made, and a golden test must fail.

python -m pytest tests/mutation -m slow -s       all of them, in two processes
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mutation.by_hand import BY_HAND
from tests.mutation.mutants import Mutant, all_mutants, numbers
from tests.mutation.scopes import EQUIVALENT, SCOPES, Scope
from tests.mutation.universe import ROOT, path_of

WORKERS = 2
MAX_SECONDS = 900
SPEAKS_OF_IT = {"codecs.diffc_plan", "coding.tree_search"}
"""Say that nothing in them is normative."""


def modules() -> dict[str, str]:
    """Name below `diffdemo` -> source, of every module with the word."""
    package = ROOT / "diffdemo"
    sources = {
        ".".join(path.relative_to(package).with_suffix("").parts): path.read_text() for path in package.rglob("*.py")
    }
    return {name: source for name, source in sources.items() if "normative" in source}


def test_every_module_that_calls_itself_normative_is_tried() -> None:
    tried = {scope.module for scope in SCOPES} | {module for module, *_ in BY_HAND}
    assert set(modules()) - SPEAKS_OF_IT <= tried
    assert len(modules()) > 12


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.module)
def test_every_constant_of_a_normative_module_is_tried(scope: Scope) -> None:
    """Also those that are no numbers; what is left out has a reason."""
    source = path_of(scope.module).read_text()
    tried = {line for mutant in all_mutants() if mutant.module == scope.module for line in lines_of(mutant)}
    tried |= {n for n, line in enumerate(source.splitlines(), 1) if is_excused(scope.module, line)}
    untried = {
        name
        for node in ast.parse(source).body
        if (name := constant(node)) and not tried & set(range(node.lineno, (node.end_lineno or 0) + 1))
    }
    assert untried <= {*scope.without, *NO_CHOICE}


NO_CHOICE = {
    "BRANCHES",
    "SCALE_FRACTION_BITS",
    "SCALE_THRESHOLDS",
    "_INVERSES",
    "DAMAGED",
    "TREE_CODES",
    "TREES",
    "NUM_CLASSES",
    "MAX_VIEWS",
}
"""Constants that follow from others, or are words for users."""


def is_excused(module: str, line: str) -> bool:
    return any(fragment in line for fragment, _ in EQUIVALENT.get(module, ()))


def lines_of(mutant: Mutant) -> range:
    return range(mutant.line, mutant.line + mutant.old.count("\n") + 1)


def constant(node: ast.stmt) -> str:
    """The name, in capitals, that a statement gives a value to."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    target = targets[0]
    return target.id if isinstance(target, ast.Name) and target.id.isupper() else ""


def test_nothing_is_excused_that_is_not_there() -> None:
    for module, fragments in EQUIVALENT.items():
        for fragment, reason in fragments:
            assert fragment in path_of(module).read_text(), (module, fragment)
            assert reason


def test_every_change_is_one() -> None:
    mutants = all_mutants()
    assert len(mutants) > 300
    assert len({str(mutant) for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        assert mutant.old != mutant.new, str(mutant)
        assert mutant.tests, str(mutant)
        ast.parse(mutant.source())
    assert len(list(numbers(SCOPES[0]))) > 20


@pytest.mark.slow
def test_no_change_of_the_format_goes_unnoticed(tmp_path: Path) -> None:
    begun = time.monotonic()
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        # A changed loop may write beyond its array; and what is compiled with such checks is nobody else's.
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.worker", str(share), str(WORKERS)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in range(WORKERS)
    ]
    outcomes: dict[str, bool] = {}
    for worker in workers:
        said, _ = worker.communicate(timeout=MAX_SECONDS)
        assert worker.returncode == 0
        outcomes |= dict(json.loads(line) for line in said.splitlines())
    assert outcomes.pop("unchanged") is False
    print(f"\n{len(outcomes)} changes in {time.monotonic() - begun:.0f} s, all noticed: {all(outcomes.values())}")
    assert [name for name, killed in outcomes.items() if not killed] == []
    assert len(outcomes) == len(all_mutants())
