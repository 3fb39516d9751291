"""The package with one module's source changed, in this process: nothing on disk is touched."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def path_of(module: str) -> Path:
    """Source of a module that is named as below `diffdemo`: "coding.bits"."""
    return ROOT / "diffdemo" / f"{module.replace('.', '/')}.py"


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, module: str, source: str, uncompiled: Collection[str]) -> None:
        self.name = f"diffdemo.{module}"
        self.path = path_of(module)
        # A compiled function is looked up by the file that it comes from, which knows nothing of the change.
        tree = ast.parse(source.replace("cache=True", "cache=False"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in uncompiled:
                node.decorator_list = []
        self.code = compile(tree, str(self.path), "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(self.code, module.__dict__)


def change(module: str, source: str, uncompiled: Collection[str] = ()) -> None:
    """From now on, one module is imported from another source. Nothing of the package may have been imported yet.

    Args:
        module: below `diffdemo`.
        source: of it, changed.
        uncompiled: its functions that nobody will call, and that numba would take seconds for.
    """
    assert not any(name.startswith("diffdemo") for name in sys.modules)
    sys.meta_path.insert(0, _Changed(module, source, uncompiled))
