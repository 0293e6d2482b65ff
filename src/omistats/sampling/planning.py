"""From a caseload and what is asked of its sample to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, described
from omistats.kernel.ranks import check_whole
from omistats.model.cases import CaseSet
from omistats.sampling.allocation import Allocation, Wishes, allocate
from omistats.sampling.cells import ADDED, Cells, cross, wanted_cells
from omistats.sampling.margins import margins_of, units_of
from omistats.sampling.options import Quotas, kept_names, quota, quotas_of, sizes_of, unit_problems
from omistats.sampling.plan import SamplePlan

__all__ = ["plan_sample"]


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
        proportion. `omistats.sample_for_precision` makes a size of it, with ``p``,
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
            f"a sample is planned of a CaseSet, found {described(caseload)}; make one with "
            "CaseSet.from_data(data, framework=...)"
        )
    check_whole("least", least, 0)
    if not isinstance(give_way, bool):
        raise UsageError(f"`give_way` is True or False, found {described(give_way)}")
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
        wishes = Wishes(
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
        "at_least": _plain(asked, crossed),
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
        text = f"{described(given)} for {cells.names[i]} "
        text += "unknown" if level is None else repr(level)
        problem = Problem(where, rule, text, hint)
        if problem not in problems:  # of one for all units
            problems.append(problem)
    return found


def _plain(asked: Quotas, cells: Cells) -> dict[str, dict[str | None, Any]]:
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
