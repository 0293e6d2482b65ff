"""Compare units with each other: on one score by funnel and ranks, and over all items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import Display, TableResult
from omistats.errors import UsageError, check_choice, format_value, format_values, visible
from omistats.kernel.checks import check_whole
from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    effective_heterogeneity,
)
from omistats.kernel.funnel import (
    SCALES,
    Dispersion,
    Heterogeneity,
    dispersion,
    flags,
    funnel_limits,
    heterogeneity,
    shortfall,
    standard_scores,
    within_design_effect,
)
from omistats.kernel.intervals import normal_quantile
from omistats.kernel.ranks import Pairs, pairs, rank_sets, rank_sets_of_tests, ranks
from omistats.model.framework import ALL
from omistats.model.metadata import is_synthetic
from omistats.scoring.build import RELIABILITY, ScoreReason, is_thin, thin_note
from omistats.scoring.finite_population import read_fpc_metadata

__all__ = ["Inflation", "UnitComparison", "by_unit", "compare_units", "ranges", "whole_cases"]

Floats = npt.NDArray[np.float64]
Inflation = Literal["none", "multiplicative", "additive"]

_LEVELS = (0.95, 0.998)
_TOO_FEW = "too few cases to tell"
_EFFECTIVE = ("cases", "effective_n", "effective_df", "interval_method")
_RANGES = pa.schema(
    [
        ("level", pa.string()),
        ("item", pa.string()),
        *((name, pa.float64()) for name in ("percent", "low", "high", "lowest")),
        ("lowest_unit", pa.string()),
        ("highest", pa.float64()),
        ("highest_unit", pa.string()),
    ]
)


@attrs.frozen(eq=False, repr=False)
class UnitComparison(TableResult):
    """A comparison of units on one score.

    Attributes
    ----------
    item : str
        The item scored.
    table : pyarrow.Table
        A row a unit: ``unit, order`` (the value that units were sorted by), ``k, n, percent,
        se, low, high``; the funnel's limits ``low_95, high_95, low_99_8, high_99_8``
        (percent) and ``beyond`` (the greatest confidence whose limits the unit is outside;
        0 inside all); ``z`` and the same with either allowance for overdispersion,
        ``z_multiplicative`` and ``z_additive``; ``rank`` (1 is the highest) with its
        interval ``rank_low, rank_high``, and the range that holds for all units at once,
        ``joint_low, joint_high``; how many units it is credibly ``above`` and how many
        ``below`` (int64, see `pairs`); the probability of being in the ``lowest_quarter``
        and its Monte Carlo standard error ``lowest_quarter_se``; ``below_threshold``,
        if one was given: ``no, point, interval``; ``reason`` why the score or its interval is
        missing; and ``reliability, cases, effective_n, effective_df, interval_method`` as in the
        scores. A unit without an interval (of one case) has no rank: ranks, ranges and counts are
        among the units that have one. A caseload sampled whole is known for certain; under
        Wald's rules a standard error of 0 counts as certainty too. Without a ``reason`` these are
        null: all three of z where the baseline is 0 or 100 on the normal scale; ``z_additive``
        where only one unit has a ``z``; ``lowest_quarter`` and its error where fewer than four
        units have a rank; ``order`` of a unit that has none; ``below_threshold`` without a
        threshold.
    baseline : float
        The centre line, in percent.
    design_effect : float
        The pooled within-unit design effect that the funnel's variance was multiplied by,
        without finite population correction. Where cases do not differ within any unit it is
        NaN, and the variance was not multiplied.
    dispersion : Dispersion
        ``phi`` and ``tau2``; both are reported, at most one is applied.
    heterogeneity : Heterogeneity
        Test of whether units differ by more than chance, on effective answers: defined where
        units show no spread. Caseloads sampled whole are left out (``exact`` counts them); NaN
        where fewer than two units are left. Under Wald's rules NaN where a unit has a standard
        error of 0, or fewer than two have one.
    pair_p_values : ndarray of float64, shape (units, units), or None
        P-values of all pairs, where cases are permuted.
    settings : dict
        Scale, overdispersion applied, threshold, confidence, draws, seed, and population: the
        caseloads by unit of the finite population correction, or None.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"]).units("3")
    >>> found
    UnitComparison of 3: 15 SYNTHETIC units, baseline 57.1%, 6 beyond 99.8% limits;
    design effect 1.16, Q 314.3 on 14, phi 14.47, tau2 0.0044
    >>> found.pairs().select(["unit", "other", "higher"]).slice(3, 2).to_pylist()
    [{'unit': 'U01', 'other': 'U05', 'higher': None},
     {'unit': 'U01', 'other': 'U06', 'higher': 'U01'}]
    """

    item: str
    table: pa.Table
    baseline: float
    design_effect: float
    dispersion: Dispersion
    heterogeneity: Heterogeneity
    settings: Mapping[str, Any]
    pair_p_values: Floats | None = None

    def pairs(self) -> pa.Table:
        """Compare every unit with every other.

        Returns
        -------
        pyarrow.Table
            A row a pair, in the order of ``table``: ``unit, other, difference`` (the first
            less the second, in percentage points), ``se, low, high`` and the two-sided
            ``p_value`` of this pair by itself, at the confidence of the scores and by the
            normal distribution; ``p_adjusted``, which allows for all pairs; ``higher``, the
            unit credibly higher by ``p_adjusted``, null where neither is; ``reason`` why a
            figure is missing; ``reliability``, the worse of the two units'. The chance that
            any of the ``higher`` is wrong is at most what the confidence leaves, as far as the
            test of each pair keeps its level; Wald's does not where units have few cases.

        Notes
        -----
        Units are independent. The adjustment is that of ``joint_low, joint_high, above,
        below``; see `omistats.kernel.ranks.pairs`.
        """
        return _pairs_table(self.table, self.settings["confidence"], self.pair_p_values)

    def __repr__(self) -> str:
        h, d = self.heterogeneity, self.dispersion
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        fpc = ", errors corrected for caseloads" * (self.settings["population"] is not None)
        outside = int((self.table["beyond"].to_numpy() >= _LEVELS[1]).sum())
        thin = thin_note(self.table["reliability"].to_pylist())
        return visible(
            f"UnitComparison of {self.item}: {self.table.num_rows} {made_up}units, baseline "
            f"{self.baseline:.1f}%, {outside} beyond 99.8% limits; design effect "
            f"{self.design_effect:.2f}, Q {float(h.statistic):.1f} on {float(h.df):g}, "
            f"phi {float(d.phi):.2f}, tau2 {float(d.tau2):.2g}{fpc}{f'; {thin}' * bool(thin)}"
        )

    def _repr_html_(self) -> str:
        lines = _display_lines(self.table)
        if any(map(is_thin, self.table["reliability"].to_pylist())):
            marks = ["?" * is_thin(text) for text in self.table["reliability"].to_pylist()]
            lines = [[*line, mark] for line, mark in zip(lines, ["", *marks], strict=True)]
        return Display(repr(self), lines, "all columns are in .table").as_html()


def compare_units(
    table: pa.Table,
    item: str,
    *,
    baseline: float | None = None,
    scale: Literal["normal", "arcsine"] = "normal",
    overdispersion: Inflation = "none",
    threshold: float | None = None,
    order: Mapping[str, Any] | None = None,
    draws: int = 10_000,
    seed: int = 0,
    pair_tests: Callable[[Sequence[str]], Floats] | None = None,
    crossed: bool = False,
) -> UnitComparison:
    """Compare units on one score; see `Scores.units`.

    ``pair_tests`` gives the p-values of all pairs of units, where these are permuted. Where
    clusters lie across units (``crossed``) a table of scores does not tell how two units move
    together, so that neither pairs nor heterogeneity are tested.
    """
    if not isinstance(item, str):
        raise UsageError(
            f"`item` must be the id of one item; found {format_value(item)}. Compare item by item"
        )
    check_choice("item", item, table["item"].unique().to_pylist())
    _check_percentage("baseline", baseline)
    check_choice("scale", scale, SCALES)
    check_choice("allowance for overdispersion", overdispersion, get_args(Inflation))
    _check_percentage("threshold", threshold)
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    whole = whole_cases(table, "a comparison needs")
    whole = whole.filter(pa.array([i == item for i in whole["item"].to_pylist()]))
    units = whole["unit"].to_pylist()
    if whole["rule"][0].as_py() != "pooled":
        raise UsageError(
            "a funnel is for pooled scores, whose precision depends on n; make the scores with "
            'rule="pooled"'
        )
    _require_all_units(whole, "a comparison needs")
    ordered = _sort_units([u for u in units if u != ALL], order)
    rows = whole.take(pa.array([units.index(u) for u, _ in ordered]))

    def column(name: str) -> Floats:
        values: Floats = rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy()
        return values

    p, se, n = column("percent") / 100, column("se") / 100, column("n")
    centre = whole["percent"][units.index(ALL)].as_py() if baseline is None else baseline
    if centre is None:
        raise UsageError(f"no unit has applicable answers to the questions of {item!r}")
    fpc = read_fpc_metadata(table)
    effect = float(within_design_effect(p, se, n)) if fpc is None else fpc.design_effect(item)
    # Where cases do not differ within any unit, the design effect is unknown.
    effect = effect if effect > 0 else np.nan
    inflation = 1.0 if np.isnan(effect) else effect
    z = standard_scores(p, centre / 100, n, scale=scale, inflation=inflation)
    over = dispersion(z.z, z.s)
    applied = {
        "phi": float(over.phi) if overdispersion == "multiplicative" else 1.0,
        "tau2": float(over.tau2) if overdispersion == "additive" else 0.0,
    }
    funnel = funnel_limits(
        centre / 100, n, confidence=_LEVELS, scale=scale, inflation=inflation, **applied
    )
    confidence = whole["confidence"][0].as_py()
    groups = _effective_groups(rows)
    pair_p_values = None
    if groups is None:
        spread, joint = se, rank_sets(p, se, confidence=confidence)
        differ = heterogeneity(p, se)
        tests = np.where(np.isnan(se + se[:, np.newaxis]), np.nan, 1.0)
    else:
        # Ranks are simulated with the spread that the interval has.
        spread = (column("high") - column("low")) / 200 / normal_quantile(confidence)
        one, other = groups[:, np.newaxis], groups[np.newaxis]
        tests = compare_effective(one, other).p_value
        joint = rank_sets_of_tests(p, tests, confidence=confidence)
        differ = effective_heterogeneity(groups)
    if crossed:
        pair_p_values = np.full(tests.shape, np.nan)
        joint = rank_sets_of_tests(p, pair_p_values, confidence=confidence)
        differ = attrs.evolve(differ, p_value=np.full(differ.p_value.shape, np.nan))
    if pair_tests is not None:
        permuted = pair_tests([unit for unit, _ in ordered])
        pair_p_values = np.where(np.isnan(tests), np.nan, permuted)
        joint = rank_sets_of_tests(p, pair_p_values, confidence=confidence)
    ranked = ranks(p, spread, confidence=confidence, draws=draws, seed=seed)
    arrays = {
        "unit": pa.array([u for u, _ in ordered]),
        "order": _order_column([value for _, value in ordered]),
        **{name: rows[name].combine_chunks() for name in ("k", "n")},
        **{name: rows[name].combine_chunks() for name in ("percent", "se", "low", "high")},
        "low_95": _arrow.floats(100 * funnel.low[:, 0]),
        "high_95": _arrow.floats(100 * funnel.high[:, 0]),
        "low_99_8": _arrow.floats(100 * funnel.low[:, 1]),
        "high_99_8": _arrow.floats(100 * funnel.high[:, 1]),
        "beyond": _arrow.floats(flags(p, funnel).beyond),
        "z": _arrow.floats(z.z),
        "z_multiplicative": _arrow.floats(over.z_multiplicative),
        "z_additive": _arrow.floats(over.z_additive),
        "rank": _arrow.floats(ranked.rank),
        "rank_low": _arrow.floats(ranked.low),
        "rank_high": _arrow.floats(ranked.high),
        "joint_low": _arrow.floats(joint.low),
        "joint_high": _arrow.floats(joint.high),
        "above": _counts(joint.below),
        "below": _counts(joint.above),
        "lowest_quarter": _arrow.floats(ranked.lowest_quarter),
        "lowest_quarter_se": _arrow.floats(ranked.lowest_quarter_error),
        "below_threshold": _below_threshold(column("percent"), column("high"), threshold),
        "reason": rows["reason"].cast(pa.string()).combine_chunks(),
        "reliability": rows["reliability"].cast(pa.string()).combine_chunks(),
        **{name: rows[name].combine_chunks() for name in _EFFECTIVE},
    }
    return UnitComparison(
        item,
        pa.table(arrays).replace_schema_metadata(table.schema.metadata),
        float(centre),
        effect,
        over,
        differ,
        {
            "scale": scale,
            "overdispersion": overdispersion,
            "threshold": threshold,
            "confidence": confidence,
            "draws": draws,
            "seed": seed,
            "population": None if fpc is None else dict(fpc.caseloads),
        },
        pair_p_values,
    )


def _effective_groups(rows: pa.Table) -> EffectiveGroups | None:
    """Return units as effective answers; None if their intervals are not made of them."""
    if not set(rows["interval_method"].to_pylist()) <= {"wilson-effective", None}:
        return None
    percent, n, df, cases = (
        rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy()
        for name in ("percent", "effective_n", "effective_df", "cases")
    )
    # A null stands for a spread that is a bound, with infinite degrees of freedom.
    df = np.where(np.isnan(df), np.inf, df)
    unknown = np.full(n.shape, np.nan)
    return EffectiveGroups(percent / 100, n, df, np.nan_to_num(cases), unknown, unknown)


def _check_percentage(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise UsageError(f"`{name}` must be a percentage; found {format_value(value)}")
    if not 1 <= value < 100:
        hint = f". Did you mean {100 * value:g}?" if 0 < value < 1 else ""
        raise UsageError(
            f"`{name}` must be a percentage, from 1 to below 100; found {value!r}{hint}"
        )


def _counts(values: Floats) -> pa.Array:
    known = ~np.isnan(values)
    return _arrow.primitive(np.where(known, values, 0).astype(np.int64), known)


def _below_threshold(percent: Floats, high: Floats, threshold: float | None) -> pa.Array:
    if threshold is None:
        return pa.nulls(len(percent), pa.string())
    words = shortfall(percent, high, threshold).tolist()
    # Without an interval it is unknown whether a low score is credibly low.
    known = (~np.isnan(high)).tolist()
    return pa.array(
        [word if ok else None for word, ok in zip(words, known, strict=True)], pa.string()
    )


def _display_lines(table: pa.Table) -> list[list[str]]:
    """Make the lines of the HTML form: titles, then a line a unit."""

    def span(row: dict[str, Any], low: str, high: str, digits: int) -> str:
        ends = row[low], row[high]
        return "" if None in ends else f"{ends[0]:.{digits}f}-{ends[1]:.{digits}f}"

    titles = ["unit", "percent", "interval", "n", "95% limits", "99.8% limits", "beyond"]
    titles += ["rank", "range", "joint range", "below threshold"]
    return [
        titles,
        *(
            [
                row["unit"],
                "" if row["percent"] is None else f"{row['percent']:.1f}",
                span(row, "low", "high", 1),
                f"{row['n']:,}",
                span(row, "low_95", "high_95", 1),
                span(row, "low_99_8", "high_99_8", 1),
                f"{row['beyond']:.1%}" if row["beyond"] else "",
                "" if row["rank"] is None else f"{row['rank']:g}",
                span(row, "rank_low", "rank_high", 0),
                span(row, "joint_low", "joint_high", 0),
                row["below_threshold"] or "",
            ]
            for row in table.to_pylist()
        ),
    ]


def _pairs_table(
    table: pa.Table, confidence: float, pair_p_values: Floats | None = None
) -> pa.Table:
    """Compare the units of a table pair by pair; see `UnitComparison.pairs`."""

    def column(name: str) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = table[name].fill_null(np.nan).to_numpy()
        return values

    groups = _effective_groups(table) if "interval_method" in table.column_names else None
    found = (
        pairs(column("percent") / 100, column("se") / 100, confidence=confidence)
        if groups is None
        else _effective_pairs(groups, column("se") / 100, confidence)
    )
    if pair_p_values is not None:
        found = _replace_tests(found, column("percent"), pair_p_values)
    units, reasons = table["unit"].to_pylist(), table["reason"].to_pylist()
    places = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    known = ~np.isnan(found.p_value)
    few = _few_for_wald(table)[np.array([found.first, found.second])].any(axis=0)
    crossed = groups is None and pair_p_values is not None
    numbers = {
        "difference": 100 * found.difference,
        **{
            name: np.where(crossed, np.nan, 100 * getattr(found, name))
            for name in ("se", "low", "high")
        },
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
    }
    higher, reason = [], []
    untested = ScoreReason.KNOWN_IN_FULL
    if groups is None:
        untested = ScoreReason.CLUSTERS_CROSS_UNITS if crossed else ScoreReason.NO_SPREAD
    # Wald's test of few cases is shown where it stands in, but says nothing of them.
    sides = np.where(few, 0, found.higher).tolist()
    for (i, j), side, ok in zip(places, sides, known.tolist(), strict=True):
        higher.append(None if side == 0 else units[i if side > 0 else j])
        reason.append(None if ok else reasons[i] or reasons[j] or untested.text)
    return pa.table(
        {
            "unit": pa.array([units[i] for i, _ in places], pa.string()),
            "other": pa.array([units[j] for _, j in places], pa.string()),
            **{name: _arrow.floats(values) for name, values in numbers.items()},
            "higher": pa.array(higher, pa.string()),
            "reason": pa.array(reason, pa.string()),
            "reliability": pa.array(_pair_reliability(table, found, few), pa.string()),
        }
    ).replace_schema_metadata(table.schema.metadata)


def _few_for_wald(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Flag units of too few cases for Wald's rules, where these stand in for effective answers."""
    if not {"reliability", "effective_n"} <= set(table.column_names):
        return np.zeros(table.num_rows, np.bool_)
    columns = (table[name].to_pylist() for name in ("reliability", "effective_n"))
    rows = [grade == _TOO_FEW and n is None for grade, n in zip(*columns, strict=True)]
    return np.array(rows, np.bool_)


