"""Design weights of the cases that were inspected."""

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
from omistats.kernel.checks import check_whole
from omistats.model.case_set import CaseSet
from omistats.model.metadata import SYNTHETIC, is_synthetic
from omistats.sampling.cells import (
    SAMPLE_COLUMNS,
    Cells,
    Key,
    WeightingStratum,
    cell_name,
    cross,
    match_cells,
    merge_sparse,
    resolve_cells,
    sample_columns,
)
from omistats.sampling.plan import add_columns

__all__ = ["DesignWeights", "design_weights"]


Ints = npt.NDArray[np.int64]

_DISPLAYED_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class DesignWeights(TableResult):
    """Design weights of cases, and the cells that were merged for them.

    Attributes
    ----------
    table : pyarrow.Table
        One row a cell of the caseload: ``unit``, a column for each characteristic (null if
        unknown), ``population`` and ``n`` (int64, cases of the caseload and cases inspected),
        ``sampling_stratum`` (its name, or that of the merged cells), ``weight`` of the stratum,
        and ``merged`` (Boolean).
    margins : pyarrow.Table
        One row a level of a unit: ``unit, characteristic, level, population``, ``weighted``
        (float64, the sum of weights) and ``exact``, whether the two are equal in exact
        arithmetic.
    cases : CaseSet
        The cases with ``sampling_stratum``, ``weight`` and ``population``, as from
        `SamplePlan.draw`.
    merged : tuple of tuple
        The strata of several cells: the unit and levels of each cell.

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
        population = sum(self.table["population"].to_pylist())
        inexact = [row for row in self.margins.to_pylist() if not row["exact"]]
        head = (
            f"DesignWeights: {len(self.cases):,} {made_up}cases stand for {population:,}, "
            f"{self.table.num_rows:,} cells, {len(self.merged):,} merged strata"
        )
        if not inexact:
            return Display(head)
        head += f"; weighted margins that are no longer the caseload's: {len(inexact):,}"
        lines = [["unit", "level", "caseload", "weighted"]]
        lines += [
            [
                row["unit"],
                f"{row['characteristic']} {row['level'] or 'unknown'}",
                f"{row['population']:,}",
                f"{row['weighted']:,.1f}",
            ]
            for row in inexact[:_DISPLAYED_ROWS]
        ]
        rest = len(inexact) - _DISPLAYED_ROWS
        return Display(
            head, lines, f"... and {rest:,} more in .margins" if rest > 0 else "", labels=2
        )


def design_weights(
    cases: CaseSet, caseload: CaseSet, *, cells: Iterable[str] | None = None, least: int = 1
) -> DesignWeights:
    """Weight the cases inspected so that they represent the caseload.

    Parameters
    ----------
    cases : CaseSet
        The cases that were inspected, whichever were drawn, under any framework. Existing
        ``sampling_stratum``, ``weight`` and ``population`` columns of a draw are replaced.
    caseload : CaseSet
        All cases that could have been drawn, one row a case, in the same units.
    cells : iterable of str, optional
        Characteristics that the sample was drawn by, the most important first; by default the
        strata that the framework of the caseload requires. Cases must have the characteristics
        that they had in the caseload, even if the inspection found others.
    least : int
        Cases inspected that a cell needs, unless it has fewer; other cells are merged with a
        neighbour. From 2, every stratum has a variance estimate or was inspected whole, and
        findings and scores need no ``lonely``.

    Returns
    -------
    DesignWeights
        The cases with weights, and the cells that were merged.

    Raises
    ------
    UsageError
        When an argument is of the wrong kind, or ``least`` is below 1.
    UnknownNameError
        When a characteristic is not a column.
    DataError
        When cases are in units or cells that the caseload does not have, more cases of a cell
        are inspected than the caseload has, a unit of the caseload has no cases inspected, a
        level of the first characteristic has too few cases, or cases have some but not all
        columns of a draw. All problems are reported together.

    Notes
    -----
    The weight is N / n: cases of the cell in the caseload by cases of the cell inspected. It
    assumes that cases drawn but not inspected are missing at random within the cell.

    A sparse cell is merged with one of the same unit that differs in the last characteristic
    only; if there is none left, with one that differs in the characteristic before; never
    across the first. Of several neighbours the one with the most cases inspected is taken.
    Weighted margins of merged levels differ from those of the caseload; ``margins`` shows by
    how much.

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
            raise UsageError(
                f"`{name}` must be a CaseSet; found {format_value(given)}; make one with "
                "CaseSet.from_data"
            )
    check_whole("least", least, 1)
    names = resolve_cells(caseload, cells)
    if unknown := [name for name in names if name not in cases]:
        raise UnknownNameError("characteristic", unknown, cases.columns)
    caseload_cells, inspected = cross(caseload, names), cross(cases, names)
    n, place, problems = match_cells(caseload_cells, inspected)
    problems += _column_clashes(cases)
    keys, counts = caseload_cells.cell_keys(), caseload_cells.counts.tolist()
    single = [WeightingStratum((i,), (keys[i],), int(n[i]), counts[i]) for i in range(len(keys))]
    strata = [stratum for unit in _by_unit(single) for stratum in merge_sparse(unit, least)]
    problems += _sparse_levels(strata, names, least)
    if problems:
        raise DataError(problems)
    of_cell = np.zeros(len(keys), np.int64)
    for i, stratum in enumerate(strata):
        of_cell[list(stratum.cells)] = i
    population = np.array([stratum.population for stratum in strata], np.int64)
    weight = population / np.array([stratum.n for stratum in strata], np.float64)
    stratum_keys = [stratum.keys for stratum in strata]
    of_case = of_cell[place[inspected.of_case]] if len(cases) else np.empty(0, np.int64)
    case_columns = sample_columns(stratum_keys, of_case, weight, population)
    cell_columns = sample_columns(stratum_keys, of_cell, weight, population)
    metadata = dict(cases.metadata)
    if is_synthetic(caseload.metadata) and not is_synthetic(metadata):
        metadata[SYNTHETIC] = b"true"
    merged = tuple(stratum.keys for stratum in strata if len(stratum.cells) > 1)
    table = pa.table(
        {
            **caseload_cells.label_columns(),
            "population": pa.array(caseload_cells.counts),
            "n": pa.array(n),
            **{name: cell_columns[name] for name in SAMPLE_COLUMNS if name != "population"},
            "merged": pa.array(len(strata[i].cells) > 1 for i in of_cell.tolist()),
        }
    )
    margins = _margins(caseload_cells, n, strata, of_cell)
    return DesignWeights(
        table.replace_schema_metadata(metadata or None),
        margins.replace_schema_metadata(metadata or None),
        add_columns(cases, None, case_columns, metadata),
        merged,
    )


