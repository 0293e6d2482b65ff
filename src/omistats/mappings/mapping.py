"""A mapping: what the columns and codes of an export mean."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from omistats.mappings.toml_text import Comments, toml_text
from omistats.model.raw_table import printable
from omistats.model.units import Spellings, Unit
from omistats.programmes.toml_files import Key, TomlFile

__all__ = [
    "AGE_RULES",
    "ANY_OTHER",
    "DATES",
    "EXACT",
    "FORMAT",
    "KINDS",
    "LOOSE",
    "OPEN",
    "RULES",
    "UNKNOWN",
    "AgeRules",
    "CaseMapping",
    "Characteristic",
    "KeptColumn",
    "Layout",
    "QuestionColumn",
    "Rules",
    "UnitNames",
    "column_places",
    "has_number",
    "matching",
    "plain",
    "spellings",
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

DATES = ("year first", "day first", "month first")
KINDS = ("text", "number", "date")
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


RULES = {
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


AGE_RULES = dict.fromkeys(
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
    >>> mapping.to_toml().splitlines()[:2]
    ['format = 1', 'programme = "youth_justice"']
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
        return printable(".".join(map(str, path))) or "the mapping"

    @property
    def name(self) -> str:
        """The name of its file, or its title."""
        return self.source.name if self.source is not None else self.title or "mapping"


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


_NUMBER = re.compile(r"[^\W_]")


def has_number(header: str, number: str) -> bool:
    """Tell whether a header begins with a number, as ``1.1`` or ``Q1.1 ...``, and not ``1.10``."""
    text, start = plain(header), plain(number)
    if not text.startswith(start):
        return False
    rest = text[len(start) :]
    # `1.1` is not the number of `1.10` nor of `1.1.2`; a dot may end it.
    return not rest or not (_NUMBER.match(rest) or re.match(r"\.\w", rest))
