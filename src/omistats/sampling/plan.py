"""Plan a stratified sample of caseloads, and draw it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import Display, TableResult
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
    format_values,
)
from omistats.kernel.checks import check_whole
from omistats.kernel.planning import (
    sample_for_precision,
    wilson_half_width,
    without_population,
)
from omistats.model.case_set import CaseSet, with_index_of
from omistats.model.metadata import is_synthetic
from omistats.model.units import Unit
from omistats.sampling.allocation import (
    Allocation,
    AllocationProblem,
    allocate,
    allocate_for_precision,
)
from omistats.sampling.cells import SAMPLE_COLUMNS, Cells, Key, cross, resolve_cells, sample_columns

__all__ = ["SamplePlan", "add_columns", "draw_rows", "plan_sample"]


Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Quotas = dict[tuple[int, int], Any]
"""Quotas as passed, by places of characteristic and level."""

_DISPLAYED_ROWS = 24


def plan_sample(
    caseload: CaseSet,
    *,
    size: int | Mapping[str, int] | None = None,
    half_width: float | Mapping[str, float] | None = None,
    cells: Iterable[str] | None = None,
    keep: Iterable[str] | None = None,
    at_least: Mapping[str, Any] | None = None,
    least: int = 1,
    give_way: bool = False,
    p: float = 0.5,
    confidence: float = 0.95,
) -> SamplePlan:
    """Plan a sample of every unit's caseload.

    Parameters
    ----------
    caseload : CaseSet
        Cases that could be drawn, one row a case. Its framework needs no questions.
    size : int or mapping of str to int, optional
        Cases to draw from each unit: one number, or a mapping by unit.
    half_width : float or mapping of str to float, optional
        Half the width of the interval for a weighted percentage of a unit, as a proportion,
        instead of a size: 0.05 is five points either way. Each unit gets the smallest sample that
        reaches it with its weights and meets the other requirements, or its whole caseload.
    cells : iterable of str, optional
        Characteristics whose cross-classification, within units, makes the cells that cases
        are drawn from; by default the strata that the framework requires. An unknown
        characteristic (null) is a level of its own. `omistats.design_weights` never merges
        across the first.
    keep : iterable of str, optional
        Characteristics among ``cells`` that stay in proportion to the caseload; by default all
        that have no quota.
    at_least : mapping of str to mapping, optional
        Quotas by characteristic and level, or by characteristic, level and unit. An integer is
        a number of cases, a float strictly between 0 and 1 a share of the sample (rounded up);
        other floats are errors. Quotas by unit need every unit that has cases. The level
        ``None`` is unknown.
    least : int
        Minimum of every cell, or all of its cases if it has fewer. With 1 no cell goes
        unsampled; from 2 every cell also has a variance estimate or is drawn whole.
    give_way : bool
        Whether kept proportions may be broken, as little as possible, if quotas or ``least``
        contradict them. By default such a plan is an error.
    p, confidence : float
        Expected percentage, as a proportion, and confidence of its interval; only with
        ``half_width``. 0.5 is the safe choice, because it needs most cases.

    Returns
    -------
    SamplePlan
        The number of cases of every cell; nothing is drawn yet.

    Raises
    ------
    UsageError
        When arguments do not fit together, or are out of range.
    UnknownNameError
        When a characteristic or a level is unknown.
    DataError
        When a caseload is smaller than its sample, a sample is smaller than its cells need, a
        quota is larger than the number of cases, requirements contradict each other (the error
        names a smallest set), or the caseload has a column that drawing adds. All units are
        reported.

    Notes
    -----
    The search for a size begins with `omistats.stats.sample_for_precision`, the size of a sample
    without weights. Unequal weights make a sample as precise as one that is smaller by their
    design effect, so the size grows until the half width of Wilson's interval for those effective
    cases, with the correction for the caseload, is as small as asked for. It also grows where
    ``least`` or quotas need more cases. A quota that is a share of the sample can exhaust its
    level first. Then the unit gets the largest sample that the quota allows, and the first line
    of the plan says what is reached.

    Quotas and ``least`` always hold. Every kept level gets its proportion, rounded up or down.
    There is one exception: if the cells of a level need more than that by ``least``, the level
    gets what they need and the other levels share the rest in proportion, which can take them a
    case or more off too. Of all tables that obey these rules, the one nearest to a target by
    chi-square is taken. The target is the caseload raked to the kept proportions and to the
    quotas that are more than proportionate.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled
    frequency table when the expected marginal totals are known. Annals of Mathematical
    Statistics 11, 427-444 (raking).

    Kish, L. (1965). Survey Sampling. Wiley. Section 11.7 (the design effect of weights).

    Examples
    --------
    >>> import omistats as oms
    >>> made_up = oms.omi2.simulate(units=2, seed=1)
    >>> caseload = oms.CaseSet.from_data(made_up, framework=oms.omi2.CASELOAD)
    >>> plan = oms.plan_sample(caseload, size=60, at_least={"risk_of_harm": {"high": 25}})
    >>> high = plan.margins.to_pylist()[0]
    >>> high["level"], high["n"], round(high["proportionate"], 1), high["rule"]
    ('high', 25, 11.5, 'quota')
    >>> precise = oms.plan_sample(
    ...     caseload, half_width=0.08, at_least={"risk_of_harm": {"high": 25}}
    ... )
    >>> print(str(precise).partition(", 16 cells")[0])
    SamplePlan: 165 of 318 SYNTHETIC cases, 2 units, half width asked 8 points, widest reached 7.93
    """
    if not isinstance(caseload, CaseSet):
        raise UsageError(
            f"`caseload` must be a CaseSet; found {format_value(caseload)}. Make one with "
            "CaseSet.from_data(data, framework=...)"
        )
    check_whole("least", least, 0)
    if not isinstance(give_way, bool):
        raise UsageError(f"`give_way` must be True or False; found {format_value(give_way)}")
    names = resolve_cells(caseload, cells)
    crossed = cross(caseload, names)
    quotas = _resolve_quotas(at_least, crossed)
    boosted = [names[i] for i, _ in quotas]
    kept = _resolve_kept(keep, names, boosted)
    problems = _column_clashes(caseload)
    if not len(caseload):
        hint = "Read the cases that could be drawn."
        problems.append(Problem("caseload", "a caseload has cases", "none", hint))
    counts = np.bincount(crossed.unit, crossed.counts, len(crossed.units)).astype(int).tolist()
    populations = {unit: n for unit, n in zip(crossed.units, counts, strict=True) if n}
    sizes, widths = _resolve_sizes(size, half_width, p, confidence, populations, problems)
    problems += _quota_unit_problems(quotas, crossed, populations)
    n, target = np.zeros(len(crossed.unit), np.int64), np.zeros(len(crossed.unit))
    unit_quotas: dict[str, dict[tuple[int, int], int]] = {}
    ranges = {}
    keep_places = frozenset(names.index(name) for name in kept)
    for unit, unit_size in sizes.items():
        problems += _quota_problems(unit, quotas, crossed, problems)
        at = crossed.unit == crossed.units.index(unit)

        def problem_of(size: int, unit: str = unit, at: Any = at) -> AllocationProblem:
            return AllocationProblem(
                unit,
                size,
                names,
                crossed.levels,
                crossed.level[at],
                crossed.counts[at],
                keep_places,
                _unit_quotas(unit, size, quotas),
                int(least),
                give_way,
            )

        if unit in widths:
            is_precise = _precision_test(crossed.counts[at], widths[unit], p, confidence)
            problem, allocation = allocate_for_precision(problem_of, unit_size, is_precise)
        else:
            problem = problem_of(unit_size)
            allocation = allocate(problem)
        sizes[unit], unit_quotas[unit] = problem.size, problem.quotas
        if isinstance(allocation, Allocation):
            n[at], target[at] = allocation.n, allocation.target
            ranges[unit] = allocation.ranges
        else:
            problems += allocation
    if problems:
        raise DataError(problems)
    settings = {
        "cells": names,
        "keep": kept,
        "at_least": _label_quotas(quotas, crossed),
        "least": int(least),
        "give_way": give_way,
        "size": sizes,
        "half_width": widths or None,
        "p": p,
        "confidence": confidence,
    }
    metadata = caseload.metadata or None
    margins = _margins_table(crossed, n, sizes, keep_places, unit_quotas, ranges)
    return SamplePlan(
        _cells_table(crossed, n, target).replace_schema_metadata(metadata),
        margins.replace_schema_metadata(metadata),
        _units_table(crossed, n, p, confidence).replace_schema_metadata(metadata),
        caseload,
        settings,
        crossed,
    )


@attrs.frozen(eq=False, repr=False)
class SamplePlan(TableResult):
    """Plan of a sample: the number of cases to draw from every cell.

    Attributes
    ----------
    table : pyarrow.Table
        One row a cell that has cases, by unit and then by level: ``unit``, a column for each
        characteristic (null if unknown), ``population`` and ``n`` (int64, cases of the caseload
        and of the sample), ``target`` (float64, cases before rounding), ``fraction`` (``n``
        divided by ``population``) and ``weight`` (its inverse; null if no case is drawn).
    margins : pyarrow.Table
        One row a level of a unit: ``unit, characteristic, level`` (null if unknown),
        ``population``, ``n``, ``proportionate`` (float64, cases in proportion to the caseload),
        ``quota`` (int64, null if there is none), ``rule`` (``kept``, ``quota`` or null) and
        ``gives_way_to``: null if a kept level is less than one case from its proportion, else
        the argument that prevents it, ``least`` or ``at_least``.
    units : pyarrow.Table
        One row a unit: ``unit, population, n, fraction, cells``, ``design_effect``, the factor by
        which unequal weights increase the variance of a percentage that is unrelated to the cells
        (Kish; null if no case is drawn from some cell), and ``half_width``, half the width of the
        interval for such a percentage, as a proportion.
    caseload : CaseSet
        The caseload to draw from.
    settings : dict
        The arguments, resolved: ``cells, keep, at_least, least, give_way, size`` and
        ``half_width`` (by unit; the latter is None for a plan by size), ``p, confidence``.

    Examples
    --------
    >>> import omistats as oms
    >>> data = {"case_id": range(12), "unit": ["A"] * 12, "sex": ["boy"] * 8 + ["girl"] * 4}
    >>> framework = oms.Framework("caseload", (), [oms.Stratum("sex", ("boy", "girl"))])
    >>> caseload = oms.CaseSet.from_data(data, framework=framework)
    >>> plan = oms.plan_sample(caseload, size=6, at_least={"sex": {"girl": 4}})
    >>> plan
    SamplePlan: 6 of 12 cases, 1 unit, 2 cells of sex
    <BLANKLINE>
    unit  caseload  sample  share  cells  design effect  half width
    A           12       6  50.0%      2           1.50       32.06
    >>> plan.draw(seed=1)["weight"].to_pylist()
    [4.0, 4.0, 1.0, 1.0, 1.0, 1.0]
    """

    table: pa.Table
    margins: pa.Table
    units: pa.Table
    caseload: CaseSet
    settings: Mapping[str, Any]
    _cells: Cells

    def draw(self, seed: int) -> CaseSet:
        """Draw the sample.

        Parameters
        ----------
        seed : int
            Seed of the random numbers, 0 or more. The same seed draws the same cases, whatever
            their order in the caseload.

        Returns
        -------
        CaseSet
            The cases drawn, by unit and then by id, with three more columns:
            ``sampling_stratum`` (the unit and the cell), ``weight`` (the number of cases of the
            caseload that a case represents) and ``population`` (cases of the cell in the
            caseload). Pass them to `omistats.recompute` and `omistats.scores` as ``stratum``,
            ``weight`` and ``population``. The metadata are those of the caseload, and
            ``sampling``, which records how the sample was drawn.

        Raises
        ------
        UsageError
            When the seed is not a whole number, or is negative.
        DataError
            When two cells have the same name.

        Notes
        -----
        Within a cell every subset of the planned size is equally likely. Each case of a cell,
        in the order of ids, gets a random number, and those with the lowest are drawn. So a
        larger plan with the same seed keeps the cases of a smaller one. The numbers are raw
        output of NumPy's PCG64, whose stream does not change between versions. It is seeded
        with ``seed`` and the SHA-256 digest of the unit and the levels of the cell, so that
        other units and cells do not matter.
        """
        check_whole("seed", seed, 0)
        return _draw_cases(
            self.caseload, self._cells, self.table["n"].to_numpy(), int(seed), self.settings
        )

    def _display(self) -> Display:
        rows = self.units.to_pylist()
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        drawn, population = (sum(row[name] for row in rows) for name in ("n", "population"))
        count, declared = len(rows), len(self.caseload.units)
        head = f"SamplePlan: {drawn:,} of {population:,} {made_up}cases, {count} "
        head += f"unit{'s' * (count != 1)}"
        if declared > count:
            head += f" with cases of {declared} declared"
        crossed = " x ".join(self._cells.names) or "no characteristic"
        if self.settings["half_width"]:
            head += f", {self._describe_precision()}"
        head += f", {self.table.num_rows:,} cells of {crossed}"
        if self.settings["keep"]:
            head += f"; kept: {', '.join(self.settings['keep'])}"
        broken = sum(row["gives_way_to"] is not None for row in self.margins.to_pylist())
        more = count - _DISPLAYED_ROWS
        notes = [f"... and {more:,} more units in .units"] * (more > 0)
        if broken:
            text = "1 level that is kept is" if broken == 1 else f"{broken:,} kept levels are"
            notes.append(f"{text} off proportion; see gives_way_to in .margins")
        labels = ["unit", "caseload", "sample", "share", "cells", "design effect", "half width"]
        if self._units_too_wide():
            notes.append(
                "where the half width is too wide, a larger sample has too few cases for its quotas"
            )
        lines = [labels]
        lines += [
            [
                row["unit"],
                f"{row['population']:,}",
                f"{row['n']:,}",
                f"{row['fraction']:.1%}",
                f"{row['cells']:,}",
                f"{row['design_effect']:.2f}" if row["design_effect"] is not None else "",
                _points(row["half_width"]),
            ]
            for row in rows[:_DISPLAYED_ROWS]
        ]
        return Display(head, lines, notes)

    def _describe_precision(self) -> str:
        """Say what half width was asked for, and the widest that is reached."""
        asked = self.settings["half_width"]
        widest = max(self.units["half_width"].to_pylist())
        ends = sorted({min(asked.values()), max(asked.values())})
        wanted = " to ".join(f"{100 * end:.4g}" for end in ends)
        text = f"half width asked {wanted} points, widest reached {_points(widest)}"
        if wide := self._units_too_wide():
            text += f", too wide in {format_values(wide)}"
        return text

    def _units_too_wide(self) -> list[str]:
        """List the units that do not reach the half width asked for."""
        asked = self.settings["half_width"] or {}
        return [
            row["unit"]
            for row in self.units.to_pylist()
            if row["unit"] in asked and not _is_within(row["half_width"], asked[row["unit"]])
        ]


_DEFAULT_P, _DEFAULT_CONFIDENCE = 0.5, 0.95


def _resolve_kept(keep: Any, names: Sequence[str], boosted: Sequence[str]) -> tuple[str, ...]:
    """Resolve the characteristics that stay in proportion; None means all without a quota.

    Raises
    ------
    UnknownNameError
        When a name is not among the cells.
    """
    if keep is None:
        return tuple(name for name in names if name not in boosted)
    kept = as_tuple("keep", keep, "names of characteristics")
    if unknown := [name for name in kept if name not in names]:
        raise UnknownNameError("characteristic of the cells", unknown, names)
    return tuple(name for name in names if name in kept)


def _resolve_quotas(at_least: Any, cells: Cells) -> _Quotas:
    """Resolve the characteristics and levels of quotas.

    Raises
    ------
    UsageError
        When quotas are not a mapping of characteristics to mappings of levels.
    UnknownNameError
        When a characteristic or a level is unknown.
    """
    if at_least is None:
        return {}
    shape = "`at_least` maps characteristics to levels and those to numbers"
    if not isinstance(at_least, Mapping):
        raise UsageError(f"{shape}; found {format_value(at_least)}")
    if unknown := [name for name in at_least if name not in cells.names]:
        raise UnknownNameError("characteristic of the cells", unknown, cells.names)
    quotas: _Quotas = {}
    for name, by_level in at_least.items():
        if not isinstance(by_level, Mapping):
            raise UsageError(f"{shape}; found {format_value(by_level)} for {name!r}")
        i = cells.names.index(name)
        if unknown := [level for level in by_level if level not in cells.levels[i]]:
            known = [str(level) for level in cells.levels[i] if level is not None]
            raise UnknownNameError(f"level of {name!r}", unknown, known)
        for level, value in by_level.items():
            quotas[i, cells.levels[i].index(level)] = value
    return quotas


def _quota_unit_problems(quotas: _Quotas, cells: Cells, units: Iterable[str]) -> list[Problem]:
    """List quotas by unit that lack a unit with cases, or name another unit."""
    units = list(units)
    problems = []
    for (i, code), value in quotas.items():
        if not isinstance(value, Mapping):
            continue
        where = f"at_least, {_level_name(cells, i, code)}"
        if missing := [unit for unit in units if unit not in value]:
            rule = "a quota by unit names every unit that has cases"
            hint = f"Add the rest, with 0 for no quota, as {missing[0]!r}: 0."
            problems.append(Problem(where, rule, f"no number for {format_values(missing)}", hint))
        if unknown := sorted(str(unit) for unit in value if unit not in units):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(where, rule, format_values(unknown), hint))
    return problems


def _level_name(cells: Cells, i: int, code: int) -> str:
    level = cells.levels[i][code]
    return f"{cells.names[i]} {'unknown' if level is None else repr(level)}"


def _parse_quota(value: Any, size: int) -> int | None:
    """Return the number of cases of a quota; None if it is neither a count nor a share.

    Parameters
    ----------
    value : object
        An integer from 0, of Python or NumPy, is a number of cases; a float strictly between 0
        and 1 is a share of ``size``, rounded up. 1.0 is neither, because it could mean one case
        or the whole sample.
    size : int

    Examples
    --------
    >>> _parse_quota(45, 160), _parse_quota(0.45, 160), _parse_quota(1.0, 160)
    (45, 72, None)
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value) if value >= 0 else None
    if isinstance(value, float | np.floating) and 0 < value < 1:
        # The share as written: 0.1 of 30 is 3, but the binary fraction is a little more.
        return math.ceil(Fraction(str(value)) * size)
    return None


