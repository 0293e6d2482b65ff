"""Match a sample with its caseload: the same units, cases, characteristics and levels."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.model.case_set import CaseSet
from omistats.profiles.characteristics import (
    CharacteristicSpec,
    SingleColumn,
    count_levels,
    read_columns,
)
from omistats.profiles.multi_valued import MultiValued

__all__ = ["Pair", "disagreements", "match_characteristics"]


Counts = npt.NDArray[np.int64]

_LISTED = 5


@attrs.frozen(eq=False)
class Pair:
    """One characteristic of a sample and of its caseload.

    Attributes
    ----------
    name, column : str
    levels : tuple of str
        Empty if sample or caseload lack the column.
    n, N : ndarray of int64, shape (units, levels + 1)
        Cases of the sample and of the caseload; the last column counts the cases whose level
        is not known.
    codes : ndarray of int16, shape (cases of the sample,)
        Levels of the sample; -1 where not known.
    caseload_codes : ndarray of int16, shape (cases of the caseload,)
        Levels of the caseload; -1 where not known.
    reason : str or None
        Why the two cannot be compared.
    """

    name: str
    column: str
    levels: tuple[str, ...]
    n: Counts
    N: Counts
    codes: npt.NDArray[np.int16]
    caseload_codes: npt.NDArray[np.int16]
    reason: str | None = None


def match_characteristics(
    sample: CaseSet, caseload: CaseSet, specs: Sequence[CharacteristicSpec], check_ids: bool
) -> tuple[Pair, ...]:
    """Count sample and caseload by characteristic, level and unit of the sample.

    Raises
    ------
    UsageError
        When a characteristic is multi-valued.
    DataError
        When the sample cannot have come from the caseload; all problems are reported together.
    """
    if several := [spec.name for spec in specs if isinstance(spec.source, MultiValued)]:
        raise UsageError(
            "`of` needs characteristics with one level a case; a case may have several of "
            f"{format_values(several)}. Compare a breakdown of the cases with and without each"
        )
    problems: list[Problem] = []
    units = _match_units(sample, caseload, problems)
    if units is not None and check_ids:
        _check_same_cases(sample, caseload, problems)
    columns = read_columns(sample, specs, problems)
    caseload_specs = _caseload_specs(specs, caseload, problems)
    caseload_columns = read_columns(caseload, caseload_specs, problems)
    if problems or units is None:
        raise DataError(problems)
    out = []
    for spec, column, other in zip(specs, columns, caseload_columns, strict=True):
        if not isinstance(column, SingleColumn) or not isinstance(other, SingleColumn):
            lacking = "caseload" if isinstance(column, SingleColumn) else "sample"
            reason = f"no column {spec.column!r} in the {lacking}"
            no_counts = np.zeros((len(sample.units), 1), np.int64)
            no_codes = np.zeros(0, np.int16)
            out.append(
                Pair(spec.name, spec.column, (), no_counts, no_counts, no_codes, no_codes, reason)
            )
            continue
        codes = _recode(other, column.levels)
        n = count_levels(column, sample.unit_codes.astype(np.int64), len(sample.units)).n
        caseload_column = attrs.evolve(other, levels=column.levels, codes=codes)
        N = count_levels(caseload_column, units, len(sample.units) + 1).n[:-1]
        problems += _check_level_counts(column, n, N, sample.units)
        out.append(Pair(spec.name, spec.column, column.levels, n, N, column.codes, codes))
    if problems:
        raise DataError(problems)
    return tuple(out)


def _match_units(sample: CaseSet, caseload: CaseSet, problems: list[Problem]) -> Counts | None:
    """Return the place among the sample's units of each case of the caseload; None if wrong."""
    before = len(problems)
    count = len(sample.units)
    place = {unit: i for i, unit in enumerate(sample.units)}
    number = np.array([place.get(u, count) for u in caseload.units] or [count], np.int64)
    units: Counts = number[caseload.unit_codes]
    n = np.bincount(sample.unit_codes, minlength=count)
    N = np.bincount(units, minlength=count + 1)
    if not len(sample):
        problems.append(Problem("sample", "a sample has cases", "none", "Pass the cases drawn."))
    caseload_units = set(caseload.units)
    if missing := [u for u in sample.units if u not in caseload_units and n[place[u]]]:
        rule = f"units are those of the caseload, {format_values(caseload.units, 8)}"
        hint = "Correct the ids, or add the caseloads of these units."
        problems.append(Problem("unit", rule, format_values(missing), hint))
    large = [
        f"{n[i]:,} from {N[i]:,} in {u!r}"
        for i, u in enumerate(sample.units)
        if u in caseload_units and n[i] > N[i]
    ]
    if large:
        rule, hint = "a sample is no larger than its caseload", "Pass the whole caseload."
        problems.append(Problem("sample", rule, _join_first(large), hint))
    cases = np.bincount(caseload.unit_codes, minlength=len(caseload.units)).tolist()
    undrawn = [
        u
        for u, many in zip(caseload.units, cases, strict=True)
        if many and (u not in place or not n[place[u]])
    ]
    if undrawn and len(sample):
        rule = "a caseload is of units that cases were drawn from"
        hint = "Drop these units from the caseload with `filter`."
        found = f"no case drawn in {format_values(undrawn)}"
        problems.append(Problem("caseload", rule, found, hint))
    return units if len(problems) == before else None


