"""General code knows no programme: it neither imports one nor names one.

Programmes reach general code from outside: as frameworks and units that the caller passes, as
breakdowns found by entry point, and as commands that the command line imports by name.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import omistats as oms

ROOT = Path(oms.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] != "omi2"]
PROGRAMME = re.compile(
    r"\b(omi ?2?|mappa|probation|trusts?|(chief )?inspectorate|offenders?)\b", re.IGNORECASE
)
DEFAULT_OF_THE_COMMAND_LINE = '_DEFAULT_PROGRAMME = "omi2"'


def without_examples(source: str) -> Iterator[tuple[int, str]]:
    """List the lines of a source, leaving out docstring examples and their output."""
    in_example = False
    for number, line in enumerate(source.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(">>>"):
            in_example = True
        elif not stripped or stripped.startswith('"""'):
            in_example = False
        if not in_example:
            yield number, line


def imported_modules(source: str) -> Iterator[str]:
    """List the modules that a source imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def in_a_fresh_interpreter(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_no_module_imports_a_programme():
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in MODULES
        for name in imported_modules(path.read_text(encoding="utf-8"))
        if f"{name}.".startswith("omistats.omi2.")
    ]
    assert found == []


def test_no_module_names_a_programme():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in MODULES
        for number, line in without_examples(path.read_text(encoding="utf-8"))
        if PROGRAMME.search(line) and line != DEFAULT_OF_THE_COMMAND_LINE
    ]
    assert found == []


def test_the_checks_see_a_programme_and_skip_examples():
    source = (
        'def f():\n    """Count.\n\n    >>> oms.omi2\n    OMI 2\n\n    Of the Trust.\n    """\n'
    )
    found = [line for _, line in without_examples(source) if PROGRAMME.search(line)]
    assert found == ["    Of the Trust."]
    assert list(imported_modules("def f():\n    from omistats import omi2")) == ["omistats.omi2"]


def test_cases_of_your_own_are_counted_without_importing_a_programme():
    program = """
import sys
import omistats as oms

class Tenure(oms.Breakdown):
    key = "tenure"
    groups = ("owned", "rented")

framework = oms.Framework(
    "housing", [oms.Question("visited", "Home visited")],
    strata=[oms.Stratum("tenure", ("owned", "rented"))],
)
data = {
    "case_id": ["a", "b"], "unit": ["north", "north"], "tenure": ["owned", "rented"],
    "visited": [True, False],
}
cases = oms.CaseSet.from_data(data, framework=framework)
print(len(oms.recompute(cases, breakdowns=[Tenure()])))
print([name for name in sys.modules if name.startswith("omistats.omi2")])
"""
    assert in_a_fresh_interpreter(program) == "2\n[]"


def test_breakdowns_of_the_programme_resolve_by_name():
    program = """
import omistats as oms

framework = oms.Framework(
    "another", [oms.Question("visited", "Home visited")],
    strata=[oms.Stratum("gender", ("female", "male"))],
)
data = {"case_id": ["a", "b"], "unit": "x y".split(), "gender": ["male", "female"],
        "visited": [True, False]}
cases = oms.CaseSet.from_data(data, framework=framework)
found = oms.recompute(cases, breakdowns=["gender"])
print(found.table["group"].to_pylist())
"""
    # In the order of the programme's breakdown, not of the levels of the stratum.
    assert in_a_fresh_interpreter(program) == "['male', 'female']"


def test_no_affix_is_stripped_from_names_of_your_own_units_unless_passed():
    units = [oms.Unit("west"), oms.Unit("east")]
    with pytest.raises(oms.DataError, match="West Probation Trust"):
        oms.match_units(["West Probation Trust"], units)
    found = oms.match_units(["West Probation Trust"], units, affixes=["Probation", "Trust"])
    assert found.ids.to_pylist() == ["west"]


def test_units_of_the_programme_bring_their_own_affixes():
    found = oms.match_units(["Kent Probation Trust"], oms.omi2.UNITS)
    assert found.ids.to_pylist() == ["kent"]