def _resolve_sizes(
    size: Any,
    half_width: Any,
    p: float,
    confidence: float,
    populations: Mapping[str, int],
    problems: list[Problem],
) -> tuple[dict[str, int], dict[str, float]]:
    """Resolve the sample size and the half width of every unit.

    Parameters
    ----------
    size, half_width : number or mapping of str to number, optional
        One of the two.
    p, confidence : float
        As for `omistats.stats.sample_for_precision`.
    populations : mapping of str to int
        Cases of every unit that has any.
    problems : list of Problem
        Receives the problems of single units.

    Returns
    -------
    sizes : dict of str to int
        With ``half_width``, the sizes of samples whose weights are all equal.
    widths : dict of str to float
        Empty with ``size``.

    Raises
    ------
    UsageError
        When both or none are given, or a number is out of range.
    """
    if (size is None) == (half_width is None):
        found = "none" if size is None else "both"
        raise UsageError(f"pass either `size` or `half_width`; found {found}")
    if size is not None and (p, confidence) != (_DEFAULT_P, _DEFAULT_CONFIDENCE):
        raise UsageError(
            "`p` and `confidence` are options of `half_width`; leave them out with `size`"
        )
    name, given = ("half_width", half_width) if size is None else ("size", size)
    if isinstance(given, Mapping):
        if missing := [unit for unit in populations if unit not in given]:
            rule, hint = "every unit with cases needs one", "Name them, or filter their cases out."
            problems.append(Problem(name, rule, f"none for {format_values(missing)}", hint))
        if unknown := sorted(str(unit) for unit in given if unit not in populations):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(name, rule, format_values(unknown), hint))
        by_unit = {unit: given[unit] for unit in populations if unit in given}
    else:
        by_unit = dict.fromkeys(populations, given)
    if size is not None:
        for value in by_unit.values():
            check_whole("size", value, 1)
        return {unit: int(value) for unit, value in by_unit.items()}, {}
    numbers = int | float | np.integer | np.floating
    if np.ndim(p):
        raise UsageError(f"`p` must be one number between 0 and 1; found {format_value(p)}")
    if odd := [v for v in by_unit.values() if isinstance(v, bool) or not isinstance(v, numbers)]:
        raise UsageError(
            f"`half_width` must be a number between 0 and 1; found {format_value(odd[0])}"
        )
    if not by_unit:
        return {}, {}
    population = np.array([populations[unit] for unit in by_unit], np.float64)
    sizes = sample_for_precision(
        np.array(list(by_unit.values()), np.float64),
        p=p,
        confidence=confidence,
        population=population,
    )
    if np.isnan(sizes).any():
        raise UsageError("`half_width` and `p` must be numbers between 0 and 1; found NaN")
    widths = {unit: float(value) for unit, value in by_unit.items()}
    return {unit: int(n) for unit, n in zip(by_unit, sizes.tolist(), strict=True)}, widths