def _pair_reliability(
    table: pa.Table, found: Pairs, few: npt.NDArray[np.bool_]
) -> list[str | None]:
    """Grade pairs: the worse of what their units are; null if one has no answer.

    Units that were told apart are not too few to tell, unless they are too ``few`` for the test.
    """
    if "reliability" not in table.column_names:
        return [None] * len(found.first)
    place = {text: code for code, text in enumerate(RELIABILITY)}
    grade = np.array([place.get(text, -1) for text in table["reliability"].to_pylist()])
    one, other = grade[found.first], grade[found.second]
    worst = np.where(np.minimum(one, other) < 0, -1, np.maximum(one, other))
    told = (worst == place[_TOO_FEW]) & (found.p_value <= 1 - found.confidence) & ~few
    return [None if code < 0 else RELIABILITY[code] for code in np.where(told, 0, worst).tolist()]


def _effective_pairs(groups: EffectiveGroups, se: Floats, confidence: float) -> Pairs:
    """Compare all pairs of units on effective answers."""
    size = len(groups.p)
    first, second = np.triu_indices(size, 1)
    test = compare_effective(groups[first], groups[second], confidence)
    p_value = np.full((size, size), np.nan)
    p_value[first, second] = p_value[second, first] = test.p_value
    none = np.full(first.shape, np.nan)
    no_side = np.zeros(first.shape, np.int8)
    error = np.hypot(se[first], se[second])
    found = Pairs(
        first, second, test.estimate, error, test.low, test.high, none, none, no_side, confidence
    )
    return _replace_tests(found, groups.p, p_value)


