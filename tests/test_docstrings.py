"""Every example in a docstring gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import omistats


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [
        "omistats",
        *(
            module.name
            for module in pkgutil.walk_packages(omistats.__path__, "omistats.")
            if not module.name.endswith("__main__")
        ),
    ]
    found = (test for name in names for test in finder.find(importlib.import_module(name), name))
    return [test for test in found if test.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_docstring(example: doctest.DocTest) -> None:
    report: list[str] = []
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    outcome = runner.run(example, out=report.append)
    assert outcome.attempted > 0
    assert outcome.failed == 0, "".join(report)