def _column_clashes(caseload: CaseSet) -> list[Problem]:
    return [
        Problem(name, "a sample adds this column to those of the caseload", name, "Rename it.")
        for name in SAMPLE_COLUMNS
        if name in caseload
    ]


def _quota_problems(
    unit: str, quotas: _Quotas, cells: Cells, known: Sequence[Problem]
) -> list[Problem]:
    """List the quotas of one unit that are neither counts nor shares, unless known."""
    problems = []
    for (i, code), value in quotas.items():
        where, given = "at_least", value
        if isinstance(value, Mapping):
            if unit not in value:  # a problem reported by `_quota_unit_problems`
                continue
            where, given = unit, value[unit]
        if _parse_quota(given, 1) is not None:
            continue
        rule = "a quota is a whole number of cases from 0, or a share: a float between 0 and 1"
        example = 45
        if isinstance(given, float | np.floating) and given >= 1 and given == given // 1:
            example = int(given)
        hint = f"Write {example} for cases, 0.99 for a share of the sample."
        found = f"{format_value(given)} for {_level_name(cells, i, code)}"
        problem = Problem(where, rule, found, hint)
        if problem not in known:  # the same quota for all units
            problems.append(problem)
    return problems


def _unit_quotas(unit: str, size: int, quotas: _Quotas) -> dict[tuple[int, int], int]:
    """Return the valid quotas of one unit, as numbers of cases in a sample of a size."""
    out = {}
    for place, value in quotas.items():
        given = value.get(unit) if isinstance(value, Mapping) else value
        if (cases := _parse_quota(given, size)) is not None:
            out[place] = cases
    return out