def _replace_tests(found: Pairs, p: Floats, p_value: Floats) -> Pairs:
    """Put p-values, shape (units, units), and adjust them for all pairs of units."""
    first, second = found.first, found.second
    adjusted = rank_sets_of_tests(p, p_value, confidence=found.confidence).p_value
    up, down = adjusted[first, second], adjusted[second, first]
    level = 1 - found.confidence
    return attrs.evolve(
        found,
        p_value=p_value[first, second],
        p_adjusted=np.minimum(up, down),
        higher=(up <= level).astype(np.int8) - (down <= level).astype(np.int8),
    )


def ranges(table: pa.Table) -> pa.Table:
    """Find the range of each item's score over units; see `Scores.ranges`."""
    whole = whole_cases(table, "ranges need")
    _require_all_units(whole, "ranges need")
    rows = whole.select(["unit", "level", "item", "percent", "low", "high"]).to_pylist()
    out = []
    for line in (r for r in rows if r["unit"] == ALL):
        of_units = [
            (r["percent"], r["unit"])
            for r in rows
            if r["item"] == line["item"] and r["unit"] != ALL and r["percent"] is not None
        ]
        lowest = min(of_units, default=(None, None), key=itemgetter(0))
        highest = max(of_units, default=(None, None), key=itemgetter(0))
        out.append(
            {
                **{name: line[name] for name in ("level", "item", "percent", "low", "high")},
                "lowest": lowest[0],
                "lowest_unit": lowest[1],
                "highest": highest[0],
                "highest_unit": highest[1],
            }
        )
    return pa.Table.from_pylist(out, schema=_RANGES.with_metadata(whole.schema.metadata))


