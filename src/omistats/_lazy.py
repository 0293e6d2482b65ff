"""Import public names when they are first used.

The stub ``__init__.pyi`` lists every public name and the module that defines it. Readers and type
checkers use it as it is. At run time names are imported from the modules it lists (PEP 562), so
that ``import omistats`` loads neither NumPy nor pyarrow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["public_index"]


def public_index(module: str, stub: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a module from its stub.

    Parameters
    ----------
    module : str
        The module's ``__name__``.
    stub : str
        Name of the stub in the same folder, such as ``'__init__.pyi'``.

    Returns
    -------
    getattr, dir : callable
        As PEP 562 describes them.
    """
    sources: dict[str, str] = {}

    def load() -> dict[str, str]:
        if not sources:
            sources.update(_read_stub(module, stub))
        return sources

    def find(name: str) -> Any:
        if name == "__all__":
            return sorted(load())
        found = None if name.startswith("__") else load().get(name)
        if found is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        source = _import_module(found)
        # A namespace such as `omistats.stats` is itself a module.
        value = source if found == f"{module}.{name}" else getattr(source, name)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *load()})

    return find, names


def _import_module(name: str) -> Any:
    from importlib import import_module

    return import_module(name)


def _read_stub(module: str, stub: str) -> dict[str, str]:
    """Map each public name of a stub to the module that defines it."""
    import ast
    from pkgutil import get_data

    text = get_data(module, stub)
    sources: dict[str, str] = {}
    for node in ast.parse(text or b"").body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                is_submodule = node.module == module
                sources[alias.asname or alias.name] = (
                    f"{module}.{alias.name}" if is_submodule else node.module
                )
    return sources