def _label_quotas(quotas: _Quotas, cells: Cells) -> dict[str, dict[str | None, Any]]:
    """Return quotas by the names of characteristics and levels."""
    out: dict[str, dict[str | None, Any]] = {}
    for (i, code), value in quotas.items():
        out.setdefault(cells.names[i], {})[cells.levels[i][code]] = value
    return out


def _cells_table(cells: Cells, n: Any, target: Any) -> pa.Table:
    with np.errstate(divide="ignore"):
        weight = np.where(n > 0, cells.counts / n, np.nan)
    return pa.table(
        {
            **cells.label_columns(),
            "population": pa.array(cells.counts),
            "n": pa.array(n),
            "target": pa.array(target),
            "fraction": pa.array(n / cells.counts),
            "weight": _arrow.floats(weight),
        }
    )


def _margins_table(
    cells: Cells,
    n: Ints,
    sizes: Mapping[str, int],
    keep: frozenset[int],
    quotas: Mapping[str, Mapping[tuple[int, int], int]],
    ranges: Mapping[str, Mapping[tuple[int, int], tuple[int, int]]],
) -> pa.Table:
    """Count the caseload and the sample by level, with quotas and broken proportions."""
    rows = []
    for u, unit in enumerate(cells.units):
        in_unit = cells.unit == u
        unit_population = int(cells.counts[in_unit].sum())
        for i, name in enumerate(cells.names):
            for code, level in enumerate(cells.levels[i]):
                at = in_unit & (cells.level[:, i] == code)
                population, drawn = int(cells.counts[at].sum()), int(n[at].sum())
                if not population:
                    continue
                quota = quotas[unit].get((i, code))
                exact = sizes[unit] * population
                # Less than one case from the proportion; multiplied out to avoid rounding.
                is_near = abs(drawn * unit_population - exact) < unit_population
                rule = "kept" if i in keep else "quota" if quota is not None else None
                gives_way_to = None
                if i in keep and not is_near:
                    low, high = ranges[unit][i, code]
                    only_least = low <= drawn <= high or not any(quotas[unit].values())
                    gives_way_to = "least" if only_least else "at_least"
                rows.append(
                    {
                        "unit": unit,
                        "characteristic": name,
                        "level": level,
                        "population": population,
                        "n": drawn,
                        "proportionate": exact / unit_population,
                        "quota": quota,
                        "rule": rule,
                        "gives_way_to": gives_way_to,
                    }
                )
    kinds = {
        "unit": pa.string(),
        "characteristic": pa.string(),
        "level": pa.string(),
        "population": pa.int64(),
        "n": pa.int64(),
        "proportionate": pa.float64(),
        "quota": pa.int64(),
        "rule": pa.string(),
        "gives_way_to": pa.string(),
    }
    return pa.table({k: pa.array([row[k] for row in rows], kind) for k, kind in kinds.items()})


