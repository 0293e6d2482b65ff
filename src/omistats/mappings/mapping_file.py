"""Read a mapping from its TOML file, or the one that a programme ships."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_value
from omistats.mappings.mapping import (
    AGE_RULES,
    DATES,
    EXACT,
    FORMAT,
    KINDS,
    LOOSE,
    OPEN,
    RULES,
    AgeRules,
    CaseMapping,
    Characteristic,
    KeptColumn,
    Layout,
    QuestionColumn,
    Rules,
    UnitNames,
)
from omistats.mappings.mapping_check import check_mapping, either
from omistats.model.framework import Framework
from omistats.model.units import Unit
from omistats.programmes.programme import Programme, load as load_programme
from omistats.programmes.toml_files import Key, TomlFile, read_toml

__all__ = ["load", "load_with_programme", "read_for_check"]


def load(mapping: str | os.PathLike[str] | CaseMapping) -> CaseMapping:
    """Load a mapping from a file, or the one that a programme ships.

    Parameters
    ----------
    mapping : str or path or CaseMapping
        The path of a TOML file, which has a separator or a dot; or the name of a programme.

    Returns
    -------
    CaseMapping
        The mapping, checked against its programme.

    Raises
    ------
    DataError
        When the file cannot be read, is of another format, breaks a rule or has an open question
        (``"?"``). All problems are listed with file and line.
    UnknownNameError
        When no programme has the name.
    UsageError
        When ``mapping`` is neither text nor a path.

    Examples
    --------
    >>> import omistats as oms
    >>> mapping = oms.mappings.load("youth_justice")
    >>> mapping.programme, list(mapping.layouts)
    ('youth_justice', ['export', 'spss'])
    """
    return load_with_programme(mapping, None)[0]


def load_with_programme(
    mapping: str | os.PathLike[str] | CaseMapping, framework: Framework | None
) -> tuple[CaseMapping, Framework, tuple[Unit, ...]]:
    """Load a mapping with the framework and units that it is for.

    Parameters
    ----------
    mapping : str or path or CaseMapping
        As for `load`.
    framework : Framework or None
        A framework to use instead of the programme's.
    """
    found, folder, problems = _read(mapping)
    programme: Programme | None = None
    if found.programme and found.programme != OPEN:
        try:
            programme = _programme_of(found.programme, folder)
        except (UnknownNameError, DataError) as error:
            if isinstance(error, DataError):
                problems += error.problems
            else:
                where = found.where("programme")
                hint = "Name a programme or its folder."
                problems.append(Problem(where, "must be a programme", str(error), hint))
    elif framework is None and not problems:
        where, hint = found.where("programme"), "Write the name or the folder of the programme."
        what = "a question that is open" if found.programme else "none"
        problems.append(Problem(where, "a mapping names its programme", what, hint))
    units = programme.units if programme is not None else ()
    used = framework or (programme.framework if programme is not None else None)
    if used is not None:
        blamed = {
            problem.where.partition(",")[0] for problem in problems if "line" in problem.where
        }
        problems += [
            problem
            for problem in check_mapping(found, used, units)
            if problem.where.partition(",")[0] not in blamed
        ]
    if problems:
        raise DataError(problems)
    assert used is not None  # noqa: S101  # else there was a problem
    return found, used, units


def read_for_check(
    mapping: str | os.PathLike[str] | CaseMapping, programme: Programme | None
) -> tuple[CaseMapping, Programme, list[Problem]]:
    """Load a mapping that may have open questions; its problems are returned, not raised.

    Parameters
    ----------
    mapping : str or path or CaseMapping
        As for `load`.
    programme : Programme or None
        A programme to use instead of the mapping's own.

    Raises
    ------
    DataError
        When the file is no mapping, or names no programme.
    """
    found, folder, problems = _read(mapping)
    if problems:
        raise DataError(problems)
    if programme is None:
        if found.programme in ("", OPEN):
            raise UsageError(f"{found.name} names no programme; pass `programme`")
        programme = _programme_of(found.programme, folder)
    return found, programme, check_mapping(found, programme.framework, programme.units)


def _programme_of(name: str, folder: Path | None) -> Programme:
    if folder is not None and any(mark in name for mark in ("/", os.sep, ".")):
        return load_programme(folder / name)
    return load_programme(name)


def _read(
    mapping: str | os.PathLike[str] | CaseMapping,
) -> tuple[CaseMapping, Path | None, list[Problem]]:
    """Read a mapping as far as possible, with its folder and problems."""
    if isinstance(mapping, CaseMapping):
        return mapping, None, []
    if not isinstance(mapping, str | os.PathLike):
        raise UsageError(
            "`mapping` must be the path of a TOML file, the name of a programme, or a CaseMapping; "
            f"found {format_value(mapping)}"
        )
    path = Path(os.fspath(mapping))
    if isinstance(mapping, str) and not any(mark in mapping for mark in ("/", os.sep, ".")):
        path = load_programme(mapping).folder / "mapping.toml"
        if not path.exists():
            hint = "Make one with omistats check, and pass its path."
            raise DataError([Problem(mapping, "a programme's mapping", "none shipped", hint)])
    file = read_toml(path)
    found = _structure(file)
    object.__setattr__(found, "source", file)
    return found, path.parent, file.problems


def _structure(file: TomlFile) -> CaseMapping:
    """Make a mapping of a file's tables; problems are added to the file."""
    data = file.data
    known = [field.name for field in attrs.fields(CaseMapping) if field.init]
    file.check_keys((), data, ("format", *known))
    version = file.take((), data, "format", int, None)
    if version != FORMAT:
        what = "none" if "format" not in data else version
        if "format" not in data or version is not None:
            hint = f"Write format = {FORMAT} on top, or use the version that it was written for."
            file.add(
                ("format",) if "format" in data else (), f"format must be {FORMAT}", what, hint
            )
        if version is not None:
            # Of another layout: what else is there has other rules.
            raise DataError(file.problems)
    codes = {
        name: {answer: _texts(file, ("codes", name), table, answer, blank=True) for answer in table}
        for name, table in _tables(file, (), data, "codes")
    }
    units = _table(file, (), data, "units")
    file.check_keys(("units",), units, ("affixes", "synonyms", "unknown"))
    synonyms = _table(file, ("units",), units, "synonyms")
    return CaseMapping(
        file.take((), data, "programme", str, ""),
        {name: _layout(file, name, table) for name, table in _tables(file, (), data, "layouts")},
        codes,
        UnitNames(
            _texts(file, ("units",), units, "affixes"),
            {unit: _texts(file, ("units", "synonyms"), synonyms, unit) for unit in synonyms},
            _texts(file, ("units",), units, "unknown"),
        ),
        Rules(**_choices(file, "rules", RULES)),
        AgeRules(
            _day(file, "earliest"),
            _day(file, "latest"),
            **_choices(file, "ages", AGE_RULES, ("earliest", "latest")),
        ),
        _choice(file, (), data, "match", (EXACT, LOOSE), EXACT),
        file.take((), data, "synthetic", bool, False),
        file.take((), data, "title", str, ""),
        file.take((), data, "note", str, "").strip(),
    )


