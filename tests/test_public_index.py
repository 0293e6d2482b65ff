"""The stubs are the index of public names, and what they promise holds at run time."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import omistats as oms

PACKAGE = Path(oms.__file__).parent
STUBS = {
    "omistats": "__init__.pyi",
    "omistats.stats": "stats.pyi",
    "omistats.forensics": "forensics/__init__.pyi",
    "omistats.sampling": "sampling/__init__.pyi",
    "omistats.programmes": "programmes/__init__.pyi",
    "omistats.mappings": "mappings/__init__.pyi",
    "omistats.omi2": "omi2/__init__.pyi",
}


def read_stub(namespace: str) -> Iterator[tuple[str, str]]:
    """Yield each public name and the module that the stub imports it from."""
    for node in ast.parse((PACKAGE / STUBS[namespace]).read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name, "only `x as x` is exported by a stub"
                yield alias.name, node.module or ""


NAMES = [(namespace, name, module) for namespace in STUBS for name, module in read_stub(namespace)]


def run(program: str) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_stub_is_an_index() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.pyi")}
    assert found == set(STUBS.values())


@pytest.mark.parametrize(("namespace", "name", "module"), NAMES)
def test_a_public_name_is_what_its_module_defines(namespace: str, name: str, module: str) -> None:
    public = getattr(importlib.import_module(namespace), name)
    if namespace == module:  # a namespace within the namespace
        assert public is importlib.import_module(f"{namespace}.{name}")
        return
    assert public is getattr(importlib.import_module(module), name)
    if isinstance(public, type) or callable(public):
        assert public.__module__ == module, "defined elsewhere"


@pytest.mark.parametrize("namespace", STUBS)
def test_dir_and_all_list_the_names_of_the_stub(namespace: str) -> None:
    names = {name for name, _ in read_stub(namespace)}
    module = importlib.import_module(namespace)
    assert set(module.__all__) == names
    assert names <= set(dir(module))


@pytest.mark.parametrize("namespace", STUBS)
def test_a_star_import_binds_the_names_of_the_stub(namespace: str) -> None:
    names = {name for name, _ in read_stub(namespace)}
    bound: dict[str, object] = {}
    exec(f"from {namespace} import *", bound)
    assert bound.keys() - {"__builtins__"} == names


@pytest.mark.parametrize("namespace", STUBS)
def test_an_unknown_name_is_an_attribute_error(namespace: str) -> None:
    module = importlib.import_module(namespace)
    with pytest.raises(AttributeError, match=f"'{namespace}' has no attribute 'recompoot'"):
        _ = module.recompoot
    assert not hasattr(module, "__wrapped__")


def test_importing_the_package_loads_neither_numpy_nor_pyarrow() -> None:
    program = """
import json, sys
import omistats, omistats.stats, omistats.forensics, omistats.sampling, omistats.omi2
dir(omistats), omistats.__version__
print(json.dumps(sorted(sys.modules)))
"""
    loaded = set(json.loads(run(program)))
    assert "omistats.omi2" in loaded
    assert loaded.isdisjoint({"numpy", "pyarrow", "attrs"})


def test_submodules_never_hide_public_names() -> None:
    # Importing `a.b` binds `b` in `a`, so a submodule named like a public name would replace it.
    program = f"""
import importlib, json, pkgutil, types
import omistats
for module in pkgutil.walk_packages(omistats.__path__, "omistats."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
names = {[(namespace, name) for namespace, name, module in NAMES if namespace != module]!r}
modules = [
    f"{{namespace}}.{{name}}"
    for namespace, name in names
    if isinstance(getattr(importlib.import_module(namespace), name), types.ModuleType)
]
print(json.dumps([modules, callable(omistats.scores), callable(omistats.omi2.practice)]))
"""
    assert json.loads(run(program)) == [[], True, True]