def _join_first(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return "; ".join(texts[:_LISTED]) + more


def _caseload_rows(sample: CaseSet, caseload: CaseSet) -> npt.NDArray[np.int64] | str:
    """Return the caseload row of each case of the sample, -1 for none; text if ids differ."""
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


def _check_same_cases(sample: CaseSet, caseload: CaseSet, problems: list[Problem]) -> None:
    rows = _caseload_rows(sample, caseload)
    hint = "If ids were changed on purpose, pass check_ids=False."
    if isinstance(rows, str):
        rule = "ids of a sample and its caseload are of one type"
        problems.append(Problem("case_id", rule, rows, hint))
        return
    ids = sample["case_id"]
    if (rows < 0).any():
        missing = ids.filter(pa.array(rows < 0)).to_pylist()
        found = f"{len(missing):,} of {len(rows):,} that are not: {format_values(missing)}"
        problems.append(Problem("case_id", "ids of the sample are in the caseload", found, hint))
    caseload_unit = np.array(caseload.units, object)[caseload.unit_codes[np.maximum(rows, 0)]]
    unit = np.array(sample.units, object)[sample.unit_codes]
    moved = np.flatnonzero((rows >= 0) & (unit != caseload_unit))
    if moved.size:
        texts = [
            f"{ids[i].as_py()!r} in {unit[i]!r}, in the caseload in {caseload_unit[i]!r}"
            for i in moved.tolist()
        ]
        rule, hint = "a case is in the unit it was drawn from", "Correct one of the two."
        problems.append(Problem("unit", rule, _join_first(texts), hint))


def disagreements(sample: CaseSet, caseload: CaseSet, pairs: Sequence[Pair]) -> dict[str, int]:
    """Count, by characteristic, the cases with another level in the caseload; zeros are dropped."""
    rows = _caseload_rows(sample, caseload)
    if isinstance(rows, str):
        return {}
    out = {}
    for pair in pairs:
        if pair.reason is None:
            level, caseload_level = pair.codes[rows >= 0], pair.caseload_codes[rows[rows >= 0]]
            known = (level >= 0) & (caseload_level >= 0)
            if many := int((known & (level != caseload_level)).sum()):
                out[pair.name] = many
    return out


def _caseload_specs(
    specs: Sequence[CharacteristicSpec], caseload: CaseSet, problems: list[Problem]
) -> tuple[CharacteristicSpec, ...]:
    """Return the same characteristics with the caseload's order of levels."""
    levels = {s.name: s.levels for s in caseload.framework.strata}
    out = []
    for spec in specs:
        where = f"caseload {spec.name!r}"
        if not isinstance(spec.source, tuple) or spec.column not in caseload:
            out.append(spec)
        elif spec.name not in levels:
            # Reading cases checks declared strata only.
            found = f"an extra column of type {caseload[spec.column].type}"
            hint = "Declare it as a stratum there too."
            problems.append(Problem(where, "a stratum of its framework", found, hint))
        elif set(levels[spec.name]) != set(spec.source):
            rule = f"the levels are {format_values(spec.source, 12)}, as in the sample"
            hint = "Use one declaration of the stratum for both."
            problems.append(Problem(where, rule, format_values(levels[spec.name], 12), hint))
        else:
            out.append(attrs.evolve(spec, source=levels[spec.name]))
    return tuple(out)


def _recode(column: SingleColumn, levels: tuple[str, ...]) -> npt.NDArray[np.int16]:
    table = np.array([levels.index(level) for level in column.levels] + [-1], np.int16)
    return table[column.codes]


def _check_level_counts(
    column: SingleColumn, n: Counts, N: Counts, units: Sequence[str]
) -> list[Problem]:
    texts = [
        f"{n[u, i]:,} of {N[u, i]:,} {column.levels[i]!r} in {units[u]!r}"
        for u, i in np.argwhere(n[:, :-1] > N[:, :-1]).tolist()
    ]
    if not texts:
        return []
    rule = "no more cases of a level are drawn than the caseload has"
    hint = "Take the characteristic of both from one record, before cases were inspected."
    return [Problem(column.name, rule, _join_first(texts), hint)]
