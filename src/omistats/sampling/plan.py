"""Plan_sample(), SamplePlan, draw."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
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
from omistats.kernel.planning import sample_for_precision
from omistats.kernel.ranks import check_whole
from omistats.model.case_set import CaseSet
from omistats.model.metadata import is_synthetic
from omistats.model.units import Unit
from omistats.sampling.allocation import Allocation, AllocationProblem, allocate
from omistats.sampling.cells import ADDED, Cells, Key, added, cross, wanted_cells

__all__ = [
    "Quotas",
    "SamplePlan",
    "chosen",
    "draw_cases",
    "kept_names",
    "margins_of",
    "plan_sample",
    "quota",
    "quotas_of",
    "sizes_of",
    "unit_problems",
    "units_of",
    "with_columns",
]


Ints = npt.NDArray[np.int64]


def margins_of(
    cells: Cells,
    n: Ints,
    sizes: Mapping[str, int],
    keep: frozenset[int],
    quotas: Mapping[str, Mapping[tuple[int, int], int]],
    windows: Mapping[str, Mapping[tuple[int, int], tuple[int, int]]],
) -> pa.Table:
    """Count the caseload and the sample by level, and say what became of what was asked."""
    rows = []
    for u, unit in enumerate(cells.units):
        of_unit = cells.unit == u
        there = int(cells.counts[of_unit].sum())
        for i, name in enumerate(cells.names):
            for code, level in enumerate(cells.levels[i]):
                at = of_unit & (cells.level[:, i] == code)
                population, drawn = int(cells.counts[at].sum()), int(n[at].sum())
                if not population:
                    continue
                wanted = quotas[unit].get((i, code))
                exact = sizes[unit] * population
                # A whole number less than one case from the proportion, in whole numbers.
                near = abs(drawn * there - exact) < there
                rule = "kept" if i in keep else "quota" if wanted is not None else None
                way = None
                if i in keep and not near:
                    low, high = windows[unit][i, code]
                    alone = low <= drawn <= high or not any(quotas[unit].values())
                    way = "least" if alone else "at_least"
                rows.append(
                    {
                        "unit": unit,
                        "characteristic": name,
                        "level": level,
                        "population": population,
                        "n": drawn,
                        "proportionate": exact / there,
                        "quota": wanted,
                        "rule": rule,
                        "gives_way_to": way,
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


def units_of(cells: Cells, n: Ints) -> pa.Table:
    """Sum up every unit that has cases."""
    used = np.unique(cells.unit)
    population = np.bincount(cells.unit, cells.counts)[used].astype(np.int64)
    drawn = np.bincount(cells.unit, n)[used].astype(np.int64)
    # A cell of which no case is drawn has no weight, and its unit no design effect.
    seen = np.where(n > 0, n, 1)
    squares = np.bincount(cells.unit, np.where(n > 0, cells.counts**2 / seen, math.nan))[used]
    return pa.table(
        {
            "unit": _arrow.dictionary(used.astype(np.int16), cells.units),
            "population": pa.array(population),
            "n": pa.array(drawn),
            "fraction": pa.array(drawn / population),
            "cells": pa.array(np.bincount(cells.unit)[used].astype(np.int64)),
            "design_effect": _arrow.floats(drawn * squares / population**2),
        }
    )


_HALF, _USUAL = 0.5, 0.95

Quotas = dict[tuple[int, int], Any]
"""What was asked for, by characteristic and level."""


def kept_names(keep: Any, names: Sequence[str], boosted: Sequence[str]) -> tuple[str, ...]:
    """Resolve the characteristics that stay in proportion; None is all without a quota.

    Raises
    ------
    UnknownNameError
        When one is not among the cells.
    """
    if keep is None:
        return tuple(name for name in names if name not in boosted)
    kept = as_tuple("keep", keep, "names of characteristics")
    if stray := [name for name in kept if name not in names]:
        raise UnknownNameError("characteristic of the cells", stray, names)
    return tuple(name for name in names if name in kept)


def quotas_of(at_least: Any, cells: Cells) -> Quotas:
    """Find the levels that quotas are about.

    Raises
    ------
    UsageError
        When they are no mapping of characteristics to mappings of levels.
    UnknownNameError
        When a characteristic or a level is unknown.
    """
    if at_least is None:
        return {}
    shape = "`at_least` maps characteristics to levels and those to numbers"
    if not isinstance(at_least, Mapping):
        raise UsageError(f"{shape}, found {format_value(at_least)}")
    if stray := [name for name in at_least if name not in cells.names]:
        raise UnknownNameError("characteristic of the cells", stray, cells.names)
    found: Quotas = {}
    for name, wanted in at_least.items():
        if not isinstance(wanted, Mapping):
            raise UsageError(f"{shape}, found {format_value(wanted)} for {name!r}")
        i = cells.names.index(name)
        if stray := [level for level in wanted if level not in cells.levels[i]]:
            known = [str(level) for level in cells.levels[i] if level is not None]
            raise UnknownNameError(f"level of {name!r}", stray, known)
        for level, value in wanted.items():
            found[i, cells.levels[i].index(level)] = value
    return found


def unit_problems(asked: Quotas, cells: Cells, units: Iterable[str]) -> list[Problem]:
    """Say which quotas by unit lack units that have cases, or name others."""
    units = list(units)
    problems = []
    for (i, code), value in asked.items():
        if not isinstance(value, Mapping):
            continue
        level = cells.levels[i][code]
        called = f"at_least, {cells.names[i]} {'unknown' if level is None else repr(level)}"
        if missing := [unit for unit in units if unit not in value]:
            rule = "a quota by unit names every unit that has cases"
            hint = f"Add the rest, with 0 where nothing is asked, as {missing[0]!r}: 0."
            problems.append(Problem(called, rule, f"no number for {format_values(missing)}", hint))
        if stray := sorted(str(unit) for unit in value if unit not in units):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(called, rule, format_values(stray), hint))
    return problems


def quota(value: Any, size: int) -> int | None:
    """Give the number of cases that a quota asks of a sample, None where it says neither.

    Parameters
    ----------
    value : object
        An integer from 0, of Python or NumPy, is a number of cases; a float strictly between 0
        and 1 a share of ``size``, rounded up. Nothing else is either: 1.0 might be meant as one
        case or as the whole sample.
    size : int

    Examples
    --------
    >>> quota(45, 160), quota(0.45, 160), quota(1.0, 160)
    (45, 72, None)
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value) if value >= 0 else None
    if isinstance(value, float | np.floating) and 0 < value < 1:
        # As it was written: a tenth of 30 is 3, whatever binary fractions of any length make
        # of it. NumPy's str() is the shortest that tells a number from its neighbours.
        return math.ceil(Fraction(str(value)) * size)
    return None


