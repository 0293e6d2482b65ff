"""Every public name is documented in all its parts: what goes in, what comes out, an example.

`test_docstrings.py` runs the examples; here they, and the other parts, have to be there.
"""

from __future__ import annotations

import inspect
import re

import attrs
import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

import omistats

# Rules of numpydoc that are not ours, each with the reason.
NOT_OURS = {
    "GL01": "a summary begins beside the quotation marks, which newer numpydoc allows",
    "ES01": "one sentence can be enough",
    "SA01": "what belongs together stands together on the page of public names",
    "EX01": "a member may be shown in the example of its class, see below",
    "PR01": "what results hold is described under Attributes, see below",
}


def written_here(owner: type) -> dict[str, object]:
    """Give the public methods and properties of a class that this project wrote."""
    found: dict[str, object] = {}
    for base in owner.__mro__:
        if base.__module__.partition(".")[0] == "omistats":
            for name, member in vars(base).items():
                plain = getattr(member, "__func__", member)
                if not name.startswith("_") and (
                    inspect.isfunction(plain) or isinstance(plain, property)
                ):
                    found.setdefault(name, plain)
    return found


def public() -> dict[str, tuple[object, list[type]]]:
    """Give every public object by its full name, and of a member the classes it is of.

    A member that several inherit is named after the first. Data have no docstring of their own;
    the page of public names describes them.
    """
    found: dict[str, tuple[object, list[type]]] = {}
    named: dict[object, str] = {}
    for module in (omistats, omistats.omi2):
        for name in module.__all__:
            thing = getattr(module, name)
            # Behind a cache, too, there is a function.
            thing = inspect.unwrap(thing) if callable(thing) else thing
            if not inspect.isclass(thing) and not inspect.isfunction(thing):
                continue
            full = f"{module.__name__}.{name}"
            found[full] = thing, []
            if inspect.isclass(thing):
                for member, got in written_here(thing).items():
                    first = named.setdefault(got, f"{full}.{member}")
                    found.setdefault(first, (got, []))[1].append(thing)
    return found


PUBLIC = public()


def undescribed(thing: object) -> set[str]:
    """Give the parameters that are neither under Parameters nor, of a result, under Attributes."""
    document = Validator(get_doc_object(thing))
    described = {name for field in document.doc["Attributes"] for name in field.name.split(", ")}
    private = (
        {field.alias for field in attrs.fields(thing) if field.name.startswith("_")}
        if inspect.isclass(thing) and attrs.has(thing)
        else set()
    )
    taken = {name for name in document.signature_parameters if name != "cls"}
    return taken - set(document.doc_all_parameters) - described - private


def has_example(name: str, thing: object, owners: list[type]) -> bool:
    """Tell whether a name is shown at work, by itself or in the example of a class it is of."""
    if get_doc_object(thing)["Examples"]:
        return True
    lines = [line for owner in owners for line in get_doc_object(owner)["Examples"]]
    typed = [line for line in lines if line.lstrip().startswith((">>>", "..."))]
    word = re.compile(rf"(\.|def ){name}\b")
    return any(word.search(line) for line in typed)


def damaged(taken: int, other: int = 0) -> int:
    """Give a number.

    Parameters
    ----------
    taken : int
        It is described, and the other is not.

    Returns
    -------
    int
    """
    return taken + other


def test_what_is_missing_is_found() -> None:
    rules = {code for code, _ in validate(get_doc_object(damaged))["errors"]} - set(NOT_OURS)
    assert rules == {"RT03"}
    assert undescribed(damaged) == {"other"}
    assert not has_example("damaged", damaged, [])
    assert not has_example("nothing", damaged, [omistats.Findings])
    assert has_example("significant", damaged, [omistats.Findings])
    assert {"omistats.Findings.wide", "omistats.omi2.load_good_practice"} <= set(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_part_is_there(name: str) -> None:
    thing, owners = PUBLIC[name]
    found = [rule for rule in validate(get_doc_object(thing))["errors"] if rule[0] not in NOT_OURS]
    assert found == []
    assert undescribed(thing) == set()
    assert has_example(name.rpartition(".")[2], thing, owners), "no example"


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_errors_are_named(name: str) -> None:
    thing, _ = PUBLIC[name]
    document = get_doc_object(thing)
    takes = set(Validator(document).signature_parameters) - {"self", "cls"}
    if inspect.isfunction(thing) and takes:
        assert document["Raises"], "no Raises"
    if inspect.isclass(thing) and attrs.has(thing):
        checked = [field.name for field in attrs.fields(thing) if field.validator is not None]
        if checked or hasattr(thing, "__attrs_post_init__"):
            assert document["Raises"], "no Raises"
