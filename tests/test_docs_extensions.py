"""What the documentation's own extensions of Sphinx make of code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from docutils import nodes
from docutils.utils import new_document

FOLDER = Path(__file__).parents[1] / "docs" / "_extensions"


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@attrs.define
class Shown:
    only: int = attrs.field(kw_only=True, default=3)
    first: int
    _hidden: str = "x"
    made: list[int] = attrs.field(factory=list)
    follows: int = attrs.field(default=attrs.Factory(lambda self: self.first, takes_self=True))


@pytest.mark.parametrize("signature", ["(first, made=NOTHING)", "(x=attr_dict['x'].default)"])
def test_an_attrs_class_shows_its_defaults(signature: str) -> None:
    shown = extension("attrs_signatures").show(None, "class", "Shown", Shown, {}, signature, "")
    assert shown == ("(first, hidden='x', made=[], follows=Ellipsis, *, only=3)", "")


def test_what_is_written_by_hand_keeps_its_signature() -> None:
    show = extension("attrs_signatures").show
    assert show(None, "class", "Shown", Shown, {}, "(first)", "") is None
    assert show(None, "class", "dict", dict, {}, "(x=NOTHING)", "") is None
    assert show(None, "class", "Shown", Shown, {}, None, None) is None


def test_blocks_with_a_long_line_are_folded() -> None:
    module = extension("long_lines")
    document = new_document("page")
    long = "a message " * 20
    blocks = [nodes.literal_block(text, text) for text in ("short", f"short\n{long}", "x" * 130)]
    document += blocks
    module.mark(None, document, "page")
    assert [block["classes"] for block in blocks] == [[], ["long-lines"], []]
