"""Assign age groups by the dates of an export; impossible dates go by the rules of the mapping."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats.mappings.dates import Days, read_days
from omistats.mappings.mapping import UNKNOWN, AgeRules
from omistats.mappings.reading import ERROR, QUESTION, Coded, Flags, Reading
from omistats.model.raw_table import RawColumn
from omistats.model.treatment import Treated
from omistats.profiles.age_groups import completed_years, parse_bands

__all__ = ["read_ages"]

# The age above which a century was lost, where the last group is open.
_HIGHEST = 110


def read_ages(reading: Reading, name: str, levels: tuple[str, ...]) -> None:
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
            known & (years > (last if last is not None else _HIGHEST)),
            f"is older than {last if last is not None else _HIGHEST}",
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
    reading.coded[name] = Coded(codes.astype(np.int8), levels)
    for key, days in (("born", born), ("at", at)):
        reading.compared[f"{name}.{key}"] = np.where(days.known, days.days.astype(np.int64), -1)


def _outside(at: Days, earliest: dt.date | None, latest: dt.date | None) -> Flags:
    flags = np.zeros(len(at.days), np.bool_)
    if earliest is not None:
        flags |= at.days < np.datetime64(earliest)
    if latest is not None:
        flags |= at.days > np.datetime64(latest)
    return flags


def _days_rule(rules: AgeRules) -> str:
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
