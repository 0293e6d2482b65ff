"""Read an export by its mapping: cases, and a log of what was done to make them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_values
from omistats.mappings.dates import Days, read_days
from omistats.mappings.mapping import (
    ANY_OTHER,
    OPEN,
    UNKNOWN,
    CaseMapping,
    Characteristic,
    Layout,
    column_places,
    has_number,
    load_with_programme,
    matching,
    plain,
    spellings,
)
from omistats.model import batches
from omistats.model.case_set import CaseSet
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    Framework,
    Question,
    stored_labels,
)
from omistats.model.metadata import SYNTHETIC
from omistats.model.raw_table import RawColumn, RawTable, column_letter
from omistats.model.tabular_files import read_raw_table
from omistats.model.treatment import LEFT_OUT, Treated, Treatment
from omistats.model.units import Spellings, Unit
from omistats.profiles.age_groups import completed_years, parse_bands
from omistats.programmes.toml_files import Key

__all__ = [
    "ERROR",
    "NOTE",
    "QUESTION",
    "Doubt",
    "Reading",
    "choose_layout",
    "find_columns",
    "open_layouts",
    "read_cases",
    "read_rows",
]

Codes = npt.NDArray[np.signedinteger[Any]]
Flags = npt.NDArray[np.bool_]

ERROR: Final = "error"
"""How bad a doubt is: cases are not made."""
QUESTION: Final = "question"
"""A person should look at it: a case was left out, or a value became unknown."""
NOTE: Final = "note"
"""Worth knowing."""

# Row numbers that are kept of values; of rows left out all are.
_MOST_ROWS = 1_000


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


# --- columns and layouts -------------------------------------------------------------------------

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


Opened = tuple[RawTable, dict[Key, RawColumn], list[Problem]]


def open_layouts(
    source: Any, mapping: CaseMapping, names: Sequence[str]
) -> dict[str, Opened | DataError]:
    """Read a source as each layout says, and find its columns; or the error of reading it."""
    tables: dict[tuple[Any, ...], RawTable | DataError] = {}
    found: dict[str, Opened | DataError] = {}
    for name in names:
        layout = mapping.layouts[name]
        options = {
            "sheet": layout.sheet or None,
            "header_row": layout.header_row or None,
            "encoding": layout.encoding or None,
            "separator": layout.separator or None,
            "footer_rows": layout.footer_rows or None,
        }
        key = tuple(options.values())
        if key not in tables:
            try:
                tables[key] = read_raw_table(source, **options)
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


# --- rows ----------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Doubt:
    """Something in the data that a person should look at.

    Attributes
    ----------
    column : str
        The header; empty for whole rows.
    value : str or None
        The value in the file.
    rule : str
        What was expected, or done.
    suggestion : str
        What to do.
    severity : {'error', 'question', 'note'}
        Whether cases can be made.
    rows : ndarray of int
        The positions of the rows; empty for the whole column.
    """

    column: str
    value: str | None
    rule: str
    suggestion: str
    severity: str
    rows: npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class _Coded:
    """A column after recoding.

    Attributes
    ----------
    codes : ndarray of int
        One entry a row, -1 for null.
    labels : tuple of str
        The label of each code.
    """

    codes: Codes
    labels: tuple[str, ...]


@attrs.define(eq=False)
class Reading:
    """Rows on their way to cases."""

    table: RawTable
    mapping: CaseMapping
    layout_name: str
    columns: Columns
    framework: Framework
    units: tuple[Unit, ...]
    doubts: list[Doubt] = attrs.field(factory=list)
    log: list[Treated] = attrs.field(factory=list)
    left_out: list[Treated] = attrs.field(factory=list)
    keep: Flags = attrs.field(init=False)
    ids: pa.Array = attrs.field(init=False)
    coded: dict[str, _Coded] = attrs.field(factory=dict)
    kept: dict[str, pa.Array] = attrs.field(factory=dict)
    # What else distinguishes rows with one id.
    compared: dict[str, Codes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.keep = np.ones(len(self.table), np.bool_)

    @property
    def layout(self) -> Layout:
        """The layout that is used."""
        return self.mapping.layouts[self.layout_name]

    @property
    def path(self) -> Key:
        """Where the layout is in the mapping."""
        return ("layouts", self.layout_name)

    def column(self, *place: str) -> RawColumn:
        """Return the column of a place in the layout."""
        return self.columns[(*self.path, *place)]

    def numbers(self, rows: npt.NDArray[np.intp], most: int | None = _MOST_ROWS) -> tuple[int, ...]:
        """Return the row numbers of positions, as a spreadsheet program shows them."""
        return tuple(self.table.rows[rows[:most]].tolist())

    def doubt(
        self,
        column: str,
        value: str | None,
        rule: str,
        suggestion: str,
        severity: str,
        rows: npt.NDArray[np.intp],
    ) -> None:
        """Note something to look at."""
        self.doubts.append(Doubt(column, value, rule, suggestion, severity, rows))

    def leave_out(
        self, rows: npt.NDArray[np.intp], column: str, rule: str, value: str | None = None
    ) -> None:
        """Leave rows out, and say why; those that are out already are not counted again."""
        rows = rows[self.keep[rows]]
        if len(rows):
            self.keep[rows] = False
            numbers = self.numbers(rows, None)
            self.left_out.append(Treated(LEFT_OUT, column, rule, value, None, len(rows), numbers))

    def cases(self) -> CaseSet:
        """Make the cases of the rows that are kept.

        Raises
        ------
        DataError
            When an answer is given to a question that the case is not asked.
        """
        whole = bool(self.keep.all())
        mask = None if whole else pa.array(self.keep)
        arrays: dict[str, pa.Array] = {"case_id": self.ids if whole else self.ids.filter(mask)}
        for name, coded in self.coded.items():
            codes = coded.codes if whole else coded.codes[self.keep]
            question = self.framework.question(name) if name in self._questions() else None
            arrays[name] = (
                _arrow.dictionary(codes, coded.labels)
                if question is None or stored_labels(self.framework, question) is not None
                # Labels are sufficient and not sufficient, in this order.
                else pa.array(codes == 0, mask=codes < 0)
            )
        arrays |= {name: a if whole else a.filter(mask) for name, a in self.kept.items()}
        metadata = self.treatment().to_metadata()
        if self.mapping.synthetic:
            metadata[SYNTHETIC] = b"true"
        used = set(_arrow.used_labels(_arrow.codes_of(arrays["unit"]), self.coded["unit"].labels))
        units = [unit for unit in self.units if unit.id in used] or None
        table = pa.table(arrays).replace_schema_metadata(metadata)
        return CaseSet.from_data(table, framework=self.framework, units=units)

    def _questions(self) -> frozenset[str]:
        return frozenset(self.framework.question_ids)

    def treatment(self) -> Treatment:
        """Return the log."""
        table = self.table
        return Treatment.of_entries(
            [*self.left_out, *self.log],
            file=table.place.partition(", sheet ")[0],
            sheet=table.sheet or "",
            mapping=self.mapping.name,
            layout=self.layout_name,
            rows=len(table),
            cases=int(self.keep.sum()),
        )


def read_rows(
    table: RawTable,
    mapping: CaseMapping,
    layout: str,
    columns: Columns,
    framework: Framework,
    units: tuple[Unit, ...],
) -> Reading:
    """Recode the rows of a table and decide which are cases; doubts are collected, not raised.

    Parameters
    ----------
    table : RawTable
        The table.
    mapping : CaseMapping
        A mapping without problems.
    layout : str
        The layout that fits.
    columns : mapping of tuple to RawColumn
        Its columns, as `find_columns` returns them.
    framework : Framework
        Questions and characteristics.
    units : tuple of Unit
        The declared units.
    """
    reading = Reading(table, mapping, layout, columns, framework, units)
    _note_rest(reading)
    _read_ids(reading)
    _read_units(reading)
    for name, given in reading.layout.characteristics.items():
        levels = framework.stratum(name).levels
        if given.born:
            _read_ages(reading, name, given, levels)
        else:
            column = reading.column("characteristics", name, "column")
            reading.coded[name] = _recode(reading, column, given.codes, levels)
    _read_questions(reading)
    _read_kept(reading)
    _add_absent(reading)
    _join_repeated(reading)
    return reading


def _note_rest(reading: Reading) -> None:
    """Log the columns that are not used, and the rows below the table."""
    used = {column.number for column in reading.columns.values()}
    ignored = {plain(header) for header in reading.layout.ignore}
    for column in reading.table.columns:
        if column.number in used or not column.name:
            continue
        expected = plain(column.name) in ignored
        rule = "ignored by the mapping" if expected else "not in the mapping"
        reading.log.append(Treated("not used", column.name, rule, None, None, len(reading.table)))
        if not expected:
            hint = "Add it to `ignore`, or give it a use."
            _doubt_column(reading, column.name, "column not used", hint)
    for row, text in reading.table.footer_rows:
        rule = "below the table"
        reading.log.append(Treated("no data", "", rule, text, None, 1, (row,)))


def _doubt_column(reading: Reading, column: str, rule: str, hint: str) -> None:
    reading.doubt(column, None, rule, hint, NOTE, np.empty(0, np.intp))


def _read_ids(reading: Reading) -> None:
    import pyarrow.compute as pc

    column = reading.column("id")
    text = column.text
    trimmed = pc.utf8_trim_whitespace(text)
    changed = int(pc.sum(pc.not_equal(trimmed, text)).as_py() or 0)
    if changed:
        rule = "blanks around ids are taken away"
        reading.log.append(Treated("recoded", column.name, rule, None, None, changed))
    filled = pc.fill_null(pc.not_equal(trimmed, ""), False)
    gone = np.flatnonzero(~filled.to_numpy(zero_copy_only=False))
    if len(gone):
        policy = reading.mapping.rules.no_id
        hint = "Fill it in, or set `no_id` under [rules]."
        severity = ERROR if policy == "error" else QUESTION
        reading.doubt(column.name, None, "every case needs an id", hint, severity, gone)
        if policy == "leave out":
            reading.leave_out(gone, column.name, "without an id")
        elif policy == "number":
            values = np.array(trimmed.to_pylist(), object)
            values[gone] = [f"without id {i}" for i in range(1, len(gone) + 1)]
            trimmed = pa.array(values, trimmed.type)
            rule, after = "without an id", "without id 1 and so on"
            entry = Treated("numbered", column.name, rule, None, after, len(gone))
            reading.log.append(attrs.evolve(entry, row_numbers=reading.numbers(gone)))
    reading.ids = trimmed


def _texts_of(column: RawColumn, labels: bool) -> tuple[Codes, list[str]]:
    """Return the codes of a column and the text of each; -1 is an empty cell."""
    coded = column.coded
    texts: list[str] = coded.dictionary.to_pylist()
    if labels and column.labels:
        texts = [column.labels.get(text, text) for text in texts]
    return _arrow.codes_of(coded), texts


def _counts(codes: Codes, labels: int) -> npt.NDArray[np.intp]:
    """Count the rows of each code; the last entry is that of -1."""
    found = np.bincount(codes.astype(np.int64, copy=False) + 1, minlength=labels + 1)
    return np.roll(found, -1)


def _read_units(reading: Reading) -> None:
    column = reading.column("unit")
    names = reading.mapping.units
    codes, texts = _texts_of(column, reading.layout.labels)
    counts = _counts(codes, len(texts))
    none = {matching(name, reading.mapping.match) for name in names.unknown}
    index = spellings(names, reading.units)
    ids = tuple(unit.id for unit in (index.units if index is not None else ()))
    if index is None:
        ids = _own_units(reading, column, codes, texts)
    own = {id: i for i, id in enumerate(ids)}
    places, missing = [], [True] * (len(texts) + 1)
    for i, text in enumerate(texts):
        place = -1
        if text.strip() and matching(text, reading.mapping.match) not in none:
            missing[i] = False
            found = own.get(text.strip()) if index is None else index.find(text)
            if found is None and index is not None and counts[i]:
                rows = np.flatnonzero(codes == i)
                hint = _near_units(index, text)
                reading.doubt(column.name, text, "must be a unit", hint, ERROR, rows)
            place = -1 if found is None else found
            shown = "" if index is None or found is None else index.units[found].name
            if place >= 0 and text not in (shown, ids[place]) and counts[i]:
                entry = Treated("unit matched", column.name, "spelling", text, ids[place], 0)
                reading.log.append(attrs.evolve(entry, rows=int(counts[i])))
        places.append(place)
    _without_unit(reading, column.name, np.flatnonzero(np.array(missing)[codes]))
    kind = np.int16 if len(ids) <= np.iinfo(np.int16).max else np.int32
    reading.coded["unit"] = _Coded(np.array([*places, -1], kind)[codes], ids)


def _own_units(
    reading: Reading, column: RawColumn, codes: Codes, texts: Sequence[str]
) -> tuple[str, ...]:
    """List the units of data whose programme declares none; those that look alike are doubted."""
    alike: dict[str, dict[str, None]] = {}
    for text in texts:
        if text.strip():
            alike.setdefault(plain(text), {})[text.strip()] = None
    for spelled in alike.values():
        if len(spelled) > 1:
            wanted = [i for i, text in enumerate(texts) if text.strip() in spelled]
            rows = np.flatnonzero(np.isin(codes, wanted))
            first, *others = spelled
            hint = f"Write {first!r} = [{format_values(others)}] under [units.synonyms]."
            rule = "two spellings of a unit look alike"
            reading.doubt(column.name, format_values(spelled), rule, hint, ERROR, rows)
    return tuple(sorted({text for spelled in alike.values() for text in spelled}))


def _near_units(index: Spellings, text: str) -> str:
    candidates = index.candidates(text) or index.near(text)
    if not candidates:
        return "Add it to [units.synonyms], or correct it."
    names = " or ".join(repr(index.units[i].id) for i in candidates[:3])
    return f"Is it {names}? Add it there under [units.synonyms]."


def _without_unit(reading: Reading, column: str, rows: npt.NDArray[np.intp]) -> None:
    rows = rows[reading.keep[rows]]
    if not len(rows):
        return
    leave = reading.mapping.rules.no_unit == "leave out"
    hint = "Fill it in, or set `no_unit` under [rules]."
    severity = QUESTION if leave else ERROR
    reading.doubt(column, None, "every case needs a unit", hint, severity, rows)
    if leave:
        reading.leave_out(rows, column, "without a unit")


# --- codes ---------------------------------------------------------------------------------------


class _Table:
    """What each text means by a chain of tables of codes."""

    def __init__(self, mapping: CaseMapping, names: Sequence[str]) -> None:
        self._match = mapping.match
        self._tables = [
            {
                matching(c, self._match): answer
                for answer, cs in mapping.codes[name].items()
                for c in cs
            }
            for name in names
        ]

    def find(self, text: str) -> tuple[str | None, bool]:
        """Return what a text means, None if nothing; and whether it is any other text."""
        by_rule = False
        for table in self._tables:
            key = matching(text, self._match)
            found = table.get(key)
            if found is None and key:
                found = table.get(ANY_OTHER)
                by_rule = by_rule or found is not None
            if found is None or found == UNKNOWN:
                return found, by_rule
            text = found
        return text, by_rule


def _recode(
    reading: Reading,
    column: RawColumn,
    names: Sequence[str],
    labels: Sequence[str],
    blank: str = UNKNOWN,
) -> _Coded:
    """Recode a column to labels; other answers than these become null.

    Parameters
    ----------
    reading : Reading
        Receives doubts and the log.
    column : RawColumn
        The column.
    names : sequence of str
        The tables of codes.
    labels : sequence of str
        What the codes of the result stand for.
    blank : str
        What an empty cell means that no table lists.
    """
    codes, texts = _texts_of(column, reading.layout.labels)
    table = _Table(reading.mapping, names)
    counts = _counts(codes, len(texts))
    place = {label: i for i, label in enumerate(labels)}
    targets = []
    for i, text in enumerate((*texts, "")):
        if not counts[i]:
            targets.append(-1)
            continue
        found, by_rule = table.find(text)
        rows = np.empty(0, np.intp)
        if found is None and text.strip():
            rows = _rows_of(codes, i, len(texts))
            hint = _near_code(reading.mapping, names, text)
            reading.doubt(column.name, text, "a code that the mapping has not", hint, ERROR, rows)
        answer = blank if found is None else found
        targets.append(place.get(answer, -1))
        if found is not None or not text.strip():
            _log_value(reading, column, text, answer, by_rule, (codes, i, len(texts), counts[i]))
    return _Coded(np.array(targets, np.int8)[codes], tuple(labels))


def _rows_of(codes: Codes, code: int, empty: int) -> npt.NDArray[np.intp]:
    return np.flatnonzero(codes == (-1 if code == empty else code))


def _log_value(
    reading: Reading,
    column: RawColumn,
    text: str,
    answer: str,
    by_rule: bool,
    place: tuple[Codes, int, int, int],
) -> None:
    codes, i, empty, count = place
    blank = not text.strip()
    if plain(text) == plain(answer):
        return
    rule, step = "code", "recoded"
    if by_rule:
        rule = "any other text"
    elif blank:
        rule = "empty cell"
    if answer in (UNKNOWN, NOT_ANSWERED):
        step = "set to unknown" if answer == UNKNOWN else NOT_ANSWERED
    rows: tuple[int, ...] = ()
    if blank and answer == UNKNOWN:
        positions = _rows_of(codes, i, empty)
        reading.doubt(
            column.name, None, "empty cell: unknown", "Fill it in if it is known.", NOTE, positions
        )
    if by_rule or (step != "recoded" and not blank):
        positions = _rows_of(codes, i, empty)
        rows = reading.numbers(positions)
        severity = NOTE if by_rule or step == NOT_ANSWERED else QUESTION
        said = f"{rule}: {answer}" if by_rule else f"set to {answer}"
        reading.doubt(column.name, text, said, "Look whether it is meant so.", severity, positions)
    before = None if blank else text
    reading.log.append(Treated(step, column.name, rule, before, answer, int(count), rows))


def _near_code(mapping: CaseMapping, names: Sequence[str], text: str) -> str:
    from difflib import get_close_matches

    known = [c for c in (c for cs in mapping.codes[names[0]].values() for c in cs) if c.strip()]
    near = get_close_matches(plain(text), {plain(code) for code in known}, n=1)
    meant = [code for code in known if near and plain(code) == near[0]]
    also = f" Is it {meant[0]!r}?" if meant else ""
    return f"Add it to what it means under [codes.{names[0]}].{also}"


def _read_questions(reading: Reading) -> None:
    framework = reading.framework
    answered = np.zeros(len(reading.table), np.bool_)
    for id, given in reading.layout.questions.items():
        key = "number" if given.number else "column"
        column = reading.column("questions", id, key)
        question = framework.question(id)
        labels = stored_labels(framework, question) or question.answers
        full = tuple(dict.fromkeys((*labels, NOT_APPLICABLE, NOT_ANSWERED)))
        coded = _recode(reading, column, given.codes, full, framework.blank)
        if not answered.all():
            answered |= _is_answered(reading, column, coded)
        reading.coded[id] = _Coded(_stored(coded.codes, full, labels), labels)
    rows = np.flatnonzero(~answered)
    rows = rows[reading.keep[rows]]
    policy = reading.mapping.rules.no_answers
    if not len(rows) or not reading.layout.questions:
        return
    hint = "Look at the rows, or set `no_answers` under [rules]."
    severity = {"error": ERROR, "keep": NOTE}.get(policy, QUESTION)
    reading.doubt("", None, "no question is answered", hint, severity, rows)
    if policy == "leave out":
        reading.leave_out(rows, "", "without answers")


def _is_answered(reading: Reading, column: RawColumn, coded: _Coded) -> Flags:
    """Tell which cells hold an answer: not empty, and not one that says `not answered`."""
    codes, texts = _texts_of(column, reading.layout.labels)
    filled = np.array([*(bool(text.strip()) for text in texts), False], np.bool_)
    none = coded.labels.index(NOT_ANSWERED)
    return np.asarray(filled[codes] & (coded.codes != none), np.bool_)


def _stored(codes: Codes, full: Sequence[str], labels: Sequence[str]) -> Codes:
    """Keep the codes of stored labels; the others, which come after them, are null."""
    if len(full) == len(labels):
        return codes
    return np.where(codes < len(labels), codes, np.int8(-1))


def _read_kept(reading: Reading) -> None:
    for name, given in reading.layout.keep.items():
        column = reading.column("keep", name, "column")
        if given.codes:
            labels = tuple(
                answer
                for answer in reading.mapping.codes[given.codes[-1]]
                if answer not in (UNKNOWN, OPEN)
            )
            reading.coded[name] = _recode(reading, column, given.codes, labels)
            continue
        if given.kind == "date":
            found = read_days(column, reading.layout.dates)
            _doubt_unreadable(reading, column, found.unreadable, "date")
            days = (
                found.days.astype(np.int32, copy=False)
                if len(found.days)
                else np.empty(0, np.int32)
            )
            reading.kept[name] = pa.array(days, mask=~found.known).cast(pa.date32())
        elif given.kind == "number":
            reading.kept[name] = _numbers(reading, column)
        else:
            reading.kept[name] = column.text
        reading.compared[name] = _arrow.codes_of(column.coded)


def _numbers(reading: Reading, column: RawColumn) -> pa.Array:
    coded = column.coded
    texts = coded.dictionary.to_pylist()
    values = [_number(text) for text in texts]
    table = np.array([*(0.0 if value is None else value for value in values), 0.0])
    codes = _arrow.codes_of(coded)
    known = np.array([*(value is not None for value in values), False], np.bool_)[codes]
    blank = np.array([*(not text.strip() for text in texts), True], np.bool_)[codes]
    _doubt_unreadable(reading, column, ~known & ~blank, "number")
    return pa.array(table[codes], mask=~known)


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", "") if text.count(",") else text)
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _doubt_unreadable(reading: Reading, column: RawColumn, odd: Flags, what: str) -> None:
    coded = column.coded
    rows = np.flatnonzero(odd)
    codes = _arrow.codes_of(coded)[rows]
    for code in dict.fromkeys(codes.tolist()):
        text = coded.dictionary[code].as_py()
        rule, hint = (
            f"must be a {what}",
            f"Correct it in the file, or set the order of dates: {what}.",
        )
        if what == "number":
            hint = "Correct it in the file, or keep the column as text."
        reading.doubt(column.name, text, rule, hint, ERROR, rows[codes == code])


def _add_absent(reading: Reading) -> None:
    """Add the questions and characteristics that the layout says are absent."""
    rows = len(reading.table)
    for question in reading.framework.questions:
        if question.id not in reading.coded:
            reading.coded[question.id] = _absent(question, reading.framework, rows)
    for stratum in reading.framework.strata:
        if stratum.name not in reading.coded and stratum.required:
            reading.coded[stratum.name] = _Coded(np.full(rows, -1, np.int8), stratum.levels)


def _absent(question: Question, framework: Framework, rows: int) -> _Coded:
    labels = stored_labels(framework, question) or question.answers
    code = labels.index(NOT_APPLICABLE) if NOT_APPLICABLE in labels else -1
    return _Coded(np.full(rows, code, np.int8), labels)


# --- ages ----------------------------------------------------------------------------------------


def _read_ages(reading: Reading, name: str, given: Characteristic, levels: tuple[str, ...]) -> None:
    """Assign age groups; dates from which none follows go by the rules of the mapping."""
    order = reading.layout.dates
    column = {key: reading.column("characteristics", name, key) for key in ("born", "at")}
    born, at = (read_days(column[key], order) for key in ("born", "at"))
    bands = parse_bands(levels)[1]
    years = completed_years(born.days, at.days)
    known = born.known & at.known
    rules = reading.mapping.ages
    bad = np.zeros(len(known), np.bool_)
    last = bands[-1][1]
    checks = (
        ("unreadable", "born", born.unreadable, "is no date"),
        ("unreadable", "at", at.unreadable, "is no date"),
        ("outside", "at", at.known & _outside(at, rules.earliest, rules.latest), _days_rule(rules)),
        ("born_later", "born", known & (born.days > at.days), "is after the inspection"),
        ("too_young", "born", known & (years < bands[0][0]), f"is younger than {bands[0][0]}"),
        (
            "too_old",
            "born",
            known & (years > (last if last is not None else 110)),
            f"is older than {last if last is not None else 110}",
        ),
    )
    for rule, key, flags, what in checks:
        rows = np.flatnonzero(flags & ~bad)
        bad |= flags
        if len(rows):
            _impossible(reading, column[key], rows, getattr(rules, rule), (rule, what))
    empty = ~(born.known | born.unreadable) | ~(at.known | at.unreadable)
    if missing := int((empty & ~bad).sum()):
        header = f"{column['born'].name}, {column['at'].name}"
        entry = Treated("set to unknown", header, "empty cell", None, UNKNOWN, missing)
        reading.log.append(entry)
    starts = np.array([low for low, _ in bands])
    codes = np.where(known & ~bad, np.searchsorted(starts, years, "right") - 1, -1)
    reading.coded[name] = _Coded(codes.astype(np.int8), levels)
    for key, days in (("born", born), ("at", at)):
        reading.compared[f"{name}.{key}"] = np.where(days.known, days.days.astype(np.int64), -1)


def _outside(at: Days, earliest: Any, latest: Any) -> Flags:
    flags = np.zeros(len(at.days), np.bool_)
    if earliest is not None:
        flags |= at.days < np.datetime64(earliest)
    if latest is not None:
        flags |= at.days > np.datetime64(latest)
    return flags


def _days_rule(rules: Any) -> str:
    first, last = rules.earliest, rules.latest
    if first is None or last is None:
        return f"is after {last}" if first is None else f"is before {first}"
    return f"is not between {first} and {last}"


def _impossible(
    reading: Reading,
    column: RawColumn,
    rows: npt.NDArray[np.intp],
    policy: str,
    rule: tuple[str, str],
) -> None:
    name, what = rule
    coded = column.coded
    codes = _arrow.codes_of(coded)[rows]
    severity = ERROR if policy == "error" else QUESTION
    hint = f"Correct the date, or set `{name}` under [ages]."
    for code in dict.fromkeys(codes.tolist()):
        text, at = coded.dictionary[code].as_py(), rows[codes == code]
        reading.doubt(column.name, text, what, hint, severity, at)
        if policy == "leave out":
            reading.leave_out(at, column.name, what, text)
        else:
            entry = Treated("set to unknown", column.name, what, text, UNKNOWN, len(at))
            reading.log.append(attrs.evolve(entry, row_numbers=reading.numbers(at)))


# --- repeated ids --------------------------------------------------------------------------------


def _join_repeated(reading: Reading) -> None:
    """Apply the rules on rows with one id."""
    whole = bool(reading.keep.all())
    used = reading.ids if whole else reading.ids.filter(pa.array(reading.keep))
    repeated = _arrow.duplicates(used)
    if not repeated:
        return
    import pyarrow.compute as pc

    values = pa.array(repeated, reading.ids.type)
    among = pc.is_in(reading.ids, value_set=values).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(among & reading.keep)
    ids = np.array(reading.ids.take(pa.array(rows)).to_pylist(), object)
    names = [*reading.coded, *reading.compared]
    columns = [c.codes for c in reading.coded.values()] + list(reading.compared.values())
    matrix = np.stack([column[rows].astype(np.int64) for column in columns], axis=1)
    order = np.lexsort((rows, ids.astype(str)))
    starts = np.flatnonzero(np.r_[True, ids[order][1:] != ids[order][:-1]])
    groups = np.split(order, starts[1:])
    # In the order of the file.
    for group in sorted(groups, key=lambda places: int(places[0])):
        differ = [
            n
            for n, same in zip(names, (matrix[group] == matrix[group[0]]).all(0), strict=True)
            if not same
        ]
        _join_group(reading, str(ids[group[0]]), rows[group], differ)


def _join_group(
    reading: Reading, id: str, rows: npt.NDArray[np.intp], differ: Sequence[str]
) -> None:
    header, rules = reading.column("id").name, reading.mapping.rules
    policy = rules.conflicting if differ else rules.identical
    numbers = " and ".join(map(str, reading.numbers(rows)))
    if differ:
        what = f"rows {numbers} have one id and differ in {format_values(differ)}"
        hint = "Correct the ids, or set `conflicting` under [rules]."
    else:
        what = f"rows {numbers} are the same in all that is read"
        hint = "Look whether the case was entered twice; see `identical` under [rules]."
    severity = ERROR if policy == "error" else QUESTION
    reading.doubt(header, id, what, hint, severity, rows)
    if policy == "error":
        return
    out = {"keep one": rows[1:], "keep first": rows[1:], "keep last": rows[:-1]}.get(policy, rows)
    kept = set(rows.tolist()) - set(out.tolist())
    stays = f"row {reading.table.rows[kept.pop()]}" if kept else ""
    rule = f"the same as {stays}" if not differ else f"in conflict with {stays or 'one another'}"
    reading.leave_out(out, header, rule, id)


# --- errors --------------------------------------------------------------------------------------


def _problems(reading: Reading) -> Iterator[Problem]:
    """Turn the doubts that are errors into problems, one a column and rule."""
    groups: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in reading.doubts:
        if doubt.severity == ERROR:
            groups.setdefault((doubt.column, doubt.rule), []).append(doubt)
    for (column, rule), doubts in groups.items():
        where = reading.table.place + (f', column "{column}"' if column else "")
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