def _layout(file: TomlFile, name: str, table: dict[str, Any]) -> Layout:
    path: Key = ("layouts", name)
    file.check_keys(path, table, [field.name for field in attrs.fields(Layout)])

    def entries(key: str, make: type[Any]) -> dict[str, Any]:
        found = {}
        for entry, value in _tables(file, path, table, key):
            place = (*path, key, entry)
            fields = [field.name for field in attrs.fields(make)]
            file.check_keys(place, value, fields)
            given = {
                field: _codes(file, place, value)
                if field == "codes"
                else _choice(file, place, value, "kind", KINDS, "text")
                if field == "kind"
                else file.take(place, value, field, str, "")
                for field in fields
            }
            found[entry] = make(**given)
        return found

    def number(key: str) -> int:
        value: int = file.take(path, table, key, int, 0)
        if value < 0:
            file.add((*path, key), "must be a row number", value, "Count rows from 1.")
        return max(value, 0)

    return Layout(
        questions=entries("questions", QuestionColumn),
        characteristics=entries("characteristics", Characteristic),
        keep=entries("keep", KeptColumn),
        ignore=_texts(file, path, table, "ignore"),
        absent=_texts(file, path, table, "absent"),
        header_row=number("header_row"),
        footer_rows=number("footer_rows"),
        dates=_choice(file, path, table, "dates", DATES, DATES[0]),
        labels=file.take(path, table, "labels", bool, False),
        **{
            key: file.take(path, table, key, str, "")
            for key in ("id", "unit", "title", "sheet", "encoding", "separator")
        },
    )


def _table(file: TomlFile, path: Key, table: Mapping[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = file.take(path, table, key, dict, {})
    return found


def _tables(
    file: TomlFile, path: Key, table: Mapping[str, Any], key: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in _table(file, path, table, key).items():
        if isinstance(value, dict):
            yield name, value
        else:
            file.add((*path, key, name), "must be a table", value)


def _texts(
    file: TomlFile, path: Key, table: Mapping[str, Any], key: str, *, blank: bool = False
) -> tuple[str, ...]:
    values = file.take(path, table, key, list, [])
    good = []
    for i, value in enumerate(values):
        if not isinstance(value, str):
            hint = (
                f'Write it in quotation marks: "{value}".' if _is_number(value) else "Correct it."
            )
            file.add((*path, key, i), "must be text", value, hint)
        elif not value.strip() and not blank:
            file.add((*path, key, i), "must not be empty", value)
        else:
            good.append(value)
    return tuple(good)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _codes(file: TomlFile, path: Key, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names of tables of codes: one, or a list."""
    if isinstance(table.get("codes", ""), str):
        name = table.get("codes", "")
        return (name,) if name else ()
    return _texts(file, path, table, "codes")


def _choice(
    file: TomlFile,
    path: Key,
    table: Mapping[str, Any],
    key: str,
    known: Sequence[str],
    default: str,
) -> str:
    value: str = file.take(path, table, key, str, default)
    if value not in known and value != OPEN:
        file.add((*path, key), f"must be {either(known)}", repr(value))
        return default
    return value


def _choices(
    file: TomlFile, key: str, known: Mapping[str, Sequence[str]], also: Sequence[str] = ()
) -> dict[str, str]:
    table = _table(file, (), file.data, key)
    file.check_keys((key,), table, (*known, *also))
    return {
        rule: _choice(file, (key,), table, rule, values, "error")
        for rule, values in known.items()
        if rule in table
    }


def _day(file: TomlFile, key: str) -> dt.date | None:
    value = _table(file, (), file.data, "ages").get(key)
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    file.add(("ages", key), "must be a date", value, "Write it as 2023-04-01, without marks.")
    return None