def sizes_of(
    size: Any,
    half_width: Any,
    p: float,
    confidence: float,
    there: Mapping[str, int],
    problems: list[Problem],
) -> dict[str, int]:
    """Give the size of every unit's sample.

    Parameters
    ----------
    size, half_width : number or mapping of str to number, optional
        One of them.
    p, confidence : float
        As `omistats.stats.sample_for_precision`.
    there : mapping of str to int
        The cases of every unit that has any.
    problems : list of Problem
        Receives what is wrong with single units.

    Raises
    ------
    UsageError
        When both or none are given, or a number cannot be what it should.
    """
    if (size is None) == (half_width is None):
        raise UsageError("give either `size` or `half_width`, one of them")
    if size is not None and (p, confidence) != (_HALF, _USUAL):
        raise UsageError("`p` and `confidence` make a size of `half_width`; leave them out")
    name, given = ("half_width", half_width) if size is None else ("size", size)
    if isinstance(given, Mapping):
        if missing := [unit for unit in there if unit not in given]:
            rule, hint = "every unit with cases needs one", "Name them, or filter their cases out."
            problems.append(Problem(name, rule, f"none for {format_values(missing)}", hint))
        if stray := sorted(str(unit) for unit in given if unit not in there):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(name, rule, format_values(stray), hint))
        of_unit = {unit: given[unit] for unit in there if unit in given}
    else:
        of_unit = dict.fromkeys(there, given)
    if size is not None:
        for value in of_unit.values():
            check_whole("size", value, 1)
        return {unit: int(value) for unit, value in of_unit.items()}
    numbers = int | float | np.integer | np.floating
    if odd := [v for v in of_unit.values() if isinstance(v, bool) or not isinstance(v, numbers)]:
        raise UsageError(f"`half_width` is a number, found {format_value(odd[0])}")
    if not of_unit:
        return {}
    population = np.array([there[unit] for unit in of_unit], np.float64)
    wanted = sample_for_precision(
        np.array(list(of_unit.values()), np.float64),
        p=p,
        confidence=confidence,
        population=population,
    )
    if np.isnan(wanted).any():
        raise UsageError("`half_width` and `p` are numbers, found NaN")
    return {unit: int(n) for unit, n in zip(of_unit, wanted.tolist(), strict=True)}


