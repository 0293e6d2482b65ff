"""Check an export: propose a mapping, or say what is new since the last one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from omistats._result_tables import Display, TableResult
from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_values
from omistats.mappings.dates import read_days
from omistats.mappings.layouts import Columns, find_columns, open_layouts, read_table
from omistats.mappings.mapping import (
    OPEN,
    CaseMapping,
    KeptColumn,
    Layout,
    Rules,
    column_places,
    has_number,
    matching,
    plain,
)
from omistats.mappings.mapping_check import open_places
from omistats.mappings.mapping_file import read_for_check
from omistats.mappings.propose import Proposal, propose_mapping, similar
from omistats.mappings.reading import ERROR, NOTE, QUESTION, Doubt, Reading
from omistats.mappings.rows import read_rows
from omistats.mappings.toml_text import toml_text
from omistats.model.framework import Framework
from omistats.model.raw_table import RawTable
from omistats.model.units import Unit
from omistats.programmes.programme import Programme, load as load_programme
from omistats.programmes.toml_files import Key

__all__ = ["Check", "check"]

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("rule", pa.string()),
        ("suggestion", pa.string()),
        ("severity", pa.string()),
        ("rows", pa.int64()),
    ]
)
_SEVERITIES = (ERROR, QUESTION, NOTE)
# Rows listed of one value; `rows` counts them all.
_MOST_ROWS = 100
# A shipped mapping that has this share of its columns here is meant for the export.
_FITS = 0.5


@attrs.frozen(eq=False, repr=False)
class Check(TableResult):
    """What is doubtful in an export, as `omistats.mappings.check` returns it.

    Attributes
    ----------
    table : pyarrow.Table
        One row a doubt and row of the file: ``row`` (as a spreadsheet program shows it; null for
        a whole column or the mapping), ``column`` (the header), ``value`` (null for an empty
        cell), ``rule``, ``suggestion``, ``severity`` (``error``: cases cannot be read yet;
        ``question``: a case is left out or a value becomes unknown; ``note``) and ``rows`` (how
        many rows have it; at most 100 of them are listed).
    mapping : CaseMapping
        The mapping that was proposed or, with a previous one, that one brought up to date; with
        ``"?"`` where a person has to decide.
    comments : dict of tuple to str
        What its file says above entries.
    file : str
        The file and sheet.
    rows, cases : int
        Rows of data, and cases that they would make if everything in error were left as it is.

    Examples
    --------
    >>> import omistats as oms
    >>> frame = {"Case ref": ["1", "2"], "Clinic": ["North", "north"], "ecg": ["Y", "tbc"]}
    >>> found = oms.mappings.check(frame, programme="seizure_clinic")
    >>> found.ready
    False
    >>> "?" in found.to_toml()
    True
    """

    table: pa.Table
    mapping: CaseMapping
    comments: dict[Key, str]
    file: str
    rows: int
    cases: int

    @property
    def ready(self) -> bool:
        """Whether cases can be read by the mapping as it is."""
        return ERROR not in self.table["severity"].to_pylist()

    def to_toml(self) -> str:
        """Return the mapping as TOML, its questions explained in comments.

        Returns
        -------
        str
            The text of a file.
        """
        return toml_text(self.mapping, self.comments)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mapping to a file, replacing an existing one whole.

        Parameters
        ----------
        path : path
            The file; its folder must exist.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        target = Path(path)
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, prefix=target.name, encoding="utf-8", delete=False
        ) as file:
            file.write(self.to_toml())
        Path(file.name).replace(target)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON can hold.

        Returns
        -------
        dict
            ``file``, ``rows``, ``cases``, ``ready`` and ``problems``, a list with one entry a row
            of the table.
        """
        return {
            "file": self.file,
            "rows": self.rows,
            "cases": self.cases,
            "ready": self.ready,
            "problems": self.table.to_pylist(),
        }

    def _display(self) -> Display:
        counts = dict.fromkeys(_SEVERITIES, 0)
        seen = set()
        lines: list[tuple[str, ...]] = [("row", "column", "value", "rule", "suggestion")]
        last = ""
        for row in self.table.to_pylist():
            severity = row["severity"]
            key = (row["column"], row["value"], row["rule"])
            if key in seen:
                continue
            seen.add(key)
            counts[severity] += 1
            if counts[severity] > 40:
                continue
            if severity != last:
                lines.append((severity.upper(), "", "", "", ""))
                last = severity
            lines.append(self._line(row))
        hidden = sum(max(0, count - 40) for count in counts.values())
        head = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items())
        footer = f"and {hidden} more in .table" if hidden else ""
        heading = f"{self.file}: {self.rows:,} rows, {self.cases:,} cases; {head}"
        return Display(heading, lines if len(lines) > 1 else (), footer, 5)

    def _line(self, row: dict[str, Any]) -> tuple[str, ...]:
        same = self._rows_of(row)
        more = row["rows"] - len(same)
        shown = ", ".join(map(str, same)) + (f" +{more}" if more > 0 else "")
        value = "" if row["value"] is None else str(row["value"])
        return (
            shown,
            _short(row["column"] or "", 30),
            _short(value, 30),
            row["rule"],
            row["suggestion"],
        )

    def _rows_of(self, row: dict[str, Any]) -> list[int]:
        """List the first rows of the same doubt."""
        if row["row"] is None:
            return []
        import pyarrow.compute as pc

        same = pc.and_(
            pc.equal(self.table["rule"], row["rule"]), pc.equal(self.table["column"], row["column"])
        )
        if row["value"] is not None:
            same = pc.and_(same, pc.fill_null(pc.equal(self.table["value"], row["value"]), False))
        found = self.table.filter(same)["row"].drop_null().to_pylist()
        return list(dict.fromkeys(found))[:3]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def check(
    source: Any,
    *,
    programme: str | os.PathLike[str] | Programme | None = None,
    mapping: str | os.PathLike[str] | CaseMapping | None = None,
    layout: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Check:
    """Check an export, and propose a mapping for it.

    Parameters
    ----------
    source : path or data frame
        The export, as for `omistats.read_cases`.
    programme : str, path or Programme, optional
        The programme that the cases are for; by default that of ``mapping``. If it ships a
        mapping that most columns fit, that is what the export is checked by.
    mapping : path, str or CaseMapping, optional
        The mapping of an earlier export: what has changed since is reported, and ``mapping`` of
        the result has the changes as questions.
    layout : str, optional
        The layout of the mapping to check by; by default the nearest.
    sheet : str, optional
        The sheet to propose a mapping for; needed if a workbook has several with data.
    header_row : int, optional
        Row of the header, for a proposal; by default it is found.

    Returns
    -------
    Check
        All that is doubtful, and the mapping.

    Raises
    ------
    DataError
        When the file, the mapping or the programme cannot be read.
    UnknownNameError
        When there is no such programme or layout.
    UsageError
        When neither a programme nor a mapping is given.

    Examples
    --------
    >>> import omistats as oms
    >>> frame = {"Case ref": ["1", "2"], "Clinic": ["North", "Nowhere"]}
    >>> found = oms.mappings.check(frame, programme="seizure_clinic")
    >>> sorted(set(found.table["severity"].to_pylist()))
    ['error', 'note']
    """
    if programme is None and mapping is None:
        raise UsageError("pass `programme`, the programme of the cases, or `mapping`")
    known = (
        programme
        if isinstance(programme, Programme) or programme is None
        else load_programme(programme)
    )
    if mapping is not None:
        found, owner, problems = read_for_check(mapping, known)
        return _against(source, found, owner, problems, layout)
    assert known is not None  # noqa: S101  # else neither was given
    shipped = known.folder / "mapping.toml"
    if shipped.exists() and sheet is None and header_row is None:
        found, owner, problems = read_for_check(shipped, known)
        if _is_meant_for(source, found):
            return _against(source, found, owner, problems, layout)
    options = {"sheet": sheet, "header_row": header_row}
    table = read_table(source, **options)
    proposal = propose_mapping(table, known)
    if header_row is not None:
        name, proposed = next(iter(proposal.mapping.layouts.items()))
        layouts = {name: attrs.evolve(proposed, header_row=header_row)}
        proposal = attrs.evolve(proposal, mapping=attrs.evolve(proposal.mapping, layouts=layouts))
    return _of_proposal(table, proposal, known)


def _is_meant_for(source: Any, mapping: CaseMapping) -> bool:
    opened = open_layouts(source, mapping, tuple(mapping.layouts))
    return any(
        len(found[1]) >= _FITS * (len(found[1]) + len(found[2]))
        for found in opened.values()
        if not isinstance(found, DataError)
    )


# --- a proposal ----------------------------------------------------------------------------------


def _of_proposal(table: RawTable, proposal: Proposal, programme: Programme) -> Check:
    mapping = proposal.mapping
    name = next(iter(mapping.layouts))
    used = {plain(header) for header, _ in column_places((), mapping.layouts[name])}
    extra = [
        Doubt(c.name, None, "column not used", "Give it a use, or leave it.", NOTE, _NO_ROWS)
        for c in table.columns
        if plain(c.name) not in used
    ]
    reading = _try_rows(table, mapping, name, programme.framework, programme.units)
    if reading is not None:
        mapping = _ask_rules(mapping, reading)
        mapping = attrs.evolve(mapping, ages=_ask_ages(mapping, reading))
        extra += _odd_inspections(reading)
    doubts = [*_open_doubts(mapping, proposal.comments), *extra]
    if reading is not None:
        doubts += [doubt for doubt in reading.doubts if doubt.rule != "column not used"]
    return _result(table, mapping, proposal.comments, doubts, reading)


_NO_ROWS = np.empty(0, np.intp)


def _open_doubts(mapping: CaseMapping, comments: dict[Key, str]) -> Iterator[Doubt]:
    """List the open questions that are not about rows."""
    for path, hint in open_places(mapping):
        if path[0] in ("codes", "units", "rules", "ages"):
            # Rows with these are listed one by one.
            if path[0] != "codes" or not _is_of_chain(mapping, str(path[1])):
                continue
            hint = comments.get(path, hint)
        else:
            entry = path[:4] if len(path) > 4 else path
            hint = comments.get(entry, hint)
        what = ".".join(map(str, path))
        yield Doubt(
            "", None, f"{what} is open in the mapping", hint.replace("\n", " "), ERROR, _NO_ROWS
        )


def _is_of_chain(mapping: CaseMapping, name: str) -> bool:
    """Tell whether a table of codes goes on from another."""
    layouts = mapping.layouts.values()
    groups = (g for one in layouts for g in (one.questions, one.characteristics, one.keep))
    return any(name in given.codes[1:] for group in groups for given in group.values())


def _closed(mapping: CaseMapping, name: str, framework: Framework) -> CaseMapping:
    """Return the mapping without its open questions, so that rows can be read."""
    layout = mapping.layouts[name]
    questions = {
        id: q for id, q in layout.questions.items() if q.column != OPEN and OPEN not in q.codes
    }
    characteristics = {
        key: c
        for key, c in layout.characteristics.items()
        if OPEN not in (c.column, c.born, c.at, *c.codes) and not (c.born and layout.dates == OPEN)
    }
    # Of a chain whose end is open, the beginning can be checked.
    chained = {
        key: c
        for key, c in characteristics.items()
        if any(mapping.codes.get(table, {}).get(OPEN) for table in c.codes[1:])
    }
    characteristics = {key: c for key, c in characteristics.items() if key not in chained}
    beginnings = {f"{key} ": KeptColumn(c.column, codes=c.codes[:1]) for key, c in chained.items()}
    given = {*questions, *characteristics}
    names = (*framework.question_ids, *(s.name for s in framework.strata))
    reduced = attrs.evolve(
        layout,
        questions=questions,
        characteristics=characteristics,
        keep={k: v for k, v in layout.keep.items() if OPEN not in (v.column, *v.codes)}
        | beginnings,
        absent=tuple(key for key in names if key not in given),
    )
    synonyms = {id: found for id, found in mapping.units.synonyms.items() if id != OPEN}
    codes = {
        key: {answer: cs for answer, cs in table.items() if answer != OPEN}
        for key, table in mapping.codes.items()
    }
    rules: Rules = attrs.evolve(
        mapping.rules,
        **{k: "error" for k, v in attrs.asdict(mapping.rules).items() if v == OPEN},
    )
    errors: dict[str, Any] = dict.fromkeys(
        (k for k, v in attrs.asdict(mapping.ages).items() if v == OPEN), "error"
    )
    ages = attrs.evolve(mapping.ages, **errors)
    closed = attrs.evolve(
        mapping,
        layouts={**mapping.layouts, name: reduced},
        codes=codes,
        units=attrs.evolve(mapping.units, synonyms=synonyms),
        rules=rules,
        ages=ages,
    )
    object.__setattr__(closed, "source", mapping.source)
    return closed


def _try_rows(
    table: RawTable, mapping: CaseMapping, name: str, framework: Framework, units: tuple[Unit, ...]
) -> Reading | None:
    """Recode the rows by what is decided so far; None while the id or the unit is open."""
    layout = mapping.layouts[name]
    if OPEN in (layout.id, layout.unit):
        return None
    closed = _closed(mapping, name, framework)
    columns, problems = find_columns(table, closed, name)
    return None if problems else read_rows(table, closed, name, columns, framework, units)


_ASKED = {
    "every case needs an id": "no_id",
    "every case needs a unit": "no_unit",
    "no question is answered": "no_answers",
}


def _ask_rules(mapping: CaseMapping, reading: Reading) -> CaseMapping:
    """Ask for the rules that this file needs and that are not decided."""
    asked = {}
    for doubt in reading.doubts:
        rule = _ASKED.get(doubt.rule)
        if rule is None and doubt.severity == ERROR and "have one id and differ" in doubt.rule:
            rule = "conflicting"
        if rule is not None and doubt.severity == ERROR:
            asked[rule] = OPEN
    return attrs.evolve(mapping, rules=attrs.evolve(mapping.rules, **asked))


def _ask_ages(mapping: CaseMapping, reading: Reading) -> Any:
    asked: dict[str, Any] = {}
    for doubt in reading.doubts:
        for rule in ("outside", "born_later", "too_young", "too_old", "unreadable"):
            if doubt.severity == ERROR and f"set `{rule}` under [ages]" in doubt.suggestion:
                asked[rule] = OPEN
    return attrs.evolve(mapping.ages, **asked)


def _odd_inspections(reading: Reading) -> Iterator[Doubt]:
    """List inspections that are years apart from most."""
    for name, given in reading.layout.characteristics.items():
        if not given.at:
            continue
        column = reading.column("characteristics", name, "at")
        days = read_days(column, reading.layout.dates)
        if not days.known.any():
            continue
        apart = days.days - np.sort(days.days[days.known])[int(days.known.sum()) // 2]
        rows = np.flatnonzero(days.known & (np.abs(apart.astype(np.int64)) > _YEARS_APART * 365))
        texts = column.text.take(pa.array(rows)).to_pylist()
        for text in dict.fromkeys(texts):
            rule = f"is more than {_YEARS_APART} years from most inspections"
            hint = "Correct it, or set `earliest` and `latest` under [ages]."
            same = rows[[other == text for other in texts]]
            yield Doubt(column.name, text, rule, hint, QUESTION, same)


_YEARS_APART = 2


# --- against an earlier mapping ------------------------------------------------------------------


def _against(
    source: Any,
    mapping: CaseMapping,
    programme: Programme,
    problems: Sequence[Problem],
    layout: str | None,
) -> Check:
    if layout is not None and layout not in mapping.layouts:
        raise UnknownNameError("layout", layout, mapping.layouts)
    names = tuple(mapping.layouts) if layout is None else (layout,)
    opened = open_layouts(source, mapping, names)
    read = {name: found for name, found in opened.items() if not isinstance(found, DataError)}
    if not read:
        raise next(error for error in opened.values() if isinstance(error, DataError))
    name = min(read, key=lambda one: len(read[one][2]) / max(1, len(read[one][1])))
    table, columns, _ = read[name]
    doubts = [
        Doubt("", problem.found, f"{problem.where}: {problem.rule}", problem.hint, ERROR, _NO_ROWS)
        for problem in problems
    ]
    comments: dict[Key, str] = {
        ("layouts", name, "questions", question.id): question.label
        for question in programme.framework.questions
    }
    changed = mapping
    changes, new_layout = _changes(table, mapping, name, columns, comments)
    doubts += changes
    if changes:
        changed = attrs.evolve(changed, layouts={**mapping.layouts, name: new_layout})
    reading = None
    if not problems or all(OPEN in problem.found for problem in problems):
        reading = _try_rows(table, changed, name, programme.framework, programme.units)
    if reading is not None:
        news = {plain(doubt.column) for doubt in changes if doubt.rule == _NEW}
        doubts += [
            d
            for d in reading.doubts
            if not (d.rule == "column not used" and plain(d.column) in news)
        ]
        changed = _ask_codes(changed, reading, comments)
    return _result(table, changed, comments, doubts, reading)


_NEW, _REWORDED, _GONE = "new column", "column reworded", "column gone"


def _changes(
    table: RawTable, mapping: CaseMapping, name: str, columns: Columns, comments: dict[Key, str]
) -> tuple[list[Doubt], Layout]:
    """Compare the headers with those of a mapping."""
    layout, path = mapping.layouts[name], ("layouts", name)
    doubts: list[Doubt] = []
    used = {column.number for column in columns.values()}
    ignored = {plain(header) for header in layout.ignore}
    free = {
        c.name: c
        for c in table.columns
        if c.name and c.number not in used and plain(c.name) not in ignored
    }
    changed: dict[Key, str] = {}
    claimed: set[str] = set()
    for header, place in column_places(path, layout):
        if place in columns or header == OPEN:
            continue
        near = _reworded(header, [text for text in free if text not in claimed])
        if near is not None:
            claimed.add(near)
            hint = f"Is it {near!r}? Write that header, or list what it stood for in `absent`."
            doubts.append(Doubt(near, header, _REWORDED, hint, ERROR, _NO_ROWS))
            text = f"Was {header!r}. Is it now {near!r}?"
        else:
            hint = f"It is {_purpose(place)}. Write another header, or list it in `absent`."
            doubts.append(Doubt(header, None, _GONE, hint, ERROR, _NO_ROWS))
            text = f"Was {header!r}, which is gone."
        comments[place[:4] if len(place) > 4 else place] = text
        changed[place] = OPEN
    for id, question in layout.questions.items():
        if question.number and (found := columns.get((*path, "questions", id, "number"))):
            if question.column and plain(found.name) != plain(question.column):
                hint = f"Look whether {id} still asks the same; then write the new header."
                doubts.append(
                    Doubt(found.name, question.column, _REWORDED, hint, QUESTION, _NO_ROWS)
                )
        elif question.number:
            hint = f"It is {id}. Write another number, or list it in `absent`."
            doubts.append(Doubt(question.number, None, _GONE, hint, ERROR, _NO_ROWS))
            changed[(*path, "questions", id, "number")] = OPEN
    for text in free:
        if text not in claimed:
            hint = "Give it a use, or add it to `ignore`."
            doubts.append(Doubt(text, None, _NEW, hint, NOTE, _NO_ROWS))
    return doubts, _with_headers(layout, changed)


def _purpose(place: Key) -> str:
    return f"the {place[2]}" if len(place) == 3 else f"{place[3]}"


def _reworded(header: str, free: Sequence[str]) -> str | None:
    """Find the column that a header may have become: with its number, or most of its words."""
    number = header.split(maxsplit=1)[0] if header[:1].isdigit() and " " in header else ""
    same = [text for text in free if number and has_number(text, number)]
    if len(same) == 1:
        return same[0]
    near = similar(header, free, 1, 0.75)
    return near[0] if near else None


def _with_headers(layout: Layout, changed: dict[Key, str]) -> Layout:
    """Replace headers of a layout."""
    groups: dict[str, Any] = {
        key: dict(getattr(layout, key)) for key in ("questions", "characteristics", "keep")
    }
    keys: dict[str, Any] = {}
    for place, header in changed.items():
        if len(place) == 3:
            keys[str(place[2])] = header
            continue
        _, _, group, entry, field = place
        fields = {"column": header, "number": ""} if field == "number" else {str(field): header}
        groups[str(group)][str(entry)] = attrs.evolve(groups[str(group)][str(entry)], **fields)
    return attrs.evolve(layout, **groups, **keys)


def _ask_codes(mapping: CaseMapping, reading: Reading, comments: dict[Key, str]) -> CaseMapping:
    """Add codes and units that the mapping has not as open questions."""
    codes = {name: dict(table) for name, table in mapping.codes.items()}
    synonyms = dict(mapping.units.synonyms)
    tables = {column.name: names for column, names in _tables_by_column(reading)}
    for doubt in reading.doubts:
        value = doubt.value
        if doubt.severity != ERROR or value is None:
            continue
        if doubt.rule == "must be a unit":
            synonyms[OPEN] = tuple(dict.fromkeys((*synonyms.get(OPEN, ()), value)))
        elif doubt.rule.startswith("must be a code in the mapping") and doubt.column in tables:
            table = tables[doubt.column][0]
            known = codes[table].get(OPEN, ())
            if matching(value, mapping.match) not in (matching(c, mapping.match) for c in known):
                codes[table][OPEN] = (*known, value)
            text = f"What does each of these mean? {format_values(codes[table][OPEN], 12)}"
            comments["codes", table, OPEN] = text
    units = attrs.evolve(mapping.units, synonyms=synonyms)
    return attrs.evolve(mapping, codes=codes, units=units)


def _tables_by_column(reading: Reading) -> Iterator[tuple[Any, tuple[str, ...]]]:
    layout = reading.layout
    for place, column in reading.columns.items():
        if len(place) == 5:
            given = getattr(layout, str(place[2])).get(place[3])
            if given is not None and given.codes:
                yield column, given.codes


# --- the result ----------------------------------------------------------------------------------


def _result(
    table: RawTable,
    mapping: CaseMapping,
    comments: dict[Key, str],
    doubts: Sequence[Doubt],
    reading: Reading | None,
) -> Check:
    values: list[tuple[Any, ...]] = []
    ordered = sorted(doubts, key=lambda doubt: _SEVERITIES.index(doubt.severity))
    seen: set[tuple[Any, ...]] = set()
    for doubt in ordered:
        what = (doubt.column, doubt.value, doubt.rule, doubt.suggestion, doubt.severity)
        if what in seen:  # two uses of a column
            continue
        seen.add(what)
        rows: list[int | None] = [int(table.rows[row]) for row in doubt.rows[:_MOST_ROWS]] or [None]
        values += [(row, *what, len(doubt.rows)) for row in rows]
    arrays = (
        [
            pa.array(list(column), f.type)
            for column, f in zip(zip(*values, strict=True), SCHEMA, strict=True)
        ]
        if values
        else []
    )
    found = pa.Table.from_arrays(arrays, schema=SCHEMA) if values else SCHEMA.empty_table()
    cases = int(reading.keep.sum()) if reading is not None else 0
    return Check(found, mapping, comments, table.place, len(table), cases)
