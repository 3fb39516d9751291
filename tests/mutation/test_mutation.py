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
from tests.mutation.mutants import all_mutants, numbers
from tests.mutation.scopes import EQUIVALENT, SCOPES
from tests.mutation.universe import ROOT, path_of

WORKERS = 2
MAX_SECONDS = 900
SPEAKS_OF_IT = {"codecs.diffc_plan"}
"""Says that nothing in it is normative; the one bound of it that is, is tried by hand."""


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
def test_every_constant_of_a_normative_module_is_tried(scope) -> None:
    """Also those that are no numbers; what is left out has a reason."""
    tried = {line for mutant in all_mutants() if mutant.module == scope.module for line in _lines_of(mutant)}
    excused = [fragment for fragment, _ in EQUIVALENT.get(scope.module, ())]
    source = path_of(scope.module).read_text()
    missing = []
    for node in ast.parse(source).body:
        name = _constant(node)
        text = ast.get_source_segment(source, node) or ""
        if name and name not in scope.without and not tried & set(range(node.lineno, (node.end_lineno or 0) + 1)):
            derived = not any(isinstance(part, ast.Constant) for part in ast.walk(node.value))
            missing += [] if derived or any(fragment in text for fragment in excused) else [name]
    assert missing == ["DAMAGED"] * (scope.module == "coding.range_coder")


def _lines_of(mutant) -> range:
    return range(mutant.line, mutant.line + mutant.old.count("\n") + 1)


def _constant(node: ast.stmt) -> str:
    target = (
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    )
    return target.id if isinstance(target, ast.Name) and target.id.isupper() else ""


def test_nothing_is_excused_that_is_not_there() -> None:
    for module, fragments in EQUIVALENT.items():
        for fragment, reason in fragments:
            assert fragment in path_of(module).read_text(), (module, fragment)
            assert reason


def test_every_change_is_one() -> None:
    mutants = all_mutants()
    assert len(mutants) > 300
    for mutant in mutants:
        source = path_of(mutant.module).read_text()
        assert ast.dump(ast.parse(mutant.source())) != ast.dump(ast.parse(source)), str(mutant)
        assert mutant.tests, str(mutant)
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
