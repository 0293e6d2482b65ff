"""Signatures of attrs classes with the defaults that their fields have.

Defaults are shown as the source has them, but the source of such a constructor is made by attrs and
says `attr_dict['test'].default`, or `NOTHING` for what is made anew each time.
"""

from __future__ import annotations

import inspect
from typing import Any

import attrs
from sphinx.application import Sphinx


def default(field: attrs.Attribute[Any]) -> object:
    """Give the default of a field, or none where it has to be passed."""
    if field.default is attrs.NOTHING:
        return inspect.Parameter.empty
    if not isinstance(field.default, attrs.Factory):
        return field.default
    if field.default.takes_self:
        return ...  # it depends on the other fields
    return field.default.factory()


def show(*read: Any) -> tuple[str, str] | None:
    """Write the signature of an attrs class; what is not one keeps its own."""
    _app, _what, _name, thing, _options, signature, returns = read
    made = any(name in (signature or "") for name in ("attr_dict", "NOTHING"))
    if not made or not inspect.isclass(thing) or not attrs.has(thing):
        return None
    kind = inspect.Parameter
    parameters = [
        kind(
            field.alias,
            kind.KEYWORD_ONLY if field.kw_only else kind.POSITIONAL_OR_KEYWORD,
            default=default(field),
        )
        for field in attrs.fields(thing)
        if field.init
    ]
    parameters.sort(key=lambda one: one.kind)
    return str(inspect.Signature(parameters)), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Write them when autodoc has read a class."""
    app.connect("autodoc-process-signature", show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
