"""Docstrings: every example runs, and public names are documented as numpydoc asks."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

import omistats

NAMESPACES = (
    omistats,
    omistats.stats,
    omistats.forensics,
    omistats.sampling,
    omistats.omi2,
)

# Rules of numpydoc that we do not follow.
IGNORED = {
    "GL01",  # a summary begins beside the quotation marks, which newer numpydoc allows
    "ES01",  # one sentence can be enough
    "SA01",  # the page of public names groups what belongs together
}
IGNORED_FOR_CLASSES = {
    "PR01",  # what a result holds is described under Attributes
}
IGNORED_FOR_MEMBERS = {
    "EX01",  # the example of the class shows them
}


def find_examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [m.name for m in pkgutil.walk_packages(omistats.__path__, "omistats.")]
    names = ["omistats", *(name for name in modules if not name.endswith("__main__"))]
    found = (test for name in names for test in finder.find(importlib.import_module(name), name))
    return [test for test in found if test.examples]


def public_objects() -> dict[str, object]:
    """Classes, their own methods and properties, and functions, by full name.

    Constants have no docstring of their own.
    """
    found: dict[str, object] = {}
    for namespace in NAMESPACES:
        for name in namespace.__all__:
            thing = getattr(namespace, name)
            thing = inspect.unwrap(thing) if callable(thing) else thing  # behind a cache
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f"{namespace.__name__}.{name}"] = thing
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    value = getattr(value, "__func__", value)  # of a class method
                    if not member.startswith("_") and isinstance(
                        value, property | type(public_objects)
                    ):
                        found[f"{namespace.__name__}.{name}.{member}"] = value
    return found


PUBLIC = public_objects()


@pytest.mark.parametrize("example", find_examples(), ids=lambda test: test.name)
def test_examples_print_what_they_show(example: doctest.DocTest) -> None:
    report: list[str] = []
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    outcome = runner.run(example, out=report.append)
    assert outcome.attempted > 0
    assert outcome.failed == 0, "".join(report)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_documented(name: str) -> None:
    thing = PUBLIC[name]
    ignored = set(IGNORED)
    if inspect.isclass(thing):
        ignored |= IGNORED_FOR_CLASSES
    elif inspect.isclass(PUBLIC.get(name.rpartition(".")[0])):
        ignored |= IGNORED_FOR_MEMBERS
    document = get_doc_object(thing)
    assert [error for error in validate(document)["errors"] if error[0] not in ignored] == []
    if inspect.isfunction(thing) and set(inspect.signature(thing).parameters) - {"self", "cls"}:
        assert document["Raises"], "the docstring does not say what is raised"