_METHOD = "simple random within cells, without replacement: lowest PCG64 numbers in order of ids"


def draw_cases(
    caseload: CaseSet, cells: Cells, n: Ints, seed: int, settings: Mapping[str, Any]
) -> CaseSet:
    """Draw ``n`` cases of every cell; see `omistats.sampling.SamplePlan.draw`."""
    drawn = chosen(caseload, cells, n, seed)
    with np.errstate(divide="ignore"):
        weight = np.where(n > 0, cells.counts / n, 0.0)
    keys = [[key] for key in cells.named()]
    more = added(keys, cells.of_case[drawn], weight, cells.counts)
    said = {"method": _METHOD, "seed": seed, **settings}
    return with_columns(
        caseload, drawn, more, {b"sampling": json.dumps(said, default=_json_value).encode()}
    )


def chosen(caseload: CaseSet, cells: Cells, n: Ints, seed: int) -> Ints:
    """Choose the rows that are drawn, in the order of units and ids."""
    in_order = _by_id(caseload)
    of_case = cells.of_case[in_order]
    # Stable, so that ids ascend within cells.
    by_cell = in_order[np.argsort(of_case, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(cells.counts)])
    parts = [np.empty(0, np.int64)]
    for c, key in enumerate(cells.named()):
        there = by_cell[starts[c] : starts[c + 1]]
        numbers = np.random.PCG64(_seed(seed, key)).random_raw(len(there))
        parts.append(there[np.argsort(numbers, kind="stable")[: n[c]]])
    rows = np.concatenate(parts)
    place = np.empty(len(in_order), np.int64)
    place[in_order] = np.arange(len(in_order))
    order: Ints = rows[np.lexsort((place[rows], caseload.unit_codes[rows]))]
    return order


def with_columns(
    cases: CaseSet, rows: Ints | None, more: Mapping[str, pa.Array], said: Mapping[bytes, bytes]
) -> CaseSet:
    """Take rows of cases, None for all, and give them more columns and metadata."""
    index = None if rows is None else pa.array(rows)
    columns = {name: cases[name] if index is None else cases[name].take(index) for name in cases}
    table = pa.table({**columns, **more}).replace_schema_metadata({**cases.metadata, **said})
    units = [Unit(unit, cases.unit_names.get(unit, "")) for unit in cases.units]
    return CaseSet.from_data(table, framework=cases.framework, units=units)


