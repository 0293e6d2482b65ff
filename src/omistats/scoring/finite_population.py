"""Caseloads that cases were drawn from: checked, and told by the table of scores."""

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

__all__ = ["Caseloads", "Correction", "caseloads", "read_fpc_metadata", "write_fpc_metadata"]


Floats = npt.NDArray[np.float64]
Caseloads = float | Mapping[str, float] | None

_KEY = b"omistats.population"


def caseloads(
    population: Any, units: Sequence[str], drawn: Floats, problems: list[Problem]
) -> Floats | None:
    """Give the number of cases in each unit's caseload; add to ``problems``.

    A caseload that is wrong is given as drawn whole: nothing else follows from it.
    """
    if population is None:
        return None
    where = "population"
    example = f"{{{units[0] if units else 'U01'!r}: 900, ...}}"
    if isinstance(population, Mapping):
        lost = [unit for unit in units if unit not in population]
        if lost:
            rule, hint = "a number of cases for every unit", "Give one for each."
            problems.append(Problem(where, rule, f"none for {format_values(lost)}", hint))
        if stray := [key for key in population if key not in units]:
            hint = "Correct the spelling or remove them."
            problems.append(
                Problem(where, f"units are {format_values(units, 8)}", format_values(stray), hint)
            )
        given = {unit: population[unit] for unit in units if unit in population}
    elif np.isnan(_number(population)):
        rule = f"a number of cases, one for all units or one for each of {format_values(units)}"
        hint = f"Give a number, or a mapping of unit to number, as {example}."
        if hasattr(population, "to_dict"):
            hint = "Give a mapping of unit to number: for a series by unit, its `.to_dict()`."
        problems.append(Problem(where, rule, _kind(population), hint))
        return drawn
    else:
        given = dict.fromkeys(units, population)
    values = {unit: _number(value) for unit, value in given.items()}
    if odd := [f"{_kind(given[u])} for {u!r}" for u, value in values.items() if np.isnan(value)]:
        hint = f"Give a number for each, as {example}."
        problems.append(Problem(where, "a number of cases for every unit", _some(odd), hint))
    there = np.array([values.get(unit, np.nan) for unit in units], np.float64)
    small = [
        f"{value:g} with {m:g} drawn in {unit!r}"
        for unit, value, m in zip(units, there.tolist(), drawn.tolist(), strict=True)
        if value < m
    ]
    if small:
        hint = "Give the number of cases that could be drawn in each unit, not a fraction."
        problems.append(Problem(where, "no fewer cases than were drawn", _some(small), hint))
    return np.where(there >= drawn, there, drawn)


@attrs.frozen
class Correction:
    """What the table of scores says of the caseloads its cases were drawn from.

    Attributes
    ----------
    caseloads : mapping of str to float
        By unit; infinite without bound.
    within : mapping of str to float
        The pooled within-unit design effect of each item, without the correction; NaN where
        nothing varies. Empty unless scores are pooled.
    """

    caseloads: Mapping[str, float]
    within: Mapping[str, float]

    def effect(self, item: str) -> float:
        """Give the design effect of an item.

        Raises
        ------
        UsageError
            When it is not known.
        """
        if item not in self.within:
            raise UsageError(
                f"the table's metadata {_KEY.decode()!r} say nothing of {item!r}; make the scores "
                "anew from the cases"
            )
        return self.within[item]


def write_fpc_metadata(table: pa.Table, drawn: Correction | None) -> pa.Table:
    """Let a table say which caseloads its standard errors are corrected for."""
    metadata = dict(table.schema.metadata or {})
    # What a file of cases says of a population is not about these scores.
    said = metadata.pop(_KEY, None)
    if drawn is None:
        return table if said is None else table.replace_schema_metadata(metadata or None)
    parts = {
        name: {key: value if np.isfinite(value) else None for key, value in values.items()}
        for name, values in attrs.asdict(drawn).items()
    }
    text = json.dumps(parts, ensure_ascii=False, allow_nan=False)
    return table.replace_schema_metadata({**metadata, _KEY: text.encode()})


def read_fpc_metadata(table: pa.Table) -> Correction | None:
    """Read what `told` wrote; None where standard errors are not corrected.

    Raises
    ------
    UsageError
        When it is something else.
    """
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        return None
    try:
        parts = json.loads(text)
        there = {u: np.inf if v is None else float(v) for u, v in parts["caseloads"].items()}
        effects = parts["within"].items()
        return Correction(there, {i: np.nan if v is None else float(v) for i, v in effects})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"the table's metadata {_KEY.decode()!r} are not what scores write ({error}); make the "
            "scores anew from the cases"
        ) from error


def _some(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _kind(value: Any) -> str:
    return f"{format_value(value)}{', which is text' * isinstance(value, str)}"


def _number(value: Any) -> float:
    """Give a number; NaN for what is none."""
    if isinstance(value, bool | np.bool_):
        return np.nan
    try:
        number = as_numbers(value, "population")
    except UsageError:
        return np.nan
    return float(number) if number.ndim == 0 else np.nan
