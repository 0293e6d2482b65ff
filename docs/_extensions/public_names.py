"""Correct what autodoc and viewcode show of the public names."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer


def show_attrs_signature(*event: Any) -> tuple[str, str] | None:
    """Show the defaults of an attrs class; the generated source says `attr_dict['x'].default`."""
    _app, _what, _name, thing, _options, shown, returns = event
    generated = any(word in (shown or "") for word in ("attr_dict", "NOTHING"))
    if not generated or not inspect.isclass(thing) or not attrs.has(thing):
        return None
    fields = {field.alias: field.default for field in attrs.fields(thing)}
    parameters = []
    for parameter in inspect.signature(thing).parameters.values():
        default = fields[parameter.name]
        if isinstance(default, attrs.Factory):
            default = ... if default.takes_self else default.factory()
        elif default is attrs.NOTHING:
            default = parameter.empty
        parameters.append(parameter.replace(annotation=parameter.empty, default=default))
    return str(inspect.Signature(parameters)), returns


def describe_constant(*event: Any) -> None:
    """Describe a public constant by the text below it in the module that defines it."""
    _app, what, name, _thing, _options, lines = event
    namespace, _, constant = name.rpartition(".")
    if what != "data":
        return
    stub = Path(import_module(namespace).__file__ or "").with_suffix(".pyi")
    if not stub.exists():
        return
    for node in ast.parse(stub.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and constant in [alias.name for alias in node.names]:
            analyser = ModuleAnalyzer.for_module(node.module or "")
            lines[:] = analyser.find_attr_docs()["", constant]


def drop_links_back(_app: Sphinx, page: str, _template: str, context: Any, _tree: object) -> None:
    """Drop links from source to text: viewcode expects all names of a module in one namespace."""
    if page.startswith("_modules/omistats"):
        context["body"] = re.sub(r'<a class="viewcode-back".*?</a>', "", context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the three to the events of the build."""
    app.connect("autodoc-process-signature", show_attrs_signature)
    app.connect("autodoc-process-docstring", describe_constant, priority=900)
    app.connect("html-page-context", drop_links_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