def by_unit(table: pa.Table, order: Mapping[str, Any] | None) -> pa.Table:
    """Make a table with a row a unit and a column an item; see `Scores.by_unit`."""
    whole = whole_cases(table, "a table by unit needs")
    rows = [r for r in whole.select(["unit", "item", "percent"]).to_pylist() if r["unit"] != ALL]
    if not rows:
        raise UsageError(
            'no units among these scores of all cases; make the scores with by="unit" and do not '
            "filter out units or the scores of all cases"
        )
    ordered = _sort_units(list(dict.fromkeys(r["unit"] for r in rows)), order)
    items = dict.fromkeys(r["item"] for r in rows)
    if taken := [item for item in items if item in ("unit", "order")]:
        raise UsageError(
            f"columns are named after items, and {format_values(taken)} would be there twice; "
            "drop the item with `.item()`"
        )
    percent = {(r["unit"], r["item"]): r["percent"] for r in rows}
    columns = {
        "unit": pa.array([unit for unit, _ in ordered], pa.string()),
        "order": _order_column([value for _, value in ordered]),
        **{
            item: pa.array([percent.get((unit, item)) for unit, _ in ordered], pa.float64())
            for item in items
        },
    }
    return pa.table(columns).replace_schema_metadata(whole.schema.metadata)


