"""A mapping: what the columns and codes of an export mean, as a TOML file that people edit."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.mappings.toml_text import Comments, toml_text
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    Framework,
    Question,
)
from omistats.model.units import Spellings, Unit
from omistats.programmes.programme import Programme, load as load_programme
from omistats.programmes.toml_files import Key, TomlFile, read_toml

__all__ = [
    "ANY_OTHER",
    "OPEN",
    "UNKNOWN",
    "AgeRules",
    "CaseMapping",
    "Characteristic",
    "KeptColumn",
    "Layout",
    "QuestionColumn",
    "Rules",
    "UnitNames",
    "check_mapping",
    "load",
    "matching",
    "plain",
    "read_for_check",
]

FORMAT: Final = 1
"""The version of the layout of mappings that this version reads."""

OPEN: Final = "?"
"""Stands where a person has to decide; a mapping that has one is not read."""

ANY_OTHER: Final = "*"
"""The code that stands for any other text."""

UNKNOWN: Final = "unknown"
"""What a characteristic becomes that is not known: null."""

EXACT, LOOSE = "exact", "ignore case and spaces"

_DATES = ("year first", "day first", "month first")
_KINDS = ("text", "number", "date")
_DECISIONS = ("unknown", "leave out", "error")


def plain(text: str) -> str:
    """Return a text in lower case with single spaces, as headers are compared."""
    return " ".join(text.split()).casefold()


def matching(text: str, match: str) -> str:
    """Return what is compared of a code: all, or without case and extra spaces."""
    if match == LOOSE:
        return plain(text)
    return text if text.strip() else ""


@attrs.frozen
class Rules:
    """What to do with rows that are no usable case.

    Parameters
    ----------
    identical : {'keep one', 'error'}
        For rows with one id that are the same in all that is read.
    conflicting : {'error', 'leave out', 'keep first', 'keep last'}
        For rows with one id that differ.
    no_id : {'error', 'leave out', 'number'}
        For a row without an id; ``number`` calls it ``without id 1`` and so on.
    no_unit : {'error', 'leave out'}
        For a row without a unit.
    no_answers : {'error', 'leave out', 'keep'}
        For a row in which no question is answered.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.Rules(no_unit="leave out").conflicting
    'error'
    """

    identical: str = "keep one"
    conflicting: str = "error"
    no_id: str = "error"
    no_unit: str = "error"
    no_answers: str = "error"


_RULES = {
    "identical": ("keep one", "error"),
    "conflicting": ("error", "leave out", "keep first", "keep last"),
    "no_id": ("error", "leave out", "number"),
    "no_unit": ("error", "leave out"),
    "no_answers": ("error", "leave out", "keep"),
}


@attrs.frozen
class AgeRules:
    """What to do with dates from which no age group follows.

    Each rule is ``unknown`` (the age group is null), ``leave out`` (the case) or ``error``.

    Parameters
    ----------
    earliest, latest : date, optional
        First and last possible day of an inspection.
    outside : {'unknown', 'leave out', 'error'}
        For an inspection before ``earliest`` or after ``latest``.
    born_later : {'unknown', 'leave out', 'error'}
        For a birth after the inspection.
    too_young, too_old : {'unknown', 'leave out', 'error'}
        For an age below the first group or above the last.
    unreadable : {'unknown', 'leave out', 'error'}
        For text that is no date.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.AgeRules(too_old="unknown").born_later
    'error'
    """

    earliest: dt.date | None = None
    latest: dt.date | None = None
    outside: str = "error"
    born_later: str = "error"
    too_young: str = "error"
    too_old: str = "error"
    unreadable: str = "error"


_AGE_RULES = dict.fromkeys(
    ("outside", "born_later", "too_young", "too_old", "unreadable"), _DECISIONS
)


@attrs.frozen
class UnitNames:
    """Further names of units.

    Parameters
    ----------
    affixes : tuple of str
        Words before or after a name that do not identify the unit, such as ``Council``.
    synonyms : mapping of str to tuple of str
        Of each unit's id, other names in the data.
    unknown : tuple of str
        Names that stand for no unit, as ``not known``.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.UnitNames(synonyms={"west": ("W Riding",)}).affixes
    ()
    """

    affixes: tuple[str, ...] = ()
    synonyms: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    unknown: tuple[str, ...] = ()


@attrs.frozen
class QuestionColumn:
    """The column of a question, and what its codes mean.

    Parameters
    ----------
    column : str
        Its header; case and spaces do not matter.
    number : str
        A number that the header begins with, such as ``1.1``, instead of the whole header. With
        both, the number finds the column, and `omistats.mappings.check` reports another text.
    codes : tuple of str
        The name of a table of codes; of several, each goes on from what the one before gave.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.QuestionColumn(number="1.1", codes=("met",)).column
    ''
    """

    column: str = ""
    number: str = ""
    codes: tuple[str, ...] = ()


@attrs.frozen
class Characteristic:
    """The column or dates behind a characteristic.

    Parameters
    ----------
    column : str
        A header.
    codes : tuple of str
        Tables of codes, as of a question.
    born, at : str
        For an age group, the headers of the dates of birth and of the inspection.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.Characteristic(born="Born", at="Inspected").column
    ''
    """

    column: str = ""
    codes: tuple[str, ...] = ()
    born: str = ""
    at: str = ""


@attrs.frozen
class KeptColumn:
    """A column that is kept beside those of the framework.

    Parameters
    ----------
    column : str
        A header.
    kind : {'text', 'number', 'date'}
        What its cells are.
    codes : tuple of str
        Tables of codes; without any, cells are kept as they are.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.mappings.KeptColumn("Weight", "number").codes
    ()
    """

    column: str = ""
    kind: str = "text"
    codes: tuple[str, ...] = ()


@attrs.frozen
class Layout:
    """The headers of one kind of export.

    Parameters
    ----------
    id, unit : str
        Headers of the id and the unit.
    questions : mapping of str to QuestionColumn
        The column of each question.
    characteristics : mapping of str to Characteristic
        The column of each characteristic.
    keep : mapping of str to KeptColumn
        Further columns to keep, by the name that they get.
    ignore : tuple of str
        Headers of columns that are not used.
    absent : tuple of str
        Questions and characteristics that the export has not.
    title : str
        What the export is.
    sheet : str
        Name of the sheet; needed if a workbook has several with data.
    header_row, footer_rows : int
        Row of the header, and number of rows below the table; 0 to find them.
    encoding, separator : str
        Of a text file; empty to find them.
    dates : {'year first', 'day first', 'month first'}
        The order in dates that are text.
    labels : bool
        Whether codes are the value labels of SPSS or Stata instead of the numbers.

    Examples
    --------
    >>> import omistats as oms
    >>> layouts = oms.mappings.load("youth_justice").layouts
    >>> [(name, layout.id, layout.labels) for name, layout in layouts.items()]
    [('export', 'Case ref', False), ('spss', 'caseref', True)]
    """

    id: str = ""
    unit: str = ""
    questions: dict[str, QuestionColumn] = attrs.field(factory=dict)
    characteristics: dict[str, Characteristic] = attrs.field(factory=dict)
    keep: dict[str, KeptColumn] = attrs.field(factory=dict)
    ignore: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    title: str = ""
    sheet: str = ""
    header_row: int = 0
    footer_rows: int = 0
    encoding: str = ""
    separator: str = ""
    dates: str = "year first"
    labels: bool = False


@attrs.frozen
class CaseMapping:
    """What the columns and codes of an export mean; `omistats.mappings.load` reads one.

    Parameters
    ----------
    programme : str
        Name or folder of the programme; a folder is relative to the mapping's own.
    layouts : mapping of str to Layout
        The kinds of export.
    codes : mapping of str to mapping of str to tuple of str
        Tables of codes: of each answer or level, the codes that mean it.
    units : UnitNames
        Further names of units.
    rules : Rules
        What to do with rows that are no usable case.
    ages : AgeRules
        What to do with impossible dates.
    match : {'exact', 'ignore case and spaces'}
        How codes are compared.
    synthetic : bool
        Whether the cases are made up; they are then marked so.
    title, note : str
        What the mapping is for.

    Examples
    --------
    >>> import omistats as oms
    >>> mapping = oms.mappings.load("youth_justice")
    >>> mapping.codes["three_levels"]["not answered"]
    ('', 'Not answered', 'tbc', '?')
    >>> print(mapping.to_toml()[:40])
    format = 1
    programme = "youth_justice"
    """

    programme: str = ""
    layouts: dict[str, Layout] = attrs.field(factory=dict)
    codes: dict[str, dict[str, tuple[str, ...]]] = attrs.field(factory=dict)
    units: UnitNames = UnitNames()
    rules: Rules = Rules()
    ages: AgeRules = AgeRules()
    match: str = EXACT
    synthetic: bool = False
    title: str = ""
    note: str = ""
    source: TomlFile | None = attrs.field(init=False, default=None, eq=False, repr=False)
    """The file that it was read from; None if it was made in Python."""

    def to_toml(self, comments: Comments | None = None) -> str:
        """Write the mapping as TOML, with comments.

        Parameters
        ----------
        comments : mapping of tuple to str, optional
            Further comments, by the path of the entry that they stand above, as
            ``("layouts", "export", "id")``.

        Returns
        -------
        str
            Text that `omistats.mappings.load` reads back to an equal mapping.
        """
        return toml_text(self, comments or {})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mapping to a file, replacing an existing one.

        Parameters
        ----------
        path : path
            The file; its folder must exist.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        Path(path).write_text(self.to_toml(), encoding="utf-8")

    def where(self, *path: str | int) -> str:
        """Name the place of an entry: of a file, its line."""
        if self.source is not None:
            return self.source.where(*path)
        return ".".join(map(str, path)) or "the mapping"

    @property
    def name(self) -> str:
        """The name of its file, or its title."""
        return self.source.name if self.source is not None else self.title or "mapping"


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


# --- from TOML ---------------------------------------------------------------------------------


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
        Rules(**_choices(file, "rules", _RULES)),
        AgeRules(
            **_choices(file, "ages", _AGE_RULES, ("earliest", "latest")),
            **{key: _day(file, key) for key in ("earliest", "latest")},
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
                else _choice(file, place, value, "kind", _KINDS, "text")
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
        dates=_choice(file, path, table, "dates", _DATES, _DATES[0]),
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
        file.add((*path, key), f"must be {_either(known)}", value)
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


def _either(words: Sequence[str]) -> str:
    shown = [repr(word) for word in words]
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


# --- checks against a framework ------------------------------------------------------------------


def check_mapping(
    mapping: CaseMapping, framework: Framework, units: Sequence[Unit]
) -> list[Problem]:
    """Check a mapping against the framework and units that it is for.

    Parameters
    ----------
    mapping : CaseMapping
        The mapping.
    framework : Framework
        Questions and characteristics.
    units : sequence of Unit
        The declared units; none if any name is a unit.

    Returns
    -------
    list of Problem
        With the line of each, if the mapping was read from a file.
    """
    check = _Check(mapping, framework, [])
    check.open_questions()
    check.code_tables()
    if not mapping.layouts:
        check.add((), "a mapping needs a layout", "none", "Write [layouts.NAME].")
    for name, layout in mapping.layouts.items():
        check.layout(name, layout)
    check.unit_names(units)
    check.choices()
    return check.problems


@attrs.frozen(eq=False)
class _Check:
    """Problems of a mapping, with their places."""

    mapping: CaseMapping
    framework: Framework
    problems: list[Problem]

    def add(self, path: Key, rule: str, found: str, hint: str) -> None:
        self.problems.append(Problem(self.mapping.where(*path), rule, found, hint))

    def unknown(
        self, path: Key, what: str, name: str, known: Sequence[str], hint: str = "Correct it."
    ) -> None:
        near = str(UnknownNameError(what, name, known))
        self.add(path, f"must be a {what}", near, hint)

    def choices(self) -> None:
        """Check the words of a mapping that was made in Python."""
        mapping = self.mapping
        for key, rules, known in (
            ("rules", mapping.rules, _RULES),
            ("ages", mapping.ages, _AGE_RULES),
        ):
            for rule, words in known.items():
                if (word := getattr(rules, rule)) not in (*words, OPEN):
                    self.add((key, rule), f"must be {_either(words)}", repr(word), "Correct it.")
        if mapping.match not in (EXACT, LOOSE, OPEN):
            known_ = _either((EXACT, LOOSE))
            self.add(("match",), f"must be {known_}", repr(mapping.match), "Correct it.")
        first, last = mapping.ages.earliest, mapping.ages.latest
        if first is not None and last is not None and first > last:
            rule, hint = "`latest` must not be before `earliest`", "Swap the two."
            self.add(("ages", "latest"), rule, f"{first} and {last}", hint)

    def open_questions(self) -> None:
        """Report everything that a person has still to decide."""
        for path, hint in open_places(self.mapping):
            self.add(path, "is a question that you have to answer", repr(OPEN), hint)

    def code_tables(self) -> None:
        """Check that each code means one thing."""
        for name, table in self.mapping.codes.items():
            seen: dict[str, str] = {}
            for answer, codes in table.items():
                for i, code in enumerate(codes):
                    key = matching(code, self.mapping.match)
                    other = seen.setdefault(key, answer)
                    path = ("codes", name, answer, i)
                    if other != answer:
                        rule, hint = "a code means one thing", "Take it out of one of the two."
                        self.add(path, rule, f"{code!r} of {other!r} and of {answer!r}", hint)
                    elif key in (matching(c, self.mapping.match) for c in codes[:i]):
                        self.add(path, "a code is listed once", repr(code), "Take one away.")

    def layout(self, name: str, layout: Layout) -> None:
        path: Key = ("layouts", name)
        for key in ("id", "unit"):
            if not getattr(layout, key):
                hint = f'Write {key} = "..." with the header of the column.'
                self.add(path, f"a layout needs the column of the {key}", "none", hint)
        if layout.dates not in (*_DATES, OPEN):
            rule = f"must be {_either(_DATES)}"
            self.add((*path, "dates"), rule, repr(layout.dates), "Correct it.")
        self._questions(path, layout)
        self._characteristics(path, layout)
        self._kept(path, layout)
        self._columns_once(path, layout)
        self._complete(path, layout)

    def _questions(self, path: Key, layout: Layout) -> None:
        known = {question.id: question for question in self.framework.questions}
        for id, column in layout.questions.items():
            place = (*path, "questions", id)
            if id not in known:
                self.unknown(place, "question", id, tuple(known), "Correct or remove it.")
                continue
            if not column.column and not column.number:
                hint = 'Write column = "..." or number = "...".'
                self.add(place, "a question needs its column", "none", hint)
            self._targets(place, column.codes, answers_of(known[id], self.framework))

    def _characteristics(self, path: Key, layout: Layout) -> None:
        known = {stratum.name: stratum.levels for stratum in self.framework.strata}
        for name, given in layout.characteristics.items():
            place = (*path, "characteristics", name)
            if name not in known:
                hint = "Correct it, or keep the column under [layouts.*.keep]."
                self.unknown(place, "characteristic", name, tuple(known), hint)
                continue
            dated = bool(given.born) + bool(given.at)
            if dated == 1 or bool(dated) == bool(given.column) or (dated and given.codes):
                rule = "needs `column` and `codes`, or `born` and `at`"
                shown = format_values(
                    [k for k in ("column", "codes", "born", "at") if getattr(given, k)]
                )
                self.add(place, rule, shown, "Write the headers of the columns.")
            elif dated:
                self._bands(place, known[name])
            else:
                self._targets(place, given.codes, (*known[name], UNKNOWN))

    def _bands(self, place: Key, levels: Sequence[str]) -> None:
        from omistats.profiles.age_groups import age_group

        try:
            age_group([], "2000-01-01", levels)
        except UsageError as error:
            hint = "Use a column of groups and its codes."
            self.add(place, "levels must be bands of years", str(error), hint)

    def _kept(self, path: Key, layout: Layout) -> None:
        framework = self.framework
        taken = {"case_id", "unit", *framework.question_ids, *(s.name for s in framework.strata)}
        for name, kept in layout.keep.items():
            place = (*path, "keep", name)
            if name in taken:
                hint = "Call the column something else."
                self.add(place, "is a name of the framework", repr(name), hint)
            if not kept.column:
                self.add(place, "needs its column", "none", 'Write column = "...".')
            if kept.kind not in _KINDS:
                self.add((*place, "kind"), f"must be {_either(_KINDS)}", kept.kind, "Correct it.")
            elif kept.codes and kept.kind != "text":
                hint = "Take one of the two away."
                self.add(place, "has codes or a kind of its own", f"kind {kept.kind!r}", hint)
            if kept.codes:
                self._targets(place, kept.codes, None)

    def _targets(self, place: Key, names: Sequence[str], allowed: Sequence[str] | None) -> None:
        """Check tables of codes: known, each covering the one before, the last in the scale."""
        tables = self.mapping.codes
        place = (*place, "codes")
        if not names:
            hint = 'Write codes = "..." with the name of a table under [codes].'
            self.add(place[:-1], "needs its codes", "none", hint)
        for name in names:
            if name not in tables and name != OPEN:
                self.unknown(place, "table under [codes]", name, tuple(tables))
        if not names or not {*names} <= tables.keys():
            return
        for first, second in zip(names, names[1:], strict=False):
            given = {matching(c, self.mapping.match) for cs in tables[second].values() for c in cs}
            if ANY_OTHER in given:
                continue
            for answer in tables[first]:
                if (
                    answer not in (UNKNOWN, OPEN)
                    and matching(answer, self.mapping.match) not in given
                ):
                    rule = f"must be a code of [codes.{second}], which goes on from here"
                    self.add(("codes", first, answer), rule, repr(answer), "Add it there.")
        for answer in tables[names[-1]] if allowed is not None else ():
            if answer not in (*(allowed or ()), OPEN):
                rule = f"must be one of {format_values(allowed or (), 12)} for {place[-2]}"
                hint = "Correct it, or give this column a table of codes of its own."
                self.add(("codes", names[-1], answer), rule, repr(answer), hint)

    def _columns_once(self, path: Key, layout: Layout) -> None:
        """Check that no column is that of two questions, or ignored and used."""
        owner: dict[str, str] = {}
        numbers: dict[str, str] = {}
        for key, name in ((layout.id, "id"), (layout.unit, "unit")):
            if key and key != OPEN and (other := owner.setdefault(plain(key), name)) != name:
                self._twice((*path, name), key, other)
        for id, question in layout.questions.items():
            place = (*path, "questions", id)
            if question.column and question.column != OPEN:
                other = owner.setdefault(plain(question.column), id)
                if other != id:
                    self._twice((*place, "column"), question.column, other)
            if question.number and (other := numbers.setdefault(question.number, id)) != id:
                self._twice((*place, "number"), question.number, other)
        for header, place in column_places(path, layout):
            owner.setdefault(plain(header), place[-2] if len(place) > 3 else str(place[-1]))  # type: ignore[arg-type]
        for i, header in enumerate(layout.ignore):
            if plain(header) in owner:
                rule, hint = "an ignored column is not used", "Take it away in one place."
                what = f"{header!r} for {owner[plain(header)]}"
                self.add((*path, "ignore", i), rule, what, hint)

    def _twice(self, place: Key, header: str, other: str) -> None:
        rule, hint = "a column is that of one question", "Correct one of the two."
        self.add(place, rule, f"{header!r} is that of {other} as well", hint)

    def _complete(self, path: Key, layout: Layout) -> None:
        """Check that every question and needed characteristic has a column or is absent."""
        strata = {stratum.name: stratum.required for stratum in self.framework.strata}
        known = (*self.framework.question_ids, *strata)
        for i, name in enumerate(layout.absent):
            if name not in known:
                self.unknown((*path, "absent", i), "question or characteristic", name, known)
            elif name in layout.questions or name in layout.characteristics:
                rule, hint = "what is absent has no column", "Take it away in one place."
                self.add((*path, "absent", i), rule, repr(name), hint)
        groups = {
            "questions": self.framework.question_ids,
            "characteristics": tuple(name for name, needed in strata.items() if needed),
        }
        for key, names in groups.items():
            given = (*getattr(layout, key), *layout.absent)
            if missing := [name for name in names if name not in given]:
                hint = "Add each with its column, or list it in `absent`."
                self.add(
                    (*path, key), f"needs all {key}", f"none for {format_values(missing, 8)}", hint
                )

    def unit_names(self, units: Sequence[Unit]) -> None:
        names = self.mapping.units
        ids = tuple(unit.id for unit in units)
        unknown = [id for id in names.synonyms if units and id not in (*ids, OPEN)]
        for id in unknown:
            self.unknown(("units", "synonyms", id), "unit", id, ids)
        if unknown:
            return
        try:
            spellings(names, units)
        except DataError as error:
            where = self.mapping.where("units", "synonyms")
            self.problems.extend(attrs.evolve(problem, where=where) for problem in error.problems)


def answers_of(question: Question, framework: Framework) -> tuple[str, ...]:
    """List what a code of a question may mean."""
    more = () if framework.not_answered is None else (NOT_ANSWERED,)
    return (*question.answers, NOT_APPLICABLE, *more)


def spellings(names: UnitNames, units: Sequence[Unit]) -> Spellings | None:
    """Return the spellings of units with the mapping's own names; None if any name is a unit.

    Raises
    ------
    DataError
        When two units share a name.
    """
    known = {unit.id: unit for unit in units} or {
        id: Unit(id) for id in names.synonyms if id != OPEN
    }
    if not known:
        return None
    merged = tuple(
        attrs.evolve(unit, synonyms=(*unit.synonyms, *names.synonyms.get(unit.id, ())))
        for unit in known.values()
    )
    own = dict.fromkeys(affix for unit in merged for affix in unit.affixes)
    return Spellings.of(merged, (*own, *names.affixes))


def column_places(path: Key, layout: Layout) -> Iterator[tuple[str, Key]]:
    """List the headers that a layout names, with their places, but for those it ignores."""
    yield layout.id, (*path, "id")
    yield layout.unit, (*path, "unit")
    for name, given in layout.characteristics.items():
        for key in ("column", "born", "at"):
            if header := getattr(given, key):
                yield header, (*path, "characteristics", name, key)
    for id, question in layout.questions.items():
        if question.column and not question.number:
            yield question.column, (*path, "questions", id, "column")
    for name, kept in layout.keep.items():
        yield kept.column, (*path, "keep", name, "column")


def open_places(mapping: CaseMapping) -> Iterator[tuple[Key, str]]:
    """List the places where a person has still to decide, with what to do."""
    column = "Write the header of its column, or list it in `absent`."
    for name, table in mapping.codes.items():
        if table.get(OPEN):
            what = f"Move {format_values(table[OPEN])} to what {_each(table[OPEN])} mean."
            yield ("codes", name, OPEN), what
    for key, group, words in (("rules", mapping.rules, _RULES), ("ages", mapping.ages, _AGE_RULES)):
        for rule, known in words.items():
            if getattr(group, rule) == OPEN:
                yield (key, rule), f"Write {_either(known)}."
    if mapping.match == OPEN:
        yield ("match",), f"Write {_either((EXACT, LOOSE))}."
    for name, layout in mapping.layouts.items():
        path: Key = ("layouts", name)
        if layout.dates == OPEN:
            yield (*path, "dates"), f"Write {_either(_DATES)}."
        for header, place in column_places(path, layout):
            if header == OPEN:
                yield place, column
        for key in ("questions", "characteristics", "keep"):
            for entry, given in getattr(layout, key).items():
                if OPEN in given.codes:
                    yield (*path, key, entry, "codes"), "Write the name of a table under [codes]."
    for id, names in mapping.units.synonyms.items():
        if id == OPEN:
            yield ("units", "synonyms", OPEN), f"Move {format_values(names)} to the unit of each."


def _each(codes: Sequence[str]) -> str:
    return "it" if len(codes) == 1 else "they"


_NUMBER = re.compile(r"[^\W_]")


def has_number(header: str, number: str) -> bool:
    """Tell whether a header begins with a number, as ``1.1`` or ``Q1.1 ...``, and not ``1.10``."""
    text, start = plain(header), plain(number)
    if not text.startswith(start):
        return False
    rest = text[len(start) :]
    # `1.1` is not the number of `1.10` nor of `1.1.2`; a dot may end it.
    return not rest or not (_NUMBER.match(rest) or re.match(r"\.\w", rest))
