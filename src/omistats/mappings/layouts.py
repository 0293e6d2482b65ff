"""Find the columns that a mapping names, and which of its layouts a source has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_values
from omistats.mappings.mapping import CaseMapping, column_places, has_number, plain
from omistats.model.case_tables import without_arguments
from omistats.model.raw_table import RawColumn, RawTable, column_letter
from omistats.model.tabular_files import read_raw_table
from omistats.programmes.toml_files import Key

__all__ = ["Columns", "choose_layout", "find_columns", "open_layouts", "read_table"]

Columns = Mapping[Key, RawColumn]
"""The column of each place of a layout that names one."""


def find_columns(
    table: RawTable, mapping: CaseMapping, name: str
) -> tuple[dict[Key, RawColumn], list[Problem]]:
    """Find the columns that a layout names.

    Parameters
    ----------
    table : RawTable
        The table.
    mapping : CaseMapping
        The mapping.
    name : str
        The layout.

    Returns
    -------
    columns : dict of tuple to RawColumn
        The column of each place in the mapping, such as ``("layouts", "export", "id")``.
    problems : list of Problem
        Columns that are not there, or there twice.
    """
    layout, path = mapping.layouts[name], ("layouts", name)
    by_header: dict[str, list[RawColumn]] = {}
    for column in table.columns:
        by_header.setdefault(plain(column.name), []).append(column)
    columns: dict[Key, RawColumn] = {}
    problems: list[Problem] = []
    wanted = [
        (header, by_header.get(plain(header), []), at) for header, at in column_places(path, layout)
    ]
    for id, question in layout.questions.items():
        if number := question.number:
            found = [
                c
                for c in table.columns
                if has_number(c.name, number) or has_number(c.label, number)
            ]
            wanted.append((number, found, (*path, "questions", id, "number")))
    owners: dict[int, Key] = {}
    for header, found, place in wanted:
        if len(found) != 1:
            problems.append(_missing(table, mapping, header, found, place))
            continue
        columns[place] = found[0]
        if place[2] == "questions":
            other = owners.setdefault(found[0].number, place)
            if other != place:
                rule, hint = "a column is that of one question", "Correct one of the two."
                what = f"{found[0].name!r} is that of {other[3]} as well"
                problems.append(Problem(mapping.where(*place), rule, what, hint))
    return columns, problems


def _missing(
    table: RawTable, mapping: CaseMapping, header: str, found: Sequence[RawColumn], place: Key
) -> Problem:
    where = mapping.where(*place)
    if found:
        letters = " and ".join(column_letter(column.number) for column in found)
        rule, what = f"must be one column of {table.place}", f"{header!r} in columns {letters}"
        return Problem(where, rule, what, "Rename one of them, or name the whole header.")
    from difflib import get_close_matches

    names = {plain(column.name): column.name for column in table.columns if column.name}
    near = [names[key] for key in get_close_matches(plain(header), names, n=2)]
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Correct the mapping."
    return Problem(where, f"must be a column of {table.place}", f"no {header!r}", hint)


def read_table(source: Any, **options: Any) -> RawTable:
    """Read a table; a column without a header is called by its letter, as ``[A]``."""
    try:
        table = read_raw_table(source, **options)
    except DataError as error:
        # What a reader takes as an argument stands in the layout.
        raise DataError([without_arguments(problem) for problem in error.problems]) from error
    columns = tuple(
        column if column.name else attrs.evolve(column, name=f"[{column_letter(column.number)}]")
        for column in table.columns
    )
    return attrs.evolve(table, columns=columns)


Opened = tuple[RawTable, dict[Key, RawColumn], list[Problem]]


def open_layouts(
    source: Any, mapping: CaseMapping, names: Sequence[str]
) -> dict[str, Opened | DataError]:
    """Read a source as each layout says, and find its columns; or the error of reading it."""
    tables: dict[tuple[Any, ...], RawTable | DataError] = {}
    found: dict[str, Opened | DataError] = {}
    for name in names:
        layout = mapping.layouts[name]
        options: dict[str, Any] = {
            "sheet": layout.sheet or None,
            "header_row": layout.header_row or None,
            "encoding": layout.encoding or None,
            "separator": layout.separator or None,
            "footer_rows": layout.footer_rows or None,
        }
        key = tuple(options.values())
        if key not in tables:
            try:
                tables[key] = read_table(source, **options)
            except DataError as error:
                tables[key] = error
        table = tables[key]
        if isinstance(table, DataError):
            found[name] = table
        else:
            found[name] = (table, *find_columns(table, mapping, name))
    return found


def choose_layout(
    source: Any, mapping: CaseMapping, layout: str | None
) -> tuple[str, RawTable, Columns]:
    """Read a source by the layout that fits it.

    Parameters
    ----------
    source : path or data frame
        The source.
    mapping : CaseMapping
        The mapping.
    layout : str or None
        The layout to use; by default the only one whose columns are all there.

    Raises
    ------
    DataError
        When the source cannot be read, or columns are missing: those of the nearest layout are
        listed.
    UnknownNameError
        When the mapping has no such layout.
    UsageError
        When several layouts fit.
    """
    if layout is not None and layout not in mapping.layouts:
        raise UnknownNameError("layout", layout, mapping.layouts)
    names = tuple(mapping.layouts) if layout is None else (layout,)
    opened = open_layouts(source, mapping, names)
    read = {name: found for name, found in opened.items() if not isinstance(found, DataError)}
    fitting = [name for name, (_, _, problems) in read.items() if not problems]
    if len(fitting) > 1:
        raise UsageError(
            f"the columns fit the layouts {format_values(fitting)} of {mapping.name}; pass "
            f"layout={fitting[0]!r} or another"
        )
    if fitting:
        return fitting[0], *read[fitting[0]][:2]
    for error in opened.values():
        if not read and isinstance(error, DataError):
            raise error
    nearest = min(read, key=lambda name: len(read[name][2]) / max(1, len(read[name][1])))
    raise DataError(read[nearest][2])