def whole_cases(table: pa.Table, what: str) -> pa.Table:
    """Keep the scores of all cases of a unit.

    Raises
    ------
    UsageError
        When the table has only scores of groups.
    """
    whole = table.filter(table["breakdown"].is_null())
    if table.num_rows and not whole.num_rows:
        raise UsageError(
            f"{what} the scores of all cases of each unit, and this view has only those of groups; "
            "go back to the scores it was made of (their `.breakdown()`, without a name, keeps the "
            "scores of all cases)"
        )
    return whole


def _require_all_units(whole: pa.Table, what: str) -> None:
    """Raise if a unit, or all together, was filtered out of the scores of all cases.

    The labels of a filtered table still name dropped units. A table read from a file may have
    lost them, so that the answers of the units must also add up to those of all together.
    """
    units = whole["unit"].unique().to_pylist()
    labels = whole["unit"].combine_chunks().dictionary.to_pylist()
    dropped = [unit for unit in labels if unit not in units]
    if not dropped and ALL in units and len(units) == 2:
        only = next(unit for unit in units if unit != ALL)
        raise UsageError(
            f"{what} two units or more, and these cases have one, {only!r}; its scores are in "
            "`.table`"
        )
    if ALL not in units or len(units) < 3 or dropped:
        left_out = f"; left out: {format_values(dropped, 8)}" if dropped else ""
        raise UsageError(
            f"{what} the scores of two units or more and of {ALL!r}; make the scores with "
            'by="unit" and do not filter units (to leave some out, score the cases of the others)'
            f"{left_out}"
        )
    excess: dict[str, list[int]] = {}
    for row in whole.select(["unit", "item", "k", "n"]).to_pylist():
        sign = -1 if row["unit"] == ALL else 1
        of_item = excess.setdefault(row["item"], [0, 0])
        of_item[0] += sign * row["k"]
        of_item[1] += sign * row["n"]
    if unequal := {item: counts for item, counts in excess.items() if counts != [0, 0]}:
        item, (k, n) = next(iter(unequal.items()))
        raise UsageError(
            f"{what} all units, yet the units here ({format_values(units, 8)}) and {ALL!r} differ "
            f"by {abs(k):,} sufficient of {abs(n):,} applicable answers to {item!r}; make the "
            "scores again from the cases"
        )