def _json_value(value: Any) -> Any:
    """Turn mappings and NumPy's numbers into what JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    # A share as it was written, of whatever length its binary fraction was.
    return int(value) if isinstance(value, np.integer) else float(str(value))


def _by_id(cases: CaseSet) -> Ints:
    import pyarrow.compute as pc

    order: Ints = pc.sort_indices(cases["case_id"]).to_numpy().astype(np.int64)
    return order


def _seed(seed: int, key: Key) -> np.random.SeedSequence:
    import hashlib  # wanted only when cases are drawn

    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    words = np.frombuffer(digest[:16], "<u4").tolist()
    return np.random.SeedSequence(seed, spawn_key=words)


_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class SamplePlan(TableResult):
    """How many cases of every cell a sample has; `draw` draws it.

    Attributes
    ----------
    table : pyarrow.Table
        A row a cell that has cases, by unit and then by level: ``unit``, a column for each
        characteristic (null where unknown), ``population`` and ``n`` (int64, cases of the
        caseload and of the sample), ``target`` (float64, before rounding), ``fraction`` (``n``
        over ``population``) and ``weight`` (the inverse; null where no case is drawn).
    margins : pyarrow.Table
        A row a level that a unit has: ``unit, characteristic, level`` (null where unknown),
        ``population``, ``n``, ``proportionate`` (float64, what the level has of a sample in
        proportion to the caseload), ``quota`` (int64, null without one), ``rule`` (``kept``;
        ``quota``, of a level that has one; null) and ``gives_way_to``: null where what is kept
        is less than one case from its proportion, else ``least`` or ``at_least``.
    units : pyarrow.Table
        A row a unit: ``unit, population, n, fraction, cells`` and ``design_effect``, by which
        unequal weights widen the variance of a percentage that has nothing to do with the
        cells (Kish).
    caseload : CaseSet
        What the sample is drawn from.
    settings : dict
        The arguments, resolved: ``cells, keep, at_least, least, give_way, size`` (by unit).

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
    unit  caseload  sample  share  cells  design effect
    A           12       6  50.0%      2           1.50
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
            From 0. The same seed draws the same cases, in whatever order the caseload has
            them.

        Returns
        -------
        CaseSet
            The cases drawn, by unit and then by id, with three more columns:
            ``sampling_stratum`` (the unit and the cell), ``weight`` (cases of the caseload
            that a case stands for) and ``population`` (cases of the cell in the caseload).
            They are what `omistats.recompute` and `omistats.scores` take as ``stratum``,
            ``weight`` and ``population``. The metadata is that of the caseload, and under
            ``sampling`` says how the sample was drawn.

        Raises
        ------
        UsageError
            When the seed is no whole number, or is negative.
        DataError
            When labels of two cells run into each other.

        Notes
        -----
        Within a cell every subset of the size planned is equally likely. Each case of a cell,
        in the order of ids, has a random number, and those with the lowest are drawn: a
        larger plan with the same seed keeps the cases of a smaller one. Numbers are raw
        output of NumPy's PCG64, whose stream does not change between versions. Its seed is
        made of ``seed`` and the SHA-256 digest of the unit and the levels of the cell, so
        that no other unit or cell matters.
        """
        check_whole("seed", seed, 0)
        return draw_cases(
            self.caseload, self._cells, self.table["n"].to_numpy(), int(seed), self.settings
        )

    def _display(self) -> Display:
        rows = self.units.to_pylist()
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        drawn, there = (sum(row[name] for row in rows) for name in ("n", "population"))
        count, declared = len(rows), len(self.caseload.units)
        head = f"SamplePlan: {drawn:,} of {there:,} {made_up}cases, {count} "
        head += f"unit{'s' * (count != 1)}"
        if declared > count:
            head += f" with cases of {declared} declared"
        crossed = " x ".join(self._cells.names) or "no characteristic"
        head += f", {self.table.num_rows:,} cells of {crossed}"
        if self.settings["keep"]:
            head += f"; kept: {', '.join(self.settings['keep'])}"
        lost = [row for row in self.margins.to_pylist() if row["gives_way_to"]]
        tail = [f"... and {count - _ROWS:,} more units in .units"] * (count > _ROWS)
        if lost:
            text = "1 level that is kept is" if len(lost) == 1 else f"{len(lost):,} kept levels are"
            tail.append(f"{text} off proportion; see gives_way_to in .margins")
        lines = [["unit", "caseload", "sample", "share", "cells", "design effect"]]
        lines += [
            [
                row["unit"],
                f"{row['population']:,}",
                f"{row['n']:,}",
                f"{row['fraction']:.1%}",
                f"{row['cells']:,}",
                f"{row['design_effect']:.2f}" if row["design_effect"] is not None else "",
            ]
            for row in rows[:_ROWS]
        ]
        return Display(head, lines, "\n".join(tail))


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
        One row a case that could be drawn. Its framework need not ask anything; see
        `omistats.omi2.CASELOAD`.
    size : int or mapping of str to int, optional
        Cases to draw from each unit, or from each by its name.
    half_width : float or mapping of str to float, optional
        In place of a size: half the width of the interval for a percentage of a unit, as a
        proportion. `omistats.stats.sample_for_precision` makes a size of it, with ``p``,
        ``confidence`` and the caseload.
    cells : iterable of str, optional
        Characteristics; their cross-classification, within units, makes the cells that cases
        are drawn from. An unknown characteristic (null) is a level of its own. By default the
        strata that the framework requires. The first is the one that `omistats.design_weights`
        never merges across.
    keep : iterable of str, optional
        Of these the characteristics that stay in proportion to the caseload. By default all
        that have no quota.
    at_least : mapping of str to mapping, optional
        Quotas by characteristic and level: an integer is a number of cases, a float strictly
        between 0 and 1 a share of the sample (rounded up), and a float outside is refused. Or a
        mapping of every unit that has cases to such. ``None`` is the unknown level.
    least : int
        Cases of every cell, or all of them where there are fewer. One lets no cell go
        unseen; from two on every cell also tells its variance, or is drawn whole and adds none.
    give_way : bool
        What is kept gives way, as little as can be, where it cannot be had with quotas or with
        ``least``; otherwise such a plan is refused.
    p, confidence : float
        With ``half_width``: the percentage that is expected, as a proportion, and the
        confidence of its interval.

    Returns
    -------
    SamplePlan
        How many cases of every cell; nothing is drawn yet.

    Raises
    ------
    UsageError
        When arguments do not fit together, or are out of range.
    UnknownNameError
        When a characteristic or a level is unknown.
    DataError
        When a caseload is smaller than its sample, a sample smaller than its cells need, a
        quota larger than there are cases, what is asked cannot be had together (the error
        names the fewest that contradict each other), or the caseload has a column that a draw
        adds. All units are reported.

    Notes
    -----
    Quotas and ``least`` hold. Every level of what is kept has the whole number below or above
    its proportion, so that it is less than one case off; except where cells of a level take
    more than that by ``least``: it has those then, and the other levels divide the rest in
    proportion, which can take them a case or more off too. Of all
    tables that obey, the one nearest to a target by chi-square is taken. The target is the
    caseload raked to the proportions kept and to the quotas, where those are more than
    proportionate.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled
    frequency table when the expected marginal totals are known. Annals of Mathematical
    Statistics 11, 427-444 (raking).

    Examples
    --------
    >>> import omistats as oms
    >>> made_up = oms.omi2.simulate(units=2, seed=1)
    >>> caseload = oms.CaseSet.from_data(made_up, framework=oms.omi2.CASELOAD)
    >>> plan = oms.plan_sample(caseload, size=60, at_least={"risk_of_harm": {"high": 25}})
    >>> high = plan.margins.to_pylist()[0]
    >>> high["level"], high["n"], round(high["proportionate"], 1), high["rule"]
    ('high', 25, 11.5, 'quota')
    """
    if not isinstance(caseload, CaseSet):
        raise UsageError(
            f"a sample is planned of a CaseSet, found {format_value(caseload)}; make one with "
            "CaseSet.from_data(data, framework=...)"
        )
    check_whole("least", least, 0)
    if not isinstance(give_way, bool):
        raise UsageError(f"`give_way` is True or False, found {format_value(give_way)}")
    names = wanted_cells(caseload, cells)
    crossed = cross(caseload, names)
    asked = quotas_of(at_least, crossed)
    boosted = [names[i] for i, _ in asked]
    kept = kept_names(keep, names, boosted)
    problems = _taken(caseload)
    if not len(caseload):
        hint = "Read the cases that could be drawn."
        problems.append(Problem("caseload", "a caseload has cases", "none", hint))
    there = np.bincount(crossed.unit, crossed.counts, len(crossed.units)).astype(int).tolist()
    of_unit = {unit: n for unit, n in zip(crossed.units, there, strict=True) if n}
    sizes = sizes_of(size, half_width, p, confidence, of_unit, problems)
    problems += unit_problems(asked, crossed, of_unit)
    n, target = np.zeros(len(crossed.unit), np.int64), np.zeros(len(crossed.unit))
    quotas: dict[str, dict[tuple[int, int], int]] = {}
    windows = {}
    keeping = frozenset(names.index(name) for name in kept)
    for unit, wanted in sizes.items():
        quotas[unit] = _quotas(unit, wanted, asked, crossed, problems)
        at = crossed.unit == crossed.units.index(unit)
        wishes = AllocationProblem(
            unit,
            wanted,
            names,
            crossed.levels,
            crossed.level[at],
            crossed.counts[at],
            keeping,
            quotas[unit],
            int(least),
            give_way,
        )
        found = allocate(wishes)
        if isinstance(found, Allocation):
            n[at], target[at], windows[unit] = found.n, found.target, found.windows
        else:
            problems += found
    if problems:
        raise DataError(problems)
    settings = {
        "cells": names,
        "keep": kept,
        "at_least": _quotas_as_json(asked, crossed),
        "least": int(least),
        "give_way": give_way,
        "size": sizes,
    }
    metadata = caseload.metadata or None
    return SamplePlan(
        _table(crossed, n, target).replace_schema_metadata(metadata),
        margins_of(crossed, n, sizes, keeping, quotas, windows).replace_schema_metadata(metadata),
        units_of(crossed, n).replace_schema_metadata(metadata),
        caseload,
        settings,
        crossed,
    )


