"""Check caseload sizes, and record the finite population correction in a table's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import Problem, UsageError, format_value, format_values
from omistats.kernel.checks import as_numbers

__all__ = ["FpcMetadata", "read_fpc_metadata", "resolve_population", "write_fpc_metadata"]

Floats = npt.NDArray[np.float64]

_KEY = b"omistats.population"


def resolve_population(
    population: Any, units: Sequence[str], cases: Floats
) -> tuple[Floats | None, list[Problem]]:
    """Find the caseload size of each unit.

    Parameters
    ----------
    population : float, mapping of str to float, or None
        One size for all units, or one for every unit.
    units : sequence of str
        The units.
    cases : ndarray of float64, shape (units,)
        The number of cases of each unit in the sample.

    Returns
    -------
    population : ndarray of float64, shape (units,), or None
        A size that is wrong is returned as the size of the sample, so that no further problem
        follows from it.
    problems : list of Problem
        All that is wrong.
    """
    if population is None:
        return None, []
    problems: list[Problem] = []

    def report(rule: str, found: str, hint: str) -> None:
        problems.append(Problem("population", rule, found, hint))

    example = f"{{{units[0] if units else 'U01'!r}: 900, ...}}"
    if isinstance(population, Mapping):
        if missing := [unit for unit in units if unit not in population]:
            found = f"none for {format_values(missing)}"
            report("a number of cases for every unit", found, "Give one for each.")
        if unknown := [key for key in population if key not in units]:
            hint = "Correct the spelling or remove them."
            report(f"units are {format_values(units, 8)}", format_values(unknown), hint)
        given = {unit: population[unit] for unit in units if unit in population}
    elif np.isnan(_as_number(population)):
        rule = f"a number of cases, one for all units or one for each of {format_values(units)}"
        hint = f"Give a number, or a mapping of unit to number, as {example}."
        if hasattr(population, "to_dict"):
            hint = "Give a mapping of unit to number: for a series by unit, its `.to_dict()`."
        report(rule, _describe(population), hint)
        return cases, problems
    else:
        given = dict.fromkeys(units, population)
    numbers = {unit: _as_number(value) for unit, value in given.items()}
    no_numbers = [unit for unit, number in numbers.items() if np.isnan(number)]
    if no_numbers:
        found = _first_few([f"{_describe(given[unit])} for {unit!r}" for unit in no_numbers])
        report("a number of cases for every unit", found, f"Give a number for each, as {example}.")
    sizes = np.array([numbers.get(unit, np.nan) for unit in units], np.float64)
    too_small = [
        f"{size:g} with {drawn:g} drawn in {unit!r}"
        for unit, size, drawn in zip(units, sizes.tolist(), cases.tolist(), strict=True)
        if size < drawn
    ]
    if too_small:
        hint = "Give the number of cases that could be drawn in each unit, not a fraction."
        report("no fewer cases than were drawn", _first_few(too_small), hint)
    return np.where(sizes >= cases, sizes, cases), problems


@attrs.frozen
class FpcMetadata:
    """The finite population correction of a table of scores, as its metadata record it.

    Attributes
    ----------
    caseloads : mapping of str to float
        The caseload size of each unit; infinite where unbounded.
    within : mapping of str to float
        The pooled within-unit design effect of each item, without the correction; NaN where
        nothing varies. Empty unless scores are pooled.
    """

    caseloads: Mapping[str, float]
    within: Mapping[str, float]

    def design_effect(self, item: str) -> float:
        """Return the within-unit design effect of an item.

        Raises
        ------
        UsageError
            When it is not known.
        """
        if item not in self.within:
            raise UsageError(
                f"the table's metadata {_KEY.decode()!r} have no design effect of {item!r}; make "
                "the scores again from the cases"
            )
        return self.within[item]


def write_fpc_metadata(table: pa.Table, fpc: FpcMetadata | None) -> pa.Table:
    """Record the finite population correction in the metadata of a table of scores."""
    metadata = dict(table.schema.metadata or {})
    # An entry in the metadata of the cases is not about these scores.
    inherited = metadata.pop(_KEY, None)
    if fpc is None:
        return table if inherited is None else table.replace_schema_metadata(metadata or None)
    parts = {
        name: {key: value if np.isfinite(value) else None for key, value in values.items()}
        for name, values in attrs.asdict(fpc).items()
    }
    text = json.dumps(parts, ensure_ascii=False, allow_nan=False)
    return table.replace_schema_metadata({**metadata, _KEY: text.encode()})


def read_fpc_metadata(table: pa.Table) -> FpcMetadata | None:
    """Read what `write_fpc_metadata` wrote; None where standard errors are not corrected.

    Raises
    ------
    UsageError
        When the metadata are something else.
    """
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        return None
    try:
        parts = json.loads(text)
        caseloads = {u: np.inf if v is None else float(v) for u, v in parts["caseloads"].items()}
        within = {i: np.nan if v is None else float(v) for i, v in parts["within"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"the table's metadata {_KEY.decode()!r} are not what scores write ({error}); make the "
            "scores again from the cases"
        ) from error
    return FpcMetadata(caseloads, within)


def _first_few(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _describe(value: Any) -> str:
    return f"{format_value(value)}{', which is text' * isinstance(value, str)}"


def _as_number(value: Any) -> float:
    """Return a number, or NaN for anything else."""
    if isinstance(value, bool | np.bool_):
        return np.nan
    try:
        number = as_numbers(value, "population")
    except UsageError:
        return np.nan
    return float(number) if number.ndim == 0 else np.nan
