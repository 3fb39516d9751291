"""What counts as a change of the format: each is made once, and a golden test must fail for it.

Two kinds. In the modules of `SCOPES`, every number is changed by a little, wherever it stands; so a constant that
somebody adds is tried without being listed. `BY_HAND` lists what is no number (the order of the views, the order of
bytes, a comparison), and numbers in modules that are the encoder's for the most part.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutation.by_hand import BY_HAND
from tests.mutation.scopes import EQUIVALENT, SCOPES, Scope
from tests.mutation.universe import path_of


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one place in one module, and the golden test files of which one must fail.

    Attributes:
        module: below `diffdemo`.
        line: of the place, from 1.
        old, new: text.
        offset: of the old text in the source.
        tests: names of test files without "test_golden_".
    """

    module: str
    line: int
    old: str
    new: str
    offset: int
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module}:{self.line} at {self.offset}: {self.old} -> {self.new}"

    def source(self) -> str:
        """The module's source with the change."""
        source = path_of(self.module).read_text()
        assert source[self.offset : self.offset + len(self.old)] == self.old
        return source[: self.offset] + self.new + source[self.offset + len(self.old) :]


@functools.cache
def all_mutants() -> list[Mutant]:
    """Every one that a golden test has to notice."""
    return [*by_hand(), *(mutant for scope in SCOPES for mutant in numbers(scope))]


def by_hand() -> Iterator[Mutant]:
    """Those of the list.

    Raises:
        ValueError: a text is not to be found in its module exactly once: the list is out of date.
    """
    for module, old, new, *tests in BY_HAND:
        source = path_of(module).read_text()
        if source.count(old) != 1:
            raise ValueError(f"{module} holds {old!r} {source.count(old)} times; it must be once")
        offset = source.index(old)
        yield Mutant(module, source[:offset].count("\n") + 1, old, new, offset, tuple(tests))


def numbers(scope: Scope) -> Iterator[Mutant]:
    """Each number in a module raised by one, or by a thousandth of itself where it is a fraction."""
    source = path_of(scope.module).read_text()
    lines = source.splitlines(keepends=True)
    for node in _numbers(ast.parse(source), scope.without):
        line = lines[node.lineno - 1]
        if any(fragment in line for fragment, _ in EQUIVALENT.get(scope.module, ())):
            continue
        # Columns count bytes, and some lines are not ASCII.
        start, end = (len(line.encode()[:at].decode()) for at in (node.col_offset, node.end_col_offset or 0))
        new = str(node.value + 1) if isinstance(node.value, int) else repr(float(node.value) * 1.001 or 0.001)
        offset = sum(map(len, lines[: node.lineno - 1])) + start
        yield Mutant(scope.module, node.lineno, line[start:end], new, offset, scope.tests)


def _numbers(tree: ast.AST, without: tuple[str, ...]) -> Iterator[ast.Constant]:
    for node in ast.iter_child_nodes(tree):
        if _name(node) in without:
            continue
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node
        yield from _numbers(node, without)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return str(getattr(node, "name", ""))
