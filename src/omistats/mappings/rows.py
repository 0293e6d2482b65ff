"""Recode the rows of an export and decide which of them are cases."""

from __future__ import annotations

import os
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import format_values
from omistats.mappings.ages import read_ages
from omistats.mappings.dates import read_days
from omistats.mappings.layouts import Columns
from omistats.mappings.mapping import (
    ANY_OTHER,
    OPEN,
    UNKNOWN,
    CaseMapping,
    matching,
    plain,
    spellings,
)
from omistats.mappings.reading import ERROR, NOTE, QUESTION, Coded, Codes, Flags, Reading
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    Framework,
    Question,
    stored_labels,
)
from omistats.model.raw_table import RawColumn, RawTable
from omistats.model.treatment import NOT_READ, NOT_USED, Treated
from omistats.model.units import Spellings, Unit

__all__ = ["read_rows"]

# Rows from which several columns are coded at the same time.
_LONG = 50_000


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
    _code_columns(reading)
    _note_rest(reading)
    _read_ids(reading)
    _read_units(reading)
    for name, given in reading.layout.characteristics.items():
        levels = framework.stratum(name).levels
        if given.born:
            read_ages(reading, name, levels)
        else:
            column = reading.column("characteristics", name, "column")
            reading.coded[name] = _recode(reading, column, given.codes).over(levels)
    _read_questions(reading)
    _read_kept(reading)
    _add_absent(reading)
    _join_repeated(reading)
    return reading


def _code_columns(reading: Reading) -> None:
    """List the different texts of each column, of several columns at a time if they are long."""
    coded = [c for place, c in reading.columns.items() if place[2:] != ("id",)]
    if len(reading.table) < _LONG:
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda column: column.coded, {c.number: c for c in coded}.values()))


def _note_rest(reading: Reading) -> None:
    """Log the columns that are not used, and the rows below the table."""
    used = {column.number for column in reading.columns.values()}
    ignored = {plain(header) for header in reading.layout.ignore}
    for column in reading.table.columns:
        if column.number in used or not column.name:
            continue
        expected = plain(column.name) in ignored
        rule = "ignored by the mapping" if expected else "not in the mapping"
        reading.log.append(Treated(NOT_USED, column.name, rule, None, None, len(reading.table)))
        if not expected:
            hint = "Add it to `ignore`, or give it a use."
            _doubt_column(reading, column.name, "column not used", hint)
    for row, text in reading.table.footer_rows:
        rule = "below the table"
        reading.log.append(Treated(NOT_READ, "", rule, text, None, 1, (row,)))


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
    found_at: Codes = np.array([*places, -1], np.int32)
    # `CaseSet` refuses more units than this.
    if len(ids) <= np.iinfo(np.int16).max:
        found_at = found_at.astype(np.int16)
    reading.coded["unit"] = Coded(found_at[codes], ids)


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


@attrs.frozen(eq=False)
class _Recoded:
    """What the texts of a column mean.

    Attributes
    ----------
    codes : ndarray of int
        The text of each row, -1 for an empty cell.
    texts : list of str
        The texts; the last stands for an empty cell.
    answers : list of str or None
        What each text means; None if nothing does, or no row has it.
    """

    codes: Codes
    texts: list[str]
    answers: list[str | None]

    def over(self, labels: Sequence[str]) -> Coded:
        """Return codes over labels; other answers are null."""
        place = {label: i for i, label in enumerate(labels)}
        targets = [-1 if answer is None else place.get(answer, -1) for answer in self.answers]
        return Coded(np.array(targets, np.int8)[self.codes], tuple(labels))

    def given(self) -> Flags:
        """Tell which cells hold an answer: not empty, and not one that says `not answered`."""
        pairs = zip(self.texts, self.answers, strict=True)
        flags = [bool(text.strip()) and answer != NOT_ANSWERED for text, answer in pairs]
        return np.array(flags, np.bool_)[self.codes]


def _recode(
    reading: Reading, column: RawColumn, names: Sequence[str], blank: str = UNKNOWN
) -> _Recoded:
    """Find what each text of a column means.

    Parameters
    ----------
    reading : Reading
        Receives doubts and the log.
    column : RawColumn
        The column.
    names : sequence of str
        The tables of codes.
    blank : str
        What an empty cell means that no table lists, for the log; it is null.
    """
    codes, texts = _texts_of(column, reading.layout.labels)
    table = _Table(reading.mapping, names)
    counts = _counts(codes, len(texts))
    answers: list[str | None] = []
    for i, text in enumerate((*texts, "")):
        found, by_rule = table.find(text) if counts[i] else (None, False)
        answers.append(found)
        if not counts[i]:
            continue
        if found is None and text.strip():
            rows = _rows_of(codes, i, len(texts))
            hint = _near_code(reading.mapping, names, text)
            reading.doubt(column.name, text, "must be a code in the mapping", hint, ERROR, rows)
        else:
            answer = blank if found is None else found
            _log_value(reading, column, text, answer, by_rule, (codes, i, len(texts), counts[i]))
    return _Recoded(codes, [*texts, ""], answers)


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
        found = _recode(reading, column, given.codes, framework.blank)
        if not answered.all():
            answered |= found.given()
        reading.coded[id] = found.over(labels)
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


def _read_kept(reading: Reading) -> None:
    for name, given in reading.layout.keep.items():
        column = reading.column("keep", name, "column")
        if given.codes:
            labels = tuple(
                answer
                for answer in reading.mapping.codes[given.codes[-1]]
                if answer not in (UNKNOWN, OPEN)
            )
            reading.coded[name] = _recode(reading, column, given.codes).over(labels)
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
            reading.coded[stratum.name] = Coded(np.full(rows, -1, np.int8), stratum.levels)


def _absent(question: Question, framework: Framework, rows: int) -> Coded:
    labels = stored_labels(framework, question) or question.answers
    code = labels.index(NOT_APPLICABLE) if NOT_APPLICABLE in labels else -1
    return Coded(np.full(rows, code, np.int8), labels)


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