def _units_table(cells: Cells, n: Ints, p: float, confidence: float) -> pa.Table:
    """Sum up cells by unit, for the units that have cases."""
    used, unit = np.unique(cells.unit, return_inverse=True)
    population = np.bincount(unit, cells.counts).astype(np.int64)
    drawn = np.bincount(unit, n).astype(np.int64)
    # If no case of a cell is drawn, the cell has no weight and its unit no design effect.
    squares = np.bincount(unit, np.where(n > 0, _squared_weights(cells.counts, n), math.nan))
    return pa.table(
        {
            "unit": _arrow.dictionary(used.astype(np.int16), cells.units),
            "population": pa.array(population),
            "n": pa.array(drawn),
            "fraction": pa.array(drawn / population),
            "cells": pa.array(np.bincount(unit).astype(np.int64)),
            "design_effect": _arrow.floats(drawn * squares / population**2),
            "half_width": pa.array(_half_widths(unit, cells.counts, n, p, confidence)),
        }
    )


def _squared_weights(counts: Ints, n: npt.NDArray[Any]) -> Floats:
    """Sum up the squared weights of every cell, n (N / n)^2; 0 if no case is drawn."""
    out: Floats = np.where(n > 0, counts**2 / np.where(n > 0, n, 1), 0.0)
    return out