def _taken(caseload: CaseSet) -> list[Problem]:
    return [
        Problem(name, "a sample adds this column to those of the caseload", name, "Rename it.")
        for name in ADDED
        if name in caseload
    ]


def _quotas(
    unit: str, size: int, asked: Quotas, cells: Cells, problems: list[Problem]
) -> dict[tuple[int, int], int]:
    """Give what quotas ask of one unit; those by unit that leave it out are reported already."""
    found = {}
    for (i, code), value in asked.items():
        where, given = "at_least", value
        if isinstance(value, Mapping):
            if unit not in value:
                continue
            where, given = unit, value[unit]
        wanted = quota(given, size)
        if wanted is not None:
            found[i, code] = wanted
            continue
        rule = "a quota is a whole number of cases from 0, or a share: a float between 0 and 1"
        like = 45
        if isinstance(given, float | np.floating) and given >= 1 and given == given // 1:
            like = int(given)
        hint = f"Write {like} for cases, 0.99 for a share of the sample."
        level = cells.levels[i][code]
        text = f"{format_value(given)} for {cells.names[i]} "
        text += "unknown" if level is None else repr(level)
        problem = Problem(where, rule, text, hint)
        if problem not in problems:  # of one for all units
            problems.append(problem)
    return found


def _quotas_as_json(asked: Quotas, cells: Cells) -> dict[str, dict[str | None, Any]]:
    out: dict[str, dict[str | None, Any]] = {}
    for (i, code), value in asked.items():
        out.setdefault(cells.names[i], {})[cells.levels[i][code]] = value
    return out


def _table(cells: Cells, n: Any, target: Any) -> pa.Table:
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