def _column_clashes(cases: CaseSet) -> list[Problem]:
    """List the columns that cannot be replaced because they are not all those of a draw."""
    if all(name in cases for name in SAMPLE_COLUMNS):
        return []
    rule = "weights add this column to those of the cases"
    return [
        Problem(name, rule, f"another {name!r}", "Rename it.")
        for name in SAMPLE_COLUMNS
        if name in cases
    ]


def _by_unit(strata: list[WeightingStratum]) -> Iterable[list[WeightingStratum]]:
    units: dict[Any, list[WeightingStratum]] = {}
    for stratum in strata:
        units.setdefault(stratum.keys[0][0], []).append(stratum)
    return units.values()


def _sparse_levels(
    strata: list[WeightingStratum], names: tuple[str, ...], least: int
) -> list[Problem]:
    """List the strata that are still sparse after merging."""
    problems = []
    # Units without cases are reported by `match_cells`.
    inspected_units = {stratum.keys[0][0] for stratum in strata if stratum.n}
    for stratum in strata:
        if not stratum.is_sparse(least) or stratum.keys[0][0] not in inspected_units:
            continue
        where = cell_name(stratum.keys[0][:2])
        rule = f"{least} or more cases inspected"
        if names:
            rule += f", as cells are not merged across {names[0]}"
        found = f"{stratum.n} of {stratum.population:,}"
        hint = "Inspect more, lower `least`, or name another characteristic first."
        problems.append(Problem(where, rule, found, hint))
    return problems


def _margins(cells: Cells, n: Ints, strata: list[WeightingStratum], of_cell: Ints) -> pa.Table:
    """Compare weighted margins with those of the caseload, in exact fractions."""
    weights = [Fraction(stratum.population, stratum.n) for stratum in strata]
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
