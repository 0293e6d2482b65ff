"""A sample and its caseload laid beside each other, with all that does not fit."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.model.case_set import CaseSet
from omistats.profiles.characteristics import Asked, Single, counted, read
from omistats.profiles.multi_valued import MultiValued

__all__ = ["Pair", "disagreements", "pairs"]


Counts = npt.NDArray[np.int64]

_MOST = 5


@attrs.frozen(eq=False)
class Pair:
    """One characteristic of a sample and of its caseload.

    Attributes
    ----------
    name, column : str
    levels : tuple of str
        Empty where there is nothing to lay side by side.
    n, N : ndarray of int64, shape (units, levels + 1)
        Cases of the sample and of the caseload; the last column counts the not known.
    codes : ndarray of int16, shape (cases of the sample,)
        -1 where not known.
    theirs : ndarray of int16, shape (cases of the caseload,)
    reason : str or None
        Why there is nothing to lay side by side.
    """

    name: str
    column: str
    levels: tuple[str, ...]
    n: Counts
    N: Counts
    codes: npt.NDArray[np.int16]
    theirs: npt.NDArray[np.int16]
    reason: str | None = None


def pairs(
    sample: CaseSet, caseload: CaseSet, asked: Sequence[Asked], check_ids: bool
) -> tuple[Pair, ...]:
    """Count both by unit and level; units are those of the sample.

    Raises
    ------
    UsageError
        When a case may have several of what is asked for.
    DataError
        When the sample cannot have come from the caseload; all that is wrong is told.
    """
    if several := [one.name for one in asked if isinstance(one.what, MultiValued)]:
        raise UsageError(
            f"a case may have several of {format_values(several)}, which no test of one distribution is "
            "for; compare a breakdown of those with and without each"
        )
    problems: list[Problem] = []
    units = _units(sample, caseload, problems)
    if units is not None and check_ids:
        _same_cases(sample, caseload, problems)
    ours = read(sample, asked, problems)
    theirs = read(caseload, _theirs(asked, caseload, problems), problems)
    if problems or units is None:
        raise DataError(problems)
    out = []
    for one, mine, other in zip(asked, ours, theirs, strict=True):
        if not isinstance(mine, Single) or not isinstance(other, Single):
            lacking = "caseload" if isinstance(mine, Single) else "sample"
            reason = f"no column {one.column!r} in the {lacking}"
            none = np.zeros((len(sample.units), 1), np.int64)
            blank = np.zeros(0, np.int16)
            out.append(Pair(one.name, one.column, (), none, none, blank, blank, reason))
            continue
        codes = _recoded(other, mine.levels)
        n = counted(mine, sample.unit_codes.astype(np.int64), len(sample.units)).n
        at = attrs.evolve(other, levels=mine.levels, codes=codes)
        N = counted(at, units, len(sample.units) + 1).n[:-1]
        problems += _too_many(mine, n, N, sample.units)
        out.append(Pair(one.name, one.column, mine.levels, n, N, mine.codes, codes))
    if problems:
        raise DataError(problems)
    return tuple(out)


def _units(sample: CaseSet, caseload: CaseSet, problems: list[Problem]) -> Counts | None:
    """Give the number among the sample's units of every case of the caseload's."""
    before = len(problems)
    count = len(sample.units)
    place = {unit: i for i, unit in enumerate(sample.units)}
    number = np.array([place.get(u, count) for u in caseload.units] or [count], np.int64)
    units: Counts = number[caseload.unit_codes]
    n = np.bincount(sample.unit_codes, minlength=count)
    N = np.bincount(units, minlength=count + 1)
    if not len(sample):
        problems.append(Problem("sample", "a sample has cases", "none", "Pass the cases drawn."))
    there = set(caseload.units)
    if lost := [u for u in sample.units if u not in there and n[place[u]]]:
        rule = f"units are those of the caseload, {format_values(caseload.units, 8)}"
        hint = "Correct the ids, or add the caseloads of these units."
        problems.append(Problem("unit", rule, format_values(lost), hint))
    large = [
        f"{n[i]:,} from {N[i]:,} in {u!r}"
        for i, u in enumerate(sample.units)
        if u in there and n[i] > N[i]
    ]
    if large:
        rule, hint = "a sample is no larger than its caseload", "Pass the whole caseload."
        problems.append(Problem("sample", rule, _first(large), hint))
    cases = np.bincount(caseload.unit_codes, minlength=len(caseload.units)).tolist()
    left = [
        u
        for u, many in zip(caseload.units, cases, strict=True)
        if many and (u not in place or not n[place[u]])
    ]
    if left and len(sample):
        rule = "a caseload is of units that cases were drawn from"
        hint = "Leave these units out of the caseload with `filter`."
        problems.append(Problem("caseload", rule, f"no case drawn in {format_values(left)}", hint))
    return units if len(problems) == before else None


def _first(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return "; ".join(texts[:_MOST]) + more


def _where(sample: CaseSet, caseload: CaseSet) -> npt.NDArray[np.int64] | str:
    """Give the row in the caseload of each case of the sample, -1 for none; or why not."""
    import pyarrow.compute as pc

    ids, known = sample["case_id"], caseload["case_id"]
    if pa.types.is_integer(ids.type) != pa.types.is_integer(known.type):
        return f"{ids.type} in the sample and {known.type} in the caseload"
    kind = pa.int64() if pa.types.is_integer(ids.type) else pa.large_string()
    found = pc.index_in(ids.cast(kind), value_set=known.cast(kind))
    rows: npt.NDArray[np.int64] = (
        found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return rows


def _same_cases(sample: CaseSet, caseload: CaseSet, problems: list[Problem]) -> None:
    rows = _where(sample, caseload)
    hint = "Where ids were changed on purpose, say check_ids=False."
    if isinstance(rows, str):
        rule = "ids of a sample and its caseload are of one kind"
        problems.append(Problem("case_id", rule, rows, hint))
        return
    ids = sample["case_id"]
    if (rows < 0).any():
        lost = ids.filter(pa.array(rows < 0)).to_pylist()
        text = f"{len(lost):,} of {len(rows):,} that do not: {format_values(lost)}"
        problems.append(Problem("case_id", "ids of the sample stand in the caseload", text, hint))
    theirs = np.array(caseload.units, object)[caseload.unit_codes[np.maximum(rows, 0)]]
    ours = np.array(sample.units, object)[sample.unit_codes]
    moved = np.flatnonzero((rows >= 0) & (ours != theirs))
    if moved.size:
        texts = [
            f"{ids[i].as_py()!r} in {ours[i]!r}, in the caseload in {theirs[i]!r}"
            for i in moved.tolist()
        ]
        rule, hint = "a case is in the unit it was drawn from", "Correct one of the two."
        problems.append(Problem("unit", rule, _first(texts), hint))


def disagreements(sample: CaseSet, caseload: CaseSet, found: Sequence[Pair]) -> dict[str, int]:
    """Count, by characteristic, cases whose level is another in the caseload; 0 left out."""
    rows = _where(sample, caseload)
    if isinstance(rows, str):
        return {}
    out = {}
    for pair in found:
        if pair.reason is None:
            ours, theirs = pair.codes[rows >= 0], pair.theirs[rows[rows >= 0]]
            if many := int(((ours >= 0) & (theirs >= 0) & (ours != theirs)).sum()):
                out[pair.name] = many
    return out


def _theirs(
    asked: Sequence[Asked], caseload: CaseSet, problems: list[Problem]
) -> tuple[Asked, ...]:
    """Ask the caseload for the same, with its own order of levels."""
    levels = {s.name: s.levels for s in caseload.framework.strata}
    out = []
    for one in asked:
        where = f"caseload {one.name!r}"
        if not isinstance(one.what, tuple) or one.column not in caseload:
            out.append(one)
        elif one.name not in levels:
            # A column that the caseload's framework does not know has not been checked.
            found = f"an extra column of type {caseload[one.column].type}"
            hint = "Declare it as a stratum there too."
            problems.append(Problem(where, "a stratum of its framework", found, hint))
        elif set(levels[one.name]) != set(one.what):
            rule = f"the levels are {format_values(one.what, 12)}, as in the sample"
            hint = "Use one declaration of the stratum for both."
            problems.append(Problem(where, rule, format_values(levels[one.name], 12), hint))
        else:
            out.append(attrs.evolve(one, what=levels[one.name]))
    return tuple(out)


def _recoded(one: Single, levels: tuple[str, ...]) -> npt.NDArray[np.int16]:
    table = np.array([levels.index(level) for level in one.levels] + [-1], np.int16)
    return table[one.codes]


def _too_many(one: Single, n: Counts, N: Counts, units: Sequence[str]) -> list[Problem]:
    texts = [
        f"{n[u, i]:,} of {N[u, i]:,} {one.levels[i]!r} in {units[u]!r}"
        for u, i in np.argwhere(n[:, :-1] > N[:, :-1]).tolist()
    ]
    if not texts:
        return []
    rule = "no more cases of a level are drawn than the caseload has"
    hint = "Take the characteristic of both from one record, before cases were inspected."
    return [Problem(one.name, rule, _first(texts), hint)]
