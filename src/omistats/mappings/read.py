"""Read an export by its mapping: cases, and a log of what was done to make them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from omistats.errors import DataError, Problem, UsageError
from omistats.mappings.layouts import choose_layout
from omistats.mappings.mapping import CaseMapping
from omistats.mappings.mapping_file import load_with_programme
from omistats.mappings.reading import ERROR, Doubt, Reading
from omistats.mappings.rows import read_rows
from omistats.model import batches
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework
from omistats.model.raw_table import printable

__all__ = ["read_cases"]


def read_cases(
    source: Any,
    mapping: str | os.PathLike[str] | CaseMapping | None = None,
    *,
    framework: Framework | None = None,
    layout: str | None = None,
) -> CaseSet:
    """Read an export by its mapping.

    Parameters
    ----------
    source : path or data frame
        A workbook (``.xlsx``, ``.xls``, ``.ods``), text file (``.csv``, ``.tsv``), file of SPSS
        (``.sav``), Stata (``.dta``), Parquet or Arrow, or any data frame.
    mapping : path, str or CaseMapping, optional
        The mapping: a TOML file, or the name of a programme that ships one. Without, the columns
        must be those of ``framework``.
    framework : Framework, optional
        The framework; by default that of the mapping's programme.
    layout : str, optional
        The layout of the mapping to use; by default the one whose headers are all there.

    Returns
    -------
    CaseSet
        The cases, with the programme's framework and those of its units that occur. Its
        ``treatment`` lists what was recoded, set to unknown or left out.

    Raises
    ------
    DataError
        When the file or the mapping cannot be read, columns are missing, a code is not in the
        mapping, a unit is not known, or a rule of the mapping says so. All problems are listed
        with their rows.
    UnknownNameError
        When the mapping has no such layout, or no programme the name.
    UsageError
        When neither a mapping nor a framework is given, or several layouts fit.

    Examples
    --------
    >>> import omistats as oms
    >>> frame = {"Ref": ["1", "2"], "Area": ["Kent", "Kent"], "Seen?": ["Y", "n/a"]}
    >>> mapping = oms.mappings.CaseMapping(
    ...     layouts={
    ...         "frame": oms.mappings.Layout(
    ...             id="ref",
    ...             unit="area",
    ...             questions={"seen": oms.mappings.QuestionColumn("Seen?", codes=("seen",))},
    ...         )
    ...     },
    ...     codes={"seen": {"sufficient": ("Y",), "not applicable": ("n/a",)}},
    ... )
    >>> framework = oms.Framework("visits", [oms.Question("seen", "Seen at home")])
    >>> cases = oms.read_cases(frame, mapping, framework=framework)
    >>> cases["seen"].to_pylist()
    [True, None]
    """
    if mapping is None:
        if layout is not None:
            raise UsageError("`layout` needs `mapping`, whose layout it is; pass both")
        return batches.read_cases(source, framework)
    known, used, units = load_with_programme(mapping, framework)
    name, table, columns = choose_layout(source, known, layout)
    reading = read_rows(table, known, name, columns, used, units)
    if problems := list(_problems(reading)):
        raise DataError(problems)
    return reading.cases()


def _problems(reading: Reading) -> Iterator[Problem]:
    """Turn the doubts that are errors into problems, one a column and rule."""
    groups: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in reading.doubts:
        if doubt.severity == ERROR:
            groups.setdefault((doubt.column, doubt.rule), []).append(doubt)
    for (column, rule), doubts in groups.items():
        where = reading.table.place + (f', column "{printable(column)}"' if column else "")
        found = "; ".join(_found(reading, doubt) for doubt in doubts[:6])
        more = f"; and {len(doubts) - 6} more values" if len(doubts) > 6 else ""
        hints = list(dict.fromkeys(doubt.suggestion for doubt in doubts))
        hint = hints[0] if len(hints) == 1 else " ".join(hints[:3])
        yield Problem(where, rule, found + more, hint)


def _found(reading: Reading, doubt: Doubt) -> str:
    value = "" if doubt.value is None else f"{doubt.value!r} in "
    numbers = [str(number) for number in reading.numbers(doubt.rows, 5)]
    more = f" and {len(doubt.rows) - 5:,} more" if len(doubt.rows) > 5 else ""
    return f"{value}row{'s' * (len(doubt.rows) != 1)} {', '.join(numbers)}{more}"
