"""Who may import whom, so that the layers stay layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "diffdemo"
MAX_FILES = 15
"""In a folder of the package."""
MAX_LINES = 350
"""In a file of it."""

LEAVES = {"atomic", "errors", "images", "metrics", "pictures", "plain_text", "shipped"}
ALLOWED = {
    "errors": set(),
    "atomic": set(),
    "plain_text": set(),
    "shipped": set(),
    "images": {"errors"},
    "metrics": {"errors", "images", "shipped"},
    "pictures": {"errors", "images"},
    "coding": {"errors"},
    "diffusion": {"coding", "errors", "images"},
    "models": {"atomic", "diffusion", "errors", "images", "shipped"},
    "hub": {"atomic", "errors", "models"},
    "codecs": {"coding", "diffusion", "models"} | LEAVES,
    "engine": {"codecs", "coding", "diffusion", "hub", "models"} | LEAVES,
    "theory": {"codecs", "models"} | LEAVES,
    "measure": {"", "codecs", "coding", "diffusion", "engine", "hub", "models", "theory"} | LEAVES,
    "training": {"diffusion", "models"} | LEAVES,
    "ui": {"engine", "theory"} | LEAVES,
    "api": {"engine", "inputs"} | LEAVES,
    "inputs": {"errors"},
    "cli": {"", "codecs", "engine", "hub", "inputs", "models", "training"} | LEAVES,
    "__main__": {"cli"},
    "": {"api", "engine", "errors"},
}
"""Part of the package -> parts it may import; "" is the package's own `__init__`."""

FORBIDDEN = {part: {"gradio"} for part in ALLOWED if part != "ui"} | {"ui": {"torch", "numba"}}
"""Part -> packages of others that it must not import."""


def imports(source: str, module: str) -> set[str]:
    """Absolute names of everything that a module's source imports, wherever in it; relative ones are resolved.

    `from a import b` counts as `a.b`: b may be a module.
    """
    package = module if module.endswith("__init__") else module.rpartition(".")[0]
    package = package.removesuffix(".__init__")
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def part_of(name: str, parts: set[str]) -> str:
    """The part of the package that an absolute name lies in."""
    first = name.split(".")[1] if "." in name else ""
    return first if first in parts else ""


def violations(source: str, module: str) -> list[str]:
    parts = set(ALLOWED)
    own = part_of(module, parts)
    wrong = []
    for name in imports(source, module):
        top = name.split(".")[0]
        if name == "diffdemo.__version__":
            continue
        if top != "diffdemo":
            if top in FORBIDDEN[own]:
                wrong.append(f"{own} imports {top}")
        elif (other := part_of(name, parts)) not in ALLOWED[own] | {own}:
            wrong.append(f"{own} imports {other or 'diffdemo'}")
    return wrong


def modules() -> dict[str, Path]:
    return {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_point_downwards(module: str) -> None:
    assert violations(modules()[module].read_text(), module) == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    known = modules()
    names = {name.removesuffix(".__init__"): name for name in known}
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        found = imports(path.read_text(), name)
        # `a.b.c` is a module, or a name out of the module `a.b`.
        targets = {names.get(each) or names.get(each.rpartition(".")[0]) for each in found}
        graph[name] = {target for target in targets if target and target != name}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("folder", sorted({path.parent for path in modules().values()}))
def test_a_folder_can_be_taken_in_at_a_glance(folder: Path) -> None:
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MAX_FILES, f"{folder.name} wants rooms"


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_file_can_be_read_in_one_go(module: str) -> None:
    assert len(modules()[module].read_text().splitlines()) <= MAX_LINES


def test_every_part_has_rules() -> None:
    parts = {name.split(".")[1] for name in modules()} - {"__init__"}
    assert parts == set(ALLOWED) - {""}


@pytest.mark.parametrize(
    ("source", "module", "expected"),
    [
        ("from diffdemo.ui.app import build_app", "diffdemo.engine.engine", "engine imports ui"),
        ("import diffdemo.engine", "diffdemo.coding.beam", "coding imports engine"),
        ("from ..engine import records", "diffdemo.coding.beam", "coding imports engine"),
        ("from .. import engine", "diffdemo.codecs.base", "codecs imports engine"),
        ("from ..ui import app", "diffdemo.engine.__init__", "engine imports ui"),
        ("from diffdemo import codecs", "diffdemo.diffusion.posterior", "diffusion imports codecs"),
        ("def f():\n    import gradio.blocks", "diffdemo.engine.engine", "engine imports gradio"),
        ("from torch import Tensor", "diffdemo.ui.app", "ui imports torch"),
        ("from diffdemo.codecs import base", "diffdemo.ui.app", "ui imports codecs"),
    ],
)
def test_planted_violations_are_found(source: str, module: str, expected: str) -> None:
    assert violations(source, module) == [expected]


def test_allowed_imports_are_not_reported() -> None:
    assert violations("from . import records\nfrom ..codecs.base import Codec", "diffdemo.engine.engine") == []


@pytest.mark.parametrize(
    "module", ["diffdemo", "diffdemo.cli.parser", "diffdemo.cli.commands", "diffdemo.cli.terminal"]
)
def test_the_command_line_starts_without_heavy_packages(module: str) -> None:
    script = (
        f"import sys, {module}; print(*{{'torch', 'gradio', 'numba', 'numpy', 'PIL', 'plotly'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
