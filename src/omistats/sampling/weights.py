"""Weights of the cases that were inspected in the end."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import Display, TableResult
from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_value
from omistats.kernel.ranks import check_whole
from omistats.model.case_set import CaseSet
from omistats.model.metadata import SYNTHETIC, is_synthetic
from omistats.sampling.cells import (
    ADDED,
    Cells,
    Key,
    Part,
    added,
    called,
    cross,
    matched,
    merge,
    wanted_cells,
)
from omistats.sampling.plan import with_columns

__all__ = ["DesignWeights", "design_weights"]


Ints = npt.NDArray[np.int64]

_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class DesignWeights(TableResult):
    """Weights of cases, and what had to be merged for them.

    Attributes
    ----------
    table : pyarrow.Table
        A row a cell that the caseload has: ``unit``, a column for each characteristic (null
        where unknown), ``population`` and ``n`` (int64, cases of the caseload and inspected),
        ``sampling_stratum`` (its own, or the one it was merged into), ``weight`` of that, and
        ``merged`` (Boolean).
    margins : pyarrow.Table
        A row a level that a unit has: ``unit, characteristic, level, population``,
        ``weighted`` (float64, the sum of weights) and ``exact``: whether that is the
        population, in exact arithmetic.
    cases : CaseSet
        The cases with ``sampling_stratum``, ``weight`` and ``population``, as `SamplePlan.draw`
        gives them.
    merged : tuple of tuple
        Each stratum of several cells: the unit and levels of its cells.

    Examples
    --------
    >>> import omistats as oms
    >>> data = {"case_id": range(12), "unit": ["A"] * 12, "sex": ["boy"] * 8 + ["girl"] * 4}
    >>> framework = oms.Framework("caseload", (), [oms.Stratum("sex", ("boy", "girl"))])
    >>> caseload = oms.CaseSet.from_data(data, framework=framework)
    >>> inspected = caseload.filter([i in (0, 3, 5, 6, 10) for i in range(12)])
    >>> found = oms.design_weights(inspected, caseload)
    >>> found
    DesignWeights: 5 cases stand for 12, 2 cells, 0 merged strata
    >>> found.cases["weight"].to_pylist()
    [2.0, 2.0, 2.0, 2.0, 4.0]
    """

    table: pa.Table
    margins: pa.Table
    cases: CaseSet
    merged: tuple[tuple[Key, ...], ...]

    def _display(self) -> Display:
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        there = sum(self.table["population"].to_pylist())
        lost = [row for row in self.margins.to_pylist() if not row["exact"]]
        head = (
            f"DesignWeights: {len(self.cases):,} {made_up}cases stand for {there:,}, "
            f"{self.table.num_rows:,} cells, {len(self.merged):,} merged strata"
        )
        if not lost:
            return Display(head)
        head += f"; weighted margins that are no longer the caseload's: {len(lost):,}"
        lines = [["unit", "level", "caseload", "weighted"]]
        lines += [
            [
                row["unit"],
                f"{row['characteristic']} {row['level'] or 'unknown'}",
                f"{row['population']:,}",
                f"{row['weighted']:,.1f}",
            ]
            for row in lost[:_ROWS]
        ]
        left = len(lost) - _ROWS
        return Display(
            head, lines, f"... and {left:,} more in .margins" if left > 0 else "", labels=2
        )


def design_weights(
    cases: CaseSet, caseload: CaseSet, *, cells: Iterable[str] | None = None, least: int = 1
) -> DesignWeights:
    """Weigh the cases inspected so that they stand for the caseload.

    Parameters
    ----------
    cases : CaseSet
        The cases that were inspected in the end, whatever was drawn. Under any framework. The
        three columns of a draw are replaced.
    caseload : CaseSet
        One row a case that could have been drawn, in the same units.
    cells : iterable of str, optional
        Characteristics, as the sample was drawn by, the most important first; by default the
        strata that the framework of the caseload requires. Cases must have those that they had
        in the caseload, whatever the inspection found them to be.
    least : int
        A cell with fewer cases inspected is merged with a neighbour, unless that is all it has.
        From two on every stratum tells its variance, or is inspected whole and adds none:
        findings and scores need no ``lonely``.

    Returns
    -------
    DesignWeights
        The cases with weights, and what had to be merged for them.

    Raises
    ------
    UsageError
        When an argument is of the wrong kind, or ``least`` is below 1.
    UnknownNameError
        When a characteristic is no column.
    DataError
        When cases are in units or cells that the caseload does not have, when more of a cell
        are inspected than there are, when a unit of the caseload has no cases inspected, when
        too few of a level of the first characteristic are left, or when cases have some
        but not all of the columns of a draw. All are listed.

    Notes
    -----
    The weight is N / n: cases of the cell in the caseload by cases of it inspected. That takes
    cases that were drawn and lost as lost at random within the cell.

    A sparse cell is merged with one of the same unit that differs in the last characteristic
    only; when there are none left, with one that differs in the characteristic before; never
    across the first. Of several neighbours it is the one with the most cases inspected. Then
    levels that were merged have weighted margins that are no longer those of the caseload,
    which ``margins`` tells.

    References
    ----------
    Kalton, G. and Flores-Cervantes, I. (2003). Weighting methods. Journal of Official
    Statistics 19, 81-97.

    Examples
    --------
    >>> import pyarrow as pa
    >>> import omistats as oms
    >>> made_up = oms.omi2.simulate(units=1, seed=1)
    >>> caseload = oms.CaseSet.from_data(made_up, framework=oms.omi2.CASELOAD)
    >>> sample = oms.plan_sample(caseload, size=60).draw(seed=2011)
    >>> inspected = oms.CaseSet.from_data(pa.table(sample).slice(2), framework=oms.omi2.CASELOAD)
    >>> oms.design_weights(inspected, caseload)
    DesignWeights: 58 SYNTHETIC cases stand for 157, 8 cells, 0 merged strata
    """
    for name, given in (("cases", cases), ("caseload", caseload)):
        if not isinstance(given, CaseSet):
            raise UsageError(f"`{name}` is a CaseSet, found {format_value(given)}")
    check_whole("least", least, 1)
    names = wanted_cells(caseload, cells)
    if unknown := [name for name in names if name not in cases]:
        raise UnknownNameError("characteristic", unknown, cases.columns)
    there, inspected = cross(caseload, names), cross(cases, names)
    n, place, problems = matched(there, inspected)
    problems += _taken(cases)
    keys, counts = there.named(), there.counts.tolist()
    single = [Part((i,), (keys[i],), int(n[i]), counts[i]) for i in range(len(keys))]
    parts = [part for unit in _by_unit(single) for part in merge(unit, least)]
    problems += _too_few(parts, names, least)
    if problems:
        raise DataError(problems)
    of_cell = np.zeros(len(keys), np.int64)
    for i, part in enumerate(parts):
        of_cell[list(part.cells)] = i
    population = np.array([part.population for part in parts], np.int64)
    weight = population / np.array([part.n for part in parts], np.float64)
    strata = [part.keys for part in parts]
    of_case = of_cell[place[inspected.of_case]] if len(cases) else np.empty(0, np.int64)
    more = added(strata, of_case, weight, population)
    of_cells = added(strata, of_cell, weight, population)
    metadata = dict(cases.metadata)
    if is_synthetic(caseload.metadata) and not is_synthetic(metadata):
        metadata[SYNTHETIC] = b"true"
    merged = tuple(part.keys for part in parts if len(part.cells) > 1)
    table = pa.table(
        {
            **there.label_columns(),
            "population": pa.array(there.counts),
            "n": pa.array(n),
            **{name: of_cells[name] for name in ADDED if name != "population"},
            "merged": pa.array(len(parts[i].cells) > 1 for i in of_cell.tolist()),
        }
    )
    return DesignWeights(
        table.replace_schema_metadata(metadata or None),
        _margins(there, n, parts, of_cell).replace_schema_metadata(metadata or None),
        with_columns(cases, None, more, metadata),
        merged,
    )


def _taken(cases: CaseSet) -> list[Problem]:
    """Refuse columns of these names, unless they are those of a draw, which are replaced."""
    if all(name in cases for name in ADDED):
        return []
    rule = "weights add this column to those of the cases"
    return [
        Problem(name, rule, f"another {name!r}", "Rename it.") for name in ADDED if name in cases
    ]


def _by_unit(parts: list[Part]) -> Iterable[list[Part]]:
    units: dict[Any, list[Part]] = {}
    for part in parts:
        units.setdefault(part.keys[0][0], []).append(part)
    return units.values()


def _too_few(parts: list[Part], names: tuple[str, ...], least: int) -> list[Problem]:
    """Say of which levels of the first characteristic too few are left."""
    problems = []
    empty = {part.keys[0][0] for part in parts} - {
        part.keys[0][0] for part in parts if part.n
    }  # units reported already
    for part in parts:
        if not part.sparse(least) or part.keys[0][0] in empty:
            continue
        what = called(part.keys[0][:2])
        rule = f"{least} or more cases inspected"
        if names:
            rule += f", as cells are not merged across {names[0]}"
        found = f"{part.n} of {part.population:,}"
        hint = "Inspect more, lower `least`, or name another characteristic first."
        problems.append(Problem(what, rule, found, hint))
    return problems


def _margins(cells: Cells, n: Ints, parts: list[Part], of_cell: Ints) -> pa.Table:
    """Compare weighted margins with those of the caseload in exact fractions."""
    weights = [Fraction(part.population, part.n) for part in parts]
    sums: dict[tuple[int, int, int], tuple[int, Fraction]] = {}
    for c, (u, codes) in enumerate(zip(cells.unit.tolist(), cells.level.tolist(), strict=True)):
        for i, code in enumerate(codes):
            population, weighted = sums.get((u, i, code), (0, Fraction(0)))
            weighted += int(n[c]) * weights[of_cell[c]]
            sums[u, i, code] = (population + int(cells.counts[c]), weighted)
    rows = sorted(sums.items())
    return pa.table(
        {
            "unit": pa.array([cells.units[u] for (u, _, _), _ in rows], pa.string()),
            "characteristic": pa.array([cells.names[i] for (_, i, _), _ in rows], pa.string()),
            "level": pa.array([cells.levels[i][code] for (_, i, code), _ in rows], pa.string()),
            "population": pa.array([p for _, (p, _) in rows], pa.int64()),
            "weighted": pa.array([float(w) for _, (_, w) in rows], pa.float64()),
            "exact": pa.array([p == w for _, (p, w) in rows], pa.bool_()),
        }
    )