def _sort_units(units: Sequence[str], order: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Sort units by their values in ``order``, and pair them with these.

    Units without a value come last, as declared.

    Raises
    ------
    UsageError
        When ``order`` is no mapping, names unknown units, or has values that cannot be compared.
    """
    if order is None:
        return [(unit, None) for unit in units]
    if not isinstance(order, Mapping):
        raise UsageError(
            "`order` must map each unit to the value it is sorted by, as "
            f"{{'U01': date(2010, 3, 1)}}; found {type(order).__name__}"
        )
    known = set(units)
    if unknown := [key for key in order if key not in known]:
        raise UsageError(
            f"`order` names {format_values(unknown)}; units are {format_values(units, 8)}"
        )
    values = {unit: _as_sortable(value) for unit, value in order.items()}
    present = [u for u in units if not _is_missing(values.get(u))]
    try:
        present = sorted(present, key=lambda u: values[u])
    except (TypeError, ValueError) as error:
        kinds = {type(values[u]).__name__: u for u in reversed(present)}
        listed = ", ".join(f"{kind} for {kinds[kind]!r}" for kind in reversed(kinds))
        raise UsageError(
            f"`order` must have values that can be compared; found {listed} ({error}). Pass "
            "numbers, dates or text, all of one kind"
        ) from error
    missing = [(u, None) for u in units if u not in set(present)]
    return [*((u, values[u]) for u in present), *missing]


def _order_column(values: Sequence[Any]) -> pa.Array:
    """Make a column of the values that units were sorted by; as text if Arrow cannot hold them."""
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if v is None else str(v) for v in values])


def _as_sortable(value: Any) -> Any:
    """Convert a scalar of Arrow, or a date of NumPy, to a value of Python."""
    if isinstance(value, pa.Scalar):
        return value.as_py()
    if isinstance(value, np.datetime64) and np.datetime_data(value)[0] in ("W", "D"):
        # Arrow cannot convert a list of NumPy's dates.
        return value.astype("datetime64[D]").item()
    return value


def _is_missing(value: Any) -> bool:
    """Check whether a value is None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:
        # pandas' NA cannot be compared.
        return type(value).__name__ == "NAType"
    except ValueError:
        # An array compares element by element; it is a value.
        return False