def _half_widths(
    unit: Ints, counts: Ints, n: npt.NDArray[Any], p: float, confidence: float
) -> Floats:
    """Compute the half width of the interval for a weighted percentage of every unit.

    Parameters
    ----------
    unit, counts, n : ndarray, shape (cells,)
        Unit of every cell, from 0, and its cases in the caseload and in the sample.
    p, confidence : float

    Returns
    -------
    ndarray of float64, shape (units,)

    Notes
    -----
    The interval is Wilson's for the effective cases: those drawn, divided by Kish's design effect,
    with the correction for the caseload. Cells without a case are not represented. Their
    percentage may be anything, which adds their share of the caseload times ``max(p, 1 - p)``.
    """
    population = np.bincount(unit, counts).astype(np.float64)
    represented = np.bincount(unit, np.where(n > 0, counts, 0)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        effective = represented**2 / np.bincount(unit, _squared_weights(counts, n))
        cases = without_population(effective, represented)
        sampled = wilson_half_width(cases, np.asarray(p, np.float64), confidence)
    out: Floats = sampled + (1 - represented / population) * max(p, 1 - p)
    return out


def _precision_test(
    counts: Ints, half_width: float, p: float, confidence: float
) -> Callable[[Floats], bool]:
    """Return a test of samples of a unit: whether they reach a half width."""
    unit = np.zeros(len(counts), np.int64)

    def is_precise(n: Floats) -> bool:
        # Less than half a case before rounding is none.
        reached = _half_widths(unit, counts, np.where(n < 0.5, 0.0, n), p, confidence)
        return _is_within(float(reached[0]), half_width)

    return is_precise


def _is_within(reached: float, asked: float) -> bool:
    """Check a half width, leaving aside rounding errors."""
    return reached <= asked * (1 + 1e-12)


def _points(half_width: float) -> str:
    """Format a half width in percentage points."""
    return f"{100 * half_width:.2f}"


_METHOD = "simple random within cells, without replacement: lowest PCG64 numbers in order of ids"


def _draw_cases(
    caseload: CaseSet, cells: Cells, n: Ints, seed: int, settings: Mapping[str, Any]
) -> CaseSet:
    """Draw ``n`` cases of every cell; see `omistats.sampling.SamplePlan.draw`."""
    drawn = draw_rows(caseload, cells, n, seed)
    with np.errstate(divide="ignore"):
        weight = np.where(n > 0, cells.counts / n, 0.0)
    keys = [[key] for key in cells.cell_keys()]
    columns = sample_columns(keys, cells.of_case[drawn], weight, cells.counts)
    sampling = json.dumps({"method": _METHOD, "seed": seed, **settings}, default=_json_value)
    return add_columns(caseload, drawn, columns, {b"sampling": sampling.encode()})


def draw_rows(caseload: CaseSet, cells: Cells, n: Ints, seed: int) -> Ints:
    """Draw ``n`` rows of every cell; they are in the order of units and ids."""
    by_id = _order_by_id(caseload)
    # Stable, so that ids ascend within cells.
    by_cell = by_id[np.argsort(cells.of_case[by_id], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(cells.counts)])
    parts = [np.empty(0, np.int64)]
    for c, key in enumerate(cells.cell_keys()):
        in_cell = by_cell[starts[c] : starts[c + 1]]
        numbers = np.random.PCG64(_seed_sequence(seed, key)).random_raw(len(in_cell))
        parts.append(in_cell[np.argsort(numbers, kind="stable")[: n[c]]])
    rows = np.concatenate(parts)
    place = np.empty(len(by_id), np.int64)
    place[by_id] = np.arange(len(by_id))
    in_order: Ints = rows[np.lexsort((place[rows], caseload.unit_codes[rows]))]
    return in_order


def add_columns(
    cases: CaseSet,
    rows: Ints | None,
    columns: Mapping[str, pa.Array],
    metadata: Mapping[bytes, bytes],
) -> CaseSet:
    """Take rows of cases, None for all, and add columns and metadata."""
    index = None if rows is None else pa.array(rows)
    taken = {name: cases[name] if index is None else cases[name].take(index) for name in cases}
    table = pa.table({**taken, **columns}).replace_schema_metadata({**cases.metadata, **metadata})
    units = [Unit(unit, cases.unit_names.get(unit, "")) for unit in cases.units]
    made = CaseSet.from_data(table, framework=cases.framework, units=units)
    return with_index_of(made, cases, rows)


def _json_value(value: Any) -> Any:
    """Convert mappings and NumPy numbers to JSON."""
    if isinstance(value, Mapping):
        return dict(value)
    # The share as written, also of float32.
    return int(value) if isinstance(value, np.integer) else float(str(value))


def _order_by_id(cases: CaseSet) -> Ints:
    import pyarrow.compute as pc

    order: Ints = pc.sort_indices(cases["case_id"]).to_numpy().astype(np.int64)
    return order


def _seed_sequence(seed: int, key: Key) -> np.random.SeedSequence:
    import hashlib  # needed only when cases are drawn

    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    words = np.frombuffer(digest[:16], "<u4").tolist()
    return np.random.SeedSequence(seed, spawn_key=words)
