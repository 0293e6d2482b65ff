"""The package has no circle of imports and does not fall apart into small modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import omistats

PACKAGE = Path(omistats.__file__).parent


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def runtime_statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk all statements, those in functions too, but not what only type checkers import."""
    ahead: list[ast.AST] = [tree]
    while ahead:
        for child in ast.iter_child_nodes(ahead.pop()):
            if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                continue
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                yield child
                ahead.append(child)


@cache
def read_graph(package: Path) -> dict[str, set[str]]:
    """Map each module to the modules of the package that it imports, at its top or in functions."""
    trees = {
        module_name(path, package): ast.parse(path.read_text("utf-8"))
        for path in package.rglob("*.py")
    }
    graph: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in runtime_statements(tree):
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                # `from a import b` names a module where `a.b` is one, and otherwise `a`.
                named = [f"{node.module}.{alias.name}" for alias in node.names]
                named = [one if one in trees else str(node.module) for one in named]
            else:
                continue
            graph[name].update(one for one in named if one in trees and one != name)
    return graph


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports() -> None:
    assert find_circle(read_graph(PACKAGE)) == []


def test_at_most_180_modules() -> None:
    # One concept, one module: a split that only shortens files would show here.
    assert 100 < len(read_graph(PACKAGE)) <= 180


@pytest.mark.parametrize(
    ("first", "circle"),
    [
        ("def f():\n    from pack.second import g\n", True),
        ("from pack import second\n", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.second\n", False),
        ("import os\n", False),
    ],
)
def test_a_circle_would_be_found(tmp_path: Path, first: str, circle: bool) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text(first)
    (package / "second.py").write_text("import pack.first\n")
    assert bool(find_circle(read_graph(package))) == circle
